#include "tools/campaign/finding_file.h"

#include <fmt/core.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "lockstep/children/guard.h"
#include "lockstep/minimise/safe_minimise.h"
#include "lockstep/traces/trace.h"
#include "lockstep/traces/whole_file.h"
#include "tools/host/files.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;

constexpr double kConfirmShare = 0.1;  // of the seconds: for the last run, which tells the story

std::string name_of_finding(const CampaignFinding& finding) {
  if (finding.outcome.finding) return std::string(model::id_of(finding.outcome.finding->law));
  std::string name = "crash-" + finding.how;
  for (char& c : name) c = c == ' ' ? '-' : c;
  return name;
}

// As if the worker had been guarded.
lockstep::GuardedOutcome guarded(const CampaignFinding& finding) {
  lockstep::GuardedOutcome outcome;
  outcome.outcome = finding.outcome;
  if (!finding.outcome.how.empty()) return outcome;  // only the system ended
  outcome.hung = finding.how == "hang";
  for (int signal = 1; signal < NSIG; ++signal) {
    const char* name = ::sigabbrev_np(signal);
    if (name != nullptr && finding.how == std::string("SIG") + name) outcome.signal = signal;
  }
  return outcome;
}

// `name` still holds `raw`, or somebody has put another file there meanwhile, which stays.
std::optional<std::string> put_in_place(const std::string& raw, const std::string& minimised, const fs::path& wanted,
                                        std::string& name) {
  const auto now = read_file(name);
  const auto* text = std::get_if<std::string>(&now);
  if (text != nullptr && *text == raw) return lockstep::replace_file(name, minimised);
  const lockstep::CreatedFile created = lockstep::create_file(wanted, minimised);
  name = created.name.string();
  return created.problem.empty() ? std::nullopt : std::optional(created.problem);
}

}  // namespace

std::optional<std::string> prepare_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return mentioned(folder) + ": " + error.message();
  if (!fs::is_directory(folder, error)) return mentioned(folder) + ": is no folder";
  return lockstep::folder_problem(folder);
}

FindingFile store_finding(lockstep::System& system, const CampaignFinding& finding, const std::string& folder,
                          double seconds, const std::function<bool()>& is_interrupted) {
  FindingFile file;
  file.before = file.operations = finding.program.length();
  std::error_code ignored;  // what is wrong with the folder, the file will say
  fs::create_directories(folder, ignored);
  const std::string raw = lockstep::print_trace(finding.program);
  const fs::path wanted = fs::path(folder) / (name_of_finding(finding) + ".mmt");
  const lockstep::CreatedFile created = lockstep::create_file(wanted, raw);
  file.name = created.name.string();
  if (!created.problem.empty()) {
    file.problem = created.problem;
    file.unsaved = raw;
    return file;
  }
  lockstep::Runner runner(system);
  const lockstep::GuardedOutcome original = guarded(finding);
  lockstep::SafeMinimiseOptions how;
  how.seconds = seconds * (1 - kConfirmShare);
  how.is_interrupted = is_interrupted;
  const lockstep::Minimised result = minimise_safely(runner, finding.program, original, how);
  if (!result.fails) {
    // The worker had run other programs before this one: what it found needs their traces too.
    file.description = fmt::format("found, but the program alone does not show it: {}\n", file.name);
    return file;
  }
  const lockstep::Confirmation now = confirm(runner, result, original, file.name, seconds * kConfirmShare);
  file.operations = result.after;
  file.seconds = result.seconds;
  file.minimal = result.minimal;
  file.description = now.story + fmt::format("  minimised: {} to {}{}\n", result.before,
                                             counted(result.after, "operation"),
                                             result.minimal ? "" : ", perhaps not minimal");
  const std::string minimised = lockstep::print_trace(result.program, &now.footer);
  if (const auto problem = put_in_place(raw, minimised, wanted, file.name)) {
    // The finding is kept, only as it was found.
    file.description += fmt::format("{}\nthe minimised program is:\n{}", *problem, minimised);
  }
  return file;
}

}  // namespace mmtwin::tools
