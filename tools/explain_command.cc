#include <fmt/core.h>

#include <cstdio>

#include "lockstep/guard.h"
#include "lockstep/report.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/words.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

// Prints as the run goes on, so that the story of a crash ends where the crash was.
class Storyteller final : public lockstep::StepObserver {
 public:
  explicit Storyteller(const ExplainOptions& options, std::uint64_t steps) : options_(options), steps_(steps) {}

  void on_step(const lockstep::StepView& step) override {
    std::uint64_t number = step.step.raw();
    bool is_told = number >= options_.first_step && (options_.last_step == 0 || number <= options_.last_step);
    if (is_told || step.finding) tell(step, number);
    std::fflush(stdout);
  }

 private:
  void tell(const lockstep::StepView& step, std::uint64_t number) {
    if (!step.operation) {
      fmt::print("boot\n");
    } else if (number > steps_) {
      fmt::print("at rest: {}\n", in_words(*step.operation));
    } else {
      fmt::print("{}: {}\n", number, in_words(*step.operation));
    }
    if (step.skip != model::Skip::kNone) {
      fmt::print("    not run: {}\n", model::kSkipNames[static_cast<unsigned>(step.skip)]);
      return;
    }
    if (options_.with_events) {
      for (const Event& event : step.events) fmt::print("    {}\n", in_words(event));
    }
    if (step.operation) fmt::print("    => {}\n", in_words(*step.operation, step.response));
    if (!step.finding) return;
    const model::Finding& finding = *step.finding;
    fmt::print("    {} is broken: {}\n", model::id_of(finding.law), model::claim_of(finding.law));
    fmt::print("      {}: the model allows {}, the system has {}\n", finding.field, finding.expected, finding.actual);
  }

  const ExplainOptions& options_;
  std::uint64_t steps_;
};

}  // namespace

ExitCode explain(const ExplainOptions& options) {
  auto read = read_program(options.file, options.bytes ? Form::kBytes : Form::kText);
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  const Program& program = std::get<lockstep::Trace>(read).program;
  auto system = lockstep::make_ours();
  lockstep::Runner runner(*system);
  Storyteller storyteller(options, program.operations.size());
  lockstep::GuardOptions guard;
  if (!options.json) {
    fmt::print("{}: {} operations on machine {}\n", options.file, program.operations.size(), print(program.machine));
    std::fflush(stdout);
    guard.run.observer = &storyteller;
    guard.run.locate = false;
  }
  lockstep::GuardedOutcome guarded = run_guarded(runner, program, guard);
  if (!guarded.problem.empty()) {
    fmt::print(stderr, "{}: {}\n", options.file, guarded.problem);
    return ExitCode::kHarness;
  }
  const lockstep::RunOutcome& outcome = guarded.outcome;
  bool agrees = outcome.verdict == lockstep::Verdict::kAgreed;
  if (options.json) {
    fmt::print("{}\n", replay_line(options.file, "ours", guarded, false));
  } else {
    fmt::print("{}{}{}\n", name_of(outcome.verdict), agrees ? "" : fmt::format(" at step {}", outcome.step.raw()),
               guarded.how().empty() ? "" : " (" + guarded.how() + ")");
  }
  if (!agrees) return ExitCode::kDisagreed;
  return outcome.executed == 0 ? ExitCode::kNothing : ExitCode::kAgreed;
}

}  // namespace mmtwin::tools
