#include "tools/mutants/mutant_trial.h"

#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "lockstep/traces/trace.h"
#include "tools/host/files.h"
#include "tools/host/subprocess.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array<std::string_view, kMutantVerdicts> kNames = {"judge",    "law",        "crash",          "hang",
                                                    "survived", "equivalent", "does not build", "failed"};
constexpr std::uint64_t kProgramOperations = 64;
constexpr double kSecondsToStore = 120;  // a finding; one that hangs is run again until the watchdog bites
// What is left of a machine that a mutant makes ask for everything.
constexpr rlim_t kMostBytes = rlim_t{4} << 30;

void limit_memory() {
  const rlimit bytes{kMostBytes, kMostBytes}, no_core{0, 0};
  ::setrlimit(RLIMIT_AS, &bytes);
  ::setrlimit(RLIMIT_CORE, &no_core);
}

struct Found {
  std::string trace;
  std::uint64_t operations = 0;
};

// What the campaign says about itself. nullopt: nothing.
std::optional<Found> read_campaign(const std::string& output) {
  auto text = read_file(output);
  const auto* all = std::get_if<std::string>(&text);
  if (all == nullptr) return std::nullopt;
  std::istringstream lines(*all);
  for (std::string line; std::getline(lines, line);) {
    const json object = json::parse(line, nullptr, false);
    if (!object.is_object() || object.value("kind", "") != "campaign") continue;
    Found found{.trace = {}, .operations = object.value("operations", std::uint64_t{0})};
    const auto traces = object.find("divergences");
    if (traces != object.end() && !traces->empty()) found.trace = traces->at(0);
    return found;
  }
  return std::nullopt;
}

// The trace's name says what was found; its footer also whether an answer was wrong or a law was broken.
void judge(const std::string& trace_file, MutantReport& report) {
  const std::string name = fs::path(trace_file).stem().string();
  if (name.starts_with("crash")) {
    report.verdict = name.starts_with("crash-hang") ? MutantVerdict::kHang : MutantVerdict::kCrash;
    return;
  }
  report.verdict = MutantVerdict::kJudge;
  report.law = name;
  const auto read = lockstep::read_trace(trace_file);
  const auto* trace = std::get_if<lockstep::Trace>(&read);
  if (trace == nullptr || !trace->footer) return;  // it takes more than the one program to show it
  report.law = trace->footer->law;
  if (trace->footer->verdict == lockstep::Verdict::kViolated) report.verdict = MutantVerdict::kLaw;
}

}  // namespace

std::string_view name_of(MutantVerdict verdict) { return kNames[static_cast<std::size_t>(verdict)]; }

std::optional<MutantVerdict> mutant_verdict_named(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<MutantVerdict>(i);
  }
  return std::nullopt;
}

// Without debug information a mutant that changes nothing gives the same bytes.
MutantTrial::MutantTrial(const TrialOptions& options, unsigned build_jobs)
    : options_(options),
      build_(options.source, options.work, {.type = "Mutant", .flags = "-O2", .jobs = build_jobs}),
      clean_program_(options.work + "/clean") {}

std::string MutantTrial::prepare() {
  if (std::string problem = build_.build(); !problem.empty()) return problem;
  std::error_code error;
  fs::copy_file(build_.program(), clean_program_, fs::copy_options::overwrite_existing, error);
  if (error) return clean_program_ + ": " + error.message();
  return {};
}

MutantReport MutantTrial::run_clean() { return play(); }

MutantReport MutantTrial::run(const Mutant& mutant) {
  MutantReport report;
  auto source = read_file((fs::path(options_.source) / mutant.file).string());
  if (auto* problem = std::get_if<FileProblem>(&source)) {
    report.problem = problem->message;
    return report;
  }
  if (!build_.build(mutant.file, mutated(std::get<std::string>(source), mutant)).empty()) {
    report.verdict = MutantVerdict::kNotBuilt;
    return report;
  }
  const auto program = read_file(build_.program()), clean = read_file(clean_program_);
  const auto* bytes = std::get_if<std::string>(&program);
  const auto* clean_bytes = std::get_if<std::string>(&clean);
  if (bytes == nullptr || clean_bytes == nullptr) {
    report.problem = "a program that was built cannot be read in " + options_.work;
    return report;
  }
  if (*bytes != *clean_bytes) return play();
  report.verdict = MutantVerdict::kEquivalent;
  return report;
}

MutantReport MutantTrial::play() {
  limit_memory();
  MutantReport report;
  report.verdict = MutantVerdict::kSurvived;
  using Clock = std::chrono::steady_clock;
  const std::string output = fs::absolute(options_.work + "/campaign.json").string();
  const std::string findings = fs::absolute(options_.work + "/findings").string();
  std::error_code ignored;
  fs::remove_all(findings, ignored);
  const std::uint64_t programs = std::max<std::uint64_t>(1, options_.operations / kProgramOperations);
  const Command command{
      .words = {fs::absolute(build_.program()).string(), "fuzz", "--no-asserts", "--json", "--minimise-seconds", "0",
                "--seed", std::to_string(options_.seed), "--operations", std::to_string(kProgramOperations),
                "--executions", std::to_string(programs), "--seconds", fmt::format("{:.3f}", options_.seconds),
                "--output", findings},
      .output_file = output,
      .error_file = fs::absolute(options_.work + "/campaign.log").string(),
      .seconds = options_.seconds + kSecondsToStore};
  const Clock::time_point start = Clock::now();
  const CommandResult result = run_command(command);
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const auto found = read_campaign(output);
  if (found) report.operations = found->operations;
  if (found && !found->trace.empty()) {
    judge(found->trace, report);
    return report;
  }
  // What it does to the campaign's own process, while its finding is run once more, is its doing as well.
  if (result.timed_out)
    report.verdict = MutantVerdict::kHang;
  else if (result.signal != 0)
    report.verdict = MutantVerdict::kCrash;
  else if (!found || result.status != 0) {
    report.verdict = MutantVerdict::kFailed;
    report.problem =
        fmt::format("the campaign ended with status {}; see {}/campaign.log", result.status, options_.work);
  }
  return report;
}

}  // namespace mmtwin::tools
