#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include "lockstep/children/guard.h"
#include "lockstep/reports/report.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/commands/commands.h"
#include "tools/host/files.h"
#include "tools/reports/changed_ranges.h"
#include "tools/reports/words.h"
#include "vocab/operations.h"
#include "vocab/text.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

constexpr unsigned kColumn = 40;  // characters a CPU gets where operations overlap

// Without exceptions: whether all of it could be written is asked at the end.
template <class... Arguments>
void put(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  const std::string text = fmt::format(format, std::forward<Arguments>(arguments)...);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

// Prints as the run goes on, so that the story of a crash ends where the crash was. Where operations overlap, each CPU
// has a column of its own.
class Storyteller final : public lockstep::StepObserver {
 public:
  Storyteller(const ExplainOptions& options, const Program& program, lockstep::Runner& runner)
      : options_(options),
        program_(program),
        steps_(program.operations.size()),
        changed_ranges_(runner.system(), runner.model()) {
    const auto pauses = [](const Operation& operation) { return !pause_of(operation).is_none(); };
    has_columns_ = std::any_of(program.operations.begin(), program.operations.end(), pauses);
  }

  void on_step(const lockstep::StepView& step) override {
    std::uint64_t number = step.step.raw();
    bool is_told = number >= options_.first_step && (options_.last_step == 0 || number <= options_.last_step);
    is_told = is_told || step.finding;
    if (is_told) tell(step, number);
    std::fflush(stdout);
    for (const RangeList& list : changed_ranges_.after(step)) {
      if (is_told) show(list, step.operation ? column(cpu_of(*step.operation)) : "");
    }
    std::fflush(stdout);
  }

 private:
  void tell(const lockstep::StepView& step, std::uint64_t number) {
    if (!step.operation) {
      put("boot\n");
    } else if (number > steps_) {
      put("at rest: {}\n", in_words(*step.operation));
    } else {
      const auto note = program_.notes.find(number);
      put("{}{}: {}{}\n", column(cpu_of(*step.operation)), number, in_words(*step.operation),
          note == program_.notes.end() ? "" : "  # " + mentioned(note->second));
    }
    if (step.skip != model::Skip::kNone) {
      put("    not run: {}\n", model::kSkipNames[static_cast<unsigned>(step.skip)]);
      return;
    }
    if (options_.with_events) {
      acting_ = number;
      for (const Event& event : step.events) tell(event);
    }
    if (step.operation) tell_answers(step);
    if (!step.finding) return;
    const model::Finding& finding = *step.finding;
    put("    {} is broken: {}\n", model::id_of(finding.law), model::claim_of(finding.law));
    put("      {}: the model allows {}, the system has {}\n", finding.field, finding.expected, finding.actual);
  }
  // What is done inside of something stands further to the right.
  void tell(const Event& event) {
    if (event.kind == EventKind::kWentOn) acting_ = event.place;
    unsigned& depth = depths_[acting_];
    const bool ends = event.kind == EventKind::kActivityEnded || event.kind == EventKind::kInterruptAnswered;
    if (ends && depth > 0) --depth;
    put("{}    {}{}\n", column(event.cpu), std::string(2 * std::size_t{depth}, ' '), in_words(event));
    if (event.kind == EventKind::kActivityBegun || event.kind == EventKind::kInterrupted) ++depth;
  }
  // Of operations that paused before, the answer comes with the event that ends them.
  void tell_answers(const lockstep::StepView& step) const {
    for (const Event& event : step.events) {
      if (event.kind != EventKind::kEnded) continue;
      const Response answer{static_cast<Refusal>(event.index), event.after};
      put("{}    => step {}: {}\n", column(event.cpu), event.place,
          in_words(program_.operations[event.place - 1], answer));
    }
    const bool goes_on = std::holds_alternative<Resume>(*step.operation);
    if (step.is_in_flight) put("{}    => pauses\n", column(cpu_of(*step.operation)));
    else if (!goes_on) put("{}    => {}\n", column(cpu_of(*step.operation)), in_words(*step.operation, step.response));
  }
  static void show(const RangeList& list, const std::string& column) {
    if (list.lines.empty()) put("{}    p{} has no ranges\n", column, list.space.number());
    else put("{}    p{}:\n", column, list.space.number());
    for (const std::string& line : list.lines) put("{}      {}\n", column, line);
  }
  std::string column(CpuId cpu) const { return std::string(has_columns_ ? cpu.raw() * kColumn : 0, ' '); }

  const ExplainOptions& options_;
  const Program& program_;
  std::uint64_t steps_;
  std::uint64_t acting_ = 0;                  // step
  std::map<std::uint64_t, unsigned> depths_;  // of activities, by step
  ChangedRanges changed_ranges_;
  bool has_columns_ = false;
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
  Storyteller storyteller(options, program, runner);
  lockstep::GuardOptions guard;
  if (!options.json) {
    fmt::print("{}: {} on machine {}\n", options.file, counted(program.operations.size(), "operation"),
               print(program.machine));
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
