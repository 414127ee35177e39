#include <fmt/core.h>

#include <chrono>
#include <cstdio>

#include "lockstep/explore.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/commands.h"
#include "tools/files.h"
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

// True: every schedule agrees.
bool explore_one(lockstep::System& system, const std::string& name, const Program& program, StepNumber first,
                 const ExploreCommandOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  lockstep::ExploreOptions how;
  how.prunes = options.prunes;
  how.most_runs = options.most_runs;
  const lockstep::ExploreReport report = lockstep::explore(system, program, first, how);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{}: {}, {:.1f} s\n", name, report.print(), seconds.count());
  if (options.outcomes) {
    for (const std::string& outcome : report.outcomes) fmt::print("  {}\n", outcome);
  }
  if (!report.finding) return true;
  const lockstep::RunOutcome& found = *report.finding;
  fmt::print("  {} at step {}: law {} field {}: the model allows {}, the system has {}\n", name_of(found.verdict),
             found.step.raw(), model::id_of(found.finding->law), found.finding->field, found.finding->expected,
             found.finding->actual);
  fmt::print("  turns (step x points):{}\n", turns_in_words(report.schedule));
  return false;
}

}  // namespace

ExitCode explore(const ExploreCommandOptions& options) {
  auto system = lockstep::make_ours();
  bool agrees = true;
  if (options.file.empty()) {
    for (const lockstep::RacingPair& pair : lockstep::racing_pairs())
      agrees = explore_one(*system, pair.name, pair.program, pair.first, options) && agrees;
    return agrees ? ExitCode::kAgreed : ExitCode::kDisagreed;
  }
  auto read = read_program(options.file, Form::kText);
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  const Program& program = std::get<lockstep::Trace>(read).program;
  const std::uint64_t steps = program.operations.size();
  if (options.first == 0 || options.first > steps) {
    fmt::print(stderr, "{}: --from is a step, 1 to {}\n", options.file, steps);
    return ExitCode::kUsage;
  }
  agrees = explore_one(*system, options.file, program, StepNumber(options.first), options);
  return agrees ? ExitCode::kAgreed : ExitCode::kDisagreed;
}

}  // namespace mmtwin::tools
