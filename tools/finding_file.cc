#include "tools/finding_file.h"

#include <fmt/core.h>

#include <filesystem>
#include <optional>

#include "lockstep/divergence.h"
#include "lockstep/guard.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/safe_minimise.h"

namespace mmtwin::tools {
namespace {

using lockstep::Verdict;

std::string name_of_finding(const CampaignFinding& finding) {
  if (finding.outcome.finding) return std::string(model::id_of(finding.outcome.finding->law));
  std::string name = "crash-" + finding.how;
  for (char& c : name) c = c == ' ' ? '-' : c;
  return name;
}

}  // namespace

FindingFile store_finding(const CampaignFinding& finding, const std::string& folder, double seconds) {
  FindingFile file;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  file.name = (std::filesystem::path(folder) / (name_of_finding(finding) + ".mmt")).string();
  file.before = file.operations = finding.program.operations.size();
  if (auto problem = lockstep::write_trace(file.name, finding.program)) {
    file.problem = *problem;
    return file;
  }
  auto system = lockstep::make_ours();
  lockstep::Runner runner(*system);
  lockstep::Minimised result = minimise_safely(runner, finding.program, finding.outcome, seconds);
  if (!result.fails) {
    // The worker had run other programs before this one: what it found needs their traces too.
    file.description = fmt::format("found, but the program alone does not show it: {}\n", file.name);
    return file;
  }
  lockstep::GuardOptions guard;
  guard.run.digests = true;
  lockstep::GuardedOutcome outcome = run_guarded(runner, result.program, guard);
  lockstep::Footer footer = footer_of(outcome, true);
  if (auto problem = lockstep::write_trace(file.name, result.program, &footer)) {
    file.problem = *problem;
    return file;
  }
  file.operations = result.after;
  file.seconds = result.seconds;
  file.minimal = result.minimal;
  bool is_described = outcome.outcome.verdict == Verdict::kDiverged || outcome.outcome.verdict == Verdict::kViolated;
  file.description = is_described ? describe_failure(runner, result.program, outcome.outcome, file.name).print()
                                  : fmt::format("crashed ({}) at step {}\n  replay: mmtwin replay {}\n", outcome.how(),
                                                outcome.outcome.step.raw(), file.name);
  file.description += fmt::format("  minimised: {} to {} operations{}\n", result.before, result.after,
                                  result.minimal ? "" : ", perhaps not minimal");
  return file;
}

}  // namespace mmtwin::tools
