#include <fmt/core.h>

#include <chrono>
#include <cstdio>

#include "lockstep/run/explore.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/commands/commands.h"
#include "tools/host/files.h"
#include "tools/host/interrupt.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

std::string turns_in_words(const std::vector<StepNumber>& turns) {
  std::string words;
  for (std::size_t i = 0; i < turns.size();) {
    std::size_t end = i;
    while (end < turns.size() && turns[end] == turns[i]) ++end;
    words += fmt::format(" {}x{}", turns[i].raw(), end - i);
    i = end;
  }
  return words;
}

ExitCode code_of(lockstep::ExploreReport::End end) {
  using End = lockstep::ExploreReport::End;
  switch (end) {
    case End::kComplete:
      return ExitCode::kAgreed;
    case End::kFound:
      return ExitCode::kDisagreed;
    case End::kUnrepeatable:
      return ExitCode::kHarness;
    case End::kRunsUsedUp:
    case End::kCancelled:
      break;
  }
  return ExitCode::kBudget;
}

ExitCode explore_one(lockstep::System& system, const std::string& name, const Program& program, StepNumber first,
                 const ExploreCommandOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  lockstep::ExploreOptions how;
  how.prunes = options.prunes;
  if (options.touches) how.at = Everywhere::kAtTouches;
  how.most_runs = options.most_runs;
  how.is_cancelled = interrupted;
  const lockstep::ExploreReport report = lockstep::explore(system, program, first, how);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{}: {}, {:.1f} s\n", name, report.print(), seconds.count());
  if (options.outcomes) {
    for (const std::string& outcome : report.outcomes) fmt::print("  {}\n", outcome);
  }
  if (!report.finding) return code_of(report.end);
  const lockstep::RunOutcome& found = *report.finding;
  fmt::print("  {} at step {}: law {} field {}: the model allows {}, the system has {}\n", name_of(found.verdict),
             found.step.raw(), model::id_of(found.finding->law), found.finding->field, found.finding->expected,
             found.finding->actual);
  fmt::print("  turns (step x points):{}\n", turns_in_words(report.schedule));
  return code_of(report.end);
}

// A finding counts more than that others could not be explored to their end.
ExitCode explore_pairs(lockstep::System& system, const ExploreCommandOptions& options) {
  std::size_t explored = 0;
  bool found = false;
  ExitCode worst = ExitCode::kAgreed;
  const std::vector<lockstep::RacingPair> pairs = lockstep::racing_pairs();
  for (const lockstep::RacingPair& pair : pairs) {
    if (interrupted()) break;
    const ExitCode code = explore_one(system, pair.name, pair.program, pair.first, options);
    found = found || code == ExitCode::kDisagreed;
    worst = worse_of(worst, code);
    ++explored;
  }
  if (interrupted()) {
    fmt::print("interrupted: {} of {} pairs were looked at\n", explored, pairs.size());
    worst = worse_of(worst, ExitCode::kBudget);
  }
  return found ? ExitCode::kDisagreed : worst;
}

}  // namespace

ExitCode explore(const ExploreCommandOptions& options) {
  auto system = lockstep::make_ours();
  catch_interrupts();
  if (options.file.empty()) return explore_pairs(*system, options);
  auto read = read_program(options.file, Form::kText);
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  const Program& program = std::get<lockstep::Trace>(read).program;
  const std::uint64_t steps = program.length();
  if (options.first == 0 || options.first > steps) {
    fmt::print(stderr, "{}: --from is a step, 1 to {}\n", options.file, steps);
    return ExitCode::kUsage;
  }
  return explore_one(*system, options.file, program, StepNumber(options.first), options);
}

}  // namespace mmtwin::tools
