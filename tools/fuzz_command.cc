#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "impl/base/check.h"
#include "lockstep/perturb.h"
#include "lockstep/random.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/campaign.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/finding_file.h"
#include "tools/json_lines.h"
#include "tools/progress.h"
#include "tools/weights.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;

// nullopt: done; else what is wrong with the command line.
std::optional<std::string> prepare(const FuzzOptions& options, CampaignOptions& campaign) {
  auto machine = parse_machine(options.machine);
  if (!machine) return "--machine: " + print(machine.error());
  campaign.generate.machine = machine.value();
  campaign.generate.seed = options.seed;
  campaign.generate.operations = options.operations;
  campaign.generate.pauses = options.pauses;
  if (auto problem = set_target(options.target, campaign.generate)) return "--target: " + *problem;
  if (auto problem = set_weights(options.weights, campaign.generate.weights)) return "--weights: " + *problem;
  std::error_code ignored;
  const fs::file_status output = fs::status(options.output, ignored);
  // Said before the campaign: a finding that cannot be kept is lost.
  if (fs::exists(output) && !fs::is_directory(output)) return "--output: " + options.output + ": not a folder";
  campaign.seconds = options.seconds;
  campaign.executions = options.executions;
  campaign.jobs = std::max(1u, options.jobs);
  return std::nullopt;
}

void print_summary(const CampaignResult& result) {
  const lockstep::CampaignTotals& totals = result.totals;
  std::uint64_t all = totals.operations + totals.skipped;
  fmt::print("seed {}: {} programs, {} operations, {} skipped ({:.1f} %), {:.1f} s, {:.0f} operations/s\n", totals.seed,
             totals.executions, totals.operations, totals.skipped,
             all == 0 ? 0.0 : 100.0 * static_cast<double>(totals.skipped) / static_cast<double>(all), totals.seconds,
             totals.seconds > 0 ? static_cast<double>(totals.operations) / totals.seconds : 0.0);
  for (unsigned reason = 1; reason < model::kSkipReasons; ++reason) {
    if (result.skipped[reason] != 0)
      fmt::print("  skipped, {}: {}\n", model::kSkipNames[reason], result.skipped[reason]);
  }
  if (totals.gave_up != 0)
    fmt::print("  judged only up to an overlap that could not be followed: {} programs\n", totals.gave_up);
  fmt::print("laws exercised:\n{}", lockstep::print_laws(result.exercised));
}

// Alterations of legal runs, until the time is up; one process, since what counts is the table.
ExitCode perturb(const FuzzOptions& options, const CampaignOptions& campaign) {
  constexpr unsigned kAlterations = 16;
  auto system = lockstep::make_ours();
  lockstep::Perturber perturber(*system);
  lockstep::PerturbReport report;
  Progress progress(!options.json);
  auto start = std::chrono::steady_clock::now();
  auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  for (std::uint64_t n = 0; elapsed() < options.seconds && (options.executions == 0 || n < options.executions); ++n) {
    std::uint64_t seed = lockstep::Random(options.seed ^ n << 32).next();
    lockstep::PerturbReport one;
    perturber.run(campaign_program(campaign, n), seed, kAlterations, one);
    report.add(one, fmt::format("program {}", n));
    progress.show(
        fmt::format("{} programs, {} rejected, {} accepted", report.programs, report.rejected, report.accepted));
  }
  progress.clear();
  if (options.json) {
    fmt::print("{}\n", perturb_line(report, "all"));
  } else {
    fmt::print("{}", report.print());
  }
  if (report.programs == 0) return ExitCode::kNothing;
  return report.disagreed != 0 ? ExitCode::kDisagreed : ExitCode::kAgreed;
}

}  // namespace

ExitCode fuzz(const FuzzOptions& options) {
  CampaignOptions campaign;
  if (auto problem = prepare(options, campaign)) {
    fmt::print(stderr, "{}\n", *problem);
    return ExitCode::kUsage;
  }
  if (!options.corpus.empty()) {
    auto traces = read_corpus(options.corpus);
    if (auto* problem = std::get_if<FileProblem>(&traces)) {
      fmt::print(stderr, "{}\n", problem->message);
      return ExitCode::kMalformed;
    }
    for (NamedProgram& trace : std::get<std::vector<NamedProgram>>(traces))
      campaign.first.push_back(std::move(trace.program));
  }
  if (options.no_asserts) impl::set_checks_abort(false);
  if (options.perturb) return perturb(options, campaign);
  Progress progress(!options.json);
  CampaignResult result = run_campaign(campaign, [&](const lockstep::CampaignTotals& totals) {
    progress.show(
        fmt::format("{:.0f} s, {} programs, {} operations", totals.seconds, totals.executions, totals.operations));
  });
  progress.clear();
  if (!result.problem.empty()) {
    fmt::print(stderr, "{}\n", result.problem);
    return ExitCode::kHarness;
  }
  result.totals.target = options.target;
  FindingFile file;
  if (result.finding) {
    file = store_finding(*result.finding, options.output, kMinimiseSeconds);
    if (!file.problem.empty()) {
      fmt::print(stderr, "{}\n", file.problem);
      return ExitCode::kHarness;
    }
    result.totals.divergences.push_back(file.name);
  }
  if (options.json) {
    fmt::print("{}\n", campaign_line(result.totals));
    if (result.finding) fmt::print("{}\n", finding_line(file));
    for (const std::string& line : lockstep::law_lines(result.exercised)) fmt::print("{}\n", line);
    if (result.markers.reached != 0 || result.markers.triggered != 0) fmt::print("{}\n", markers_line(result.markers));
  } else {
    print_summary(result);
    fmt::print("{}", file.description);
  }
  if (result.finding) return ExitCode::kDisagreed;
  return result.totals.operations == 0 ? ExitCode::kNothing : ExitCode::kAgreed;
}

}  // namespace mmtwin::tools
