#include <fmt/core.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "impl/base/check.h"
#include "lockstep/children/guard.h"
#include "lockstep/reports/divergence.h"
#include "lockstep/reports/report.h"
#include "lockstep/traces/recorded_play.h"
#include "tools/commands/commands.h"
#include "tools/commands/systems.h"
#include "tools/host/files.h"
#include "tools/reports/recorded_comparison.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

using lockstep::Verdict;

struct Replayed {
  lockstep::GuardedOutcome guarded;
  std::uint64_t mismatches = 0;
  std::uint64_t assumed = 0;  // answers
  std::string mismatch_text;
  std::string failure_text;
  std::string replay;  // the command
  std::string not_judged;
};

std::string skip_reasons(const lockstep::RunOutcome& outcome) {
  std::string text;
  for (unsigned reason = 1; reason < model::kSkipReasons; ++reason) {
    if (outcome.skipped[reason] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", model::kSkipNames[reason], outcome.skipped[reason]);
  }
  return text.empty() ? "" : " (" + text + ")";
}

Replayed run(const ReplayOptions& options, const std::string& file, const lockstep::Trace& trace) {
  const Program& program = trace.program;
  const auto system = make_system(options.sut);
  lockstep::Runner runner(*system);
  SharedMismatches shared;
  RecordedComparison comparison(program, *system, shared.counts());
  lockstep::GuardOptions guard;
  guard.run.digests = true;
  guard.watchdog_seconds = options.watchdog_seconds;
  if (options.sut != "recorded" && !program.recorded.empty()) guard.run.observer = &comparison;
  Replayed replayed;
  replayed.guarded = run_guarded(runner, program, guard);
  replayed.mismatches = shared.counts().mismatches;
  if (!program.recorded.empty()) replayed.assumed = lockstep::answers_assumed(program);
  replayed.mismatch_text = shared.counts().text;
  replayed.not_judged = what_is_not_judged(*system);
  replayed.replay = lockstep::replay_command(*system, file);
  const lockstep::RunOutcome& outcome = replayed.guarded.outcome;
  bool is_described = outcome.verdict != Verdict::kAgreed && outcome.verdict != Verdict::kCrashed;
  if (is_described && !options.json) {
    replayed.failure_text = describe_failure(runner, program, outcome, file).print();
  }
  return replayed;
}

// Answers are the contract: they may not differ from those of the run that wrote the footer.
bool digests_differ(const lockstep::Trace& trace, const lockstep::RunOutcome& outcome) {
  return trace.footer && !trace.footer->answers.empty() && trace.footer->verdict == Verdict::kAgreed &&
         outcome.verdict == Verdict::kAgreed && trace.footer->answers != lockstep::hex(outcome.answers);
}

void print_outcome(const std::string& file, const Replayed& replayed) {
  const lockstep::RunOutcome& outcome = replayed.guarded.outcome;
  std::string line = fmt::format("{}: {}", file, name_of(outcome.verdict));
  if (outcome.verdict == Verdict::kCrashed) {
    line += fmt::format(" ({}) at step {}", replayed.guarded.how(), outcome.step.raw());
  }
  if (replayed.assumed != 0) line += ", " + counted(replayed.assumed, "answer") + " assumed";
  line += fmt::format(", {}, {} skipped{}", counted(outcome.executed, "operation"), outcome.skipped_total(),
                      skip_reasons(outcome));
  const std::string mismatches = counted(replayed.mismatches, "mismatch", "mismatches");
  fmt::print("{}, {}\n{}", line, mismatches, replayed.failure_text);
  if (outcome.verdict == Verdict::kCrashed) fmt::print("  replay: {}\n", replayed.replay);
  if (replayed.mismatches != 0) fmt::print("  {}", replayed.mismatch_text);
  fmt::print("{}", replayed.not_judged);
}

ExitCode judge(const ReplayOptions& options, const std::string& file, const lockstep::Trace& trace,
               const Replayed& replayed) {
  const lockstep::RunOutcome& outcome = replayed.guarded.outcome;
  if (!options.expect_verdict.empty()) {
    bool is_expected = options.expect_verdict == name_of(outcome.verdict) ||
                       (options.expect_verdict == "failed" && outcome.verdict != Verdict::kAgreed);
    if (!is_expected) {
      fmt::print(stderr, "{}: expected {}, but it {}\n", file, options.expect_verdict, name_of(outcome.verdict));
      return ExitCode::kDisagreed;
    }
  } else if (outcome.verdict != Verdict::kAgreed) {
    return ExitCode::kDisagreed;
  }
  if (options.sut == "ours" && digests_differ(trace, outcome)) {
    fmt::print(stderr, "{}: the answers' digest is {}, the trace says {}\n", file, lockstep::hex(outcome.answers),
               trace.footer->answers);
    return ExitCode::kDisagreed;
  }
  // A recording that is judged vouches for what it holds alone.
  const bool is_assumed = options.sut == "recorded" && replayed.assumed != 0;
  if (options.strict && (replayed.mismatches != 0 || is_assumed)) return ExitCode::kDisagreed;
  // A trace that failed without any operation shows what boot and tidying up alone do wrong: those were run.
  const bool needs_none = trace.program.operations.empty() && trace.footer && trace.footer->verdict != Verdict::kAgreed;
  const bool ran_nothing = outcome.executed == 0 && !needs_none;
  return ran_nothing && outcome.verdict == Verdict::kAgreed ? ExitCode::kNothing : ExitCode::kAgreed;
}

ExitCode replay_file(const ReplayOptions& options, const std::string& file) {
  auto read = read_program(file, options.bytes ? Form::kBytes : Form::kText);
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  const auto& trace = std::get<lockstep::Trace>(read);
  if (options.sut == "recorded" && trace.program.recorded.empty()) {
    fmt::print(stderr, "{}: holds no recorded answers\n", file);
    return ExitCode::kNothing;
  }
  Replayed replayed = run(options, file, trace);
  if (!replayed.guarded.problem.empty()) {
    fmt::print(stderr, "{}: {}\n", file, replayed.guarded.problem);
    return ExitCode::kHarness;
  }
  if (options.json) {
    fmt::print("{}\n", replay_line(file, options.sut, replayed.guarded, true, replayed.mismatches, replayed.assumed));
  } else {
    print_outcome(file, replayed);
  }
  std::fflush(stdout);
  return judge(options, file, trace, replayed);
}

}  // namespace

ExitCode replay(const ReplayOptions& options) {
  if (options.no_asserts) impl::set_checks_abort(false);
  ExitCode worst = ExitCode::kAgreed;
  for (const std::string& file : options.files) worst = worse_of(worst, replay_file(options, file));
  return worst;
}

}  // namespace mmtwin::tools
