#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "impl/base/check.h"
#include "lockstep/perturb/perturb.h"
#include "lockstep/random.h"
#include "lockstep/traces/trace.h"
#include "tools/campaign/campaign.h"
#include "tools/campaign/finding_file.h"
#include "tools/campaign/weights.h"
#include "tools/commands/commands.h"
#include "tools/commands/ending.h"
#include "tools/commands/progress.h"
#include "tools/commands/systems.h"
#include "tools/host/files.h"
#include "tools/host/interrupt.h"
#include "tools/reports/json_lines.h"
#include "vocab/text.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;

// nullopt: done; else what is wrong with the command line.
std::optional<std::string> prepare(const FuzzOptions& options, CampaignOptions& campaign) {
  if (options.sut == "recorded") return "--sut: a recording is judged by replay and minimise";
  campaign.draws_machines = options.machine.empty();
  if (!campaign.draws_machines) {
    auto machine = parse_machine(options.machine);
    if (!machine) return "--machine: " + print(machine.error());
    campaign.generate.machine = machine.value();
  }
  campaign.generate.seed = options.seed;
  campaign.generate.operations = options.operations;
  campaign.generate.pauses = options.pauses;
  if (auto problem = set_target(options.target, campaign.generate)) return "--target: " + *problem;
  if (auto problem = set_weights(options.weights, campaign.generate.weights)) return "--weights: " + *problem;
  if (!options.perturb) {
    // Said before the campaign: a finding that cannot be kept is lost.
    if (auto problem = prepare_folder(options.output)) return "--output: " + *problem;
  }
  campaign.seconds = options.seconds;
  campaign.executions = options.executions;
  campaign.jobs = std::max(1u, options.jobs);
  return std::nullopt;
}

// One that does not narrate is judged by few laws: the others are left out.
void print_summary(const CampaignResult& result, bool narrates) {
  const lockstep::CampaignTotals& totals = result.totals;
  std::uint64_t all = totals.operations + totals.skipped;
  fmt::print("seed {}: {}, {}, {} skipped ({:.1f} %), {:.1f} s, {:.0f} operations/s\n", totals.seed,
             counted(totals.executions, "program"), counted(totals.operations, "operation"), totals.skipped,
             all == 0 ? 0.0 : 100.0 * static_cast<double>(totals.skipped) / static_cast<double>(all), totals.seconds,
             totals.seconds > 0 ? static_cast<double>(totals.operations) / totals.seconds : 0.0);
  for (unsigned reason = 1; reason < model::kSkipReasons; ++reason) {
    if (result.skipped[reason] != 0)
      fmt::print("  skipped, {}: {}\n", model::kSkipNames[reason], result.skipped[reason]);
  }
  if (totals.gave_up != 0)
    fmt::print("  judged only up to an overlap that could not be followed: {}\n", counted(totals.gave_up, "program"));
  fmt::print("machines: {}\n", totals.machine);
  fmt::print("laws exercised:\n{}", lockstep::print_laws(result.exercised, narrates));
}

// Alterations of legal runs, until the time is up; one process, since what counts is the table.
ExitCode perturb(const FuzzOptions& options, const CampaignOptions& campaign) {
  constexpr unsigned kAlterations = 16;
  auto system = campaign.make_system();
  lockstep::Perturber perturber(*system);
  lockstep::PerturbReport report;
  Progress progress(!options.json);
  auto start = std::chrono::steady_clock::now();
  auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const auto goes_on = [&](std::uint64_t n) {
    return !interrupted() && elapsed() < options.seconds && (options.executions == 0 || n < options.executions);
  };
  for (std::uint64_t n = 0; goes_on(n); ++n) {
    std::uint64_t seed = lockstep::Random(options.seed ^ n << 32).next();
    lockstep::PerturbReport one;
    perturber.run(campaign_program(campaign, n), seed, kAlterations, one);
    report.add(one, fmt::format("program {}", n));
    progress.show(
        fmt::format("{}, {} rejected, {} accepted", counted(report.programs, "program"), report.rejected,
                    report.accepted));
  }
  progress.clear();
  const Ending ending = ending_of(report);
  if (options.json) {
    fmt::print("{}\n", perturb_line(report, "all", ending.verdict));
  } else {
    fmt::print("{}{}", report.print(), in_words(ending));
  }
  return ending.code;
}

std::string keep_unexplained(const UnexplainedEnd& end, const std::string& folder) {
  std::string how = end.how;
  std::replace(how.begin(), how.end(), ' ', '-');
  std::error_code ignored;
  fs::create_directories(folder, ignored);
  const fs::path file = fs::path(folder) / fmt::format("unexplained-{}-{}.mmt", how, end.number);
  const auto problem = lockstep::write_trace(file, end.program);
  return fmt::format("a worker ended ({}) while it ran program {}, but {}{}\n", end.how, end.number, end.replayed,
                     problem ? "; " + *problem : ": mmtwin replay " + file.string());
}

// What was found is found, whatever else went wrong.
Ending ending_of(const CampaignResult& result) {
  if (result.finding) return {std::string(name_of(result.finding->outcome.verdict)), ExitCode::kDisagreed};
  if (result.was_interrupted) return {"interrupted", ExitCode::kBudget};
  if (!result.unexplained.empty()) return {"unexplained", ExitCode::kHarness};
  if (result.totals.operations == 0) return {"nothing", ExitCode::kNothing};
  return {"agreed", ExitCode::kAgreed};
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
  campaign.make_system = [sut = options.sut] { return make_system(sut, true); };
  const auto system = make_system(options.sut);
  campaign.generate.kinds &= system->offered();
  if (options.no_asserts) impl::set_checks_abort(false);
  catch_interrupts();
  if (options.perturb) return perturb(options, campaign);
  Progress progress(!options.json);
  CampaignResult result = run_campaign(campaign, [&](const lockstep::CampaignTotals& totals) {
    progress.show(
        fmt::format("{:.0f} s, {}, {}", totals.seconds, counted(totals.executions, "program"),
                    counted(totals.operations, "operation")));
  });
  progress.clear();
  if (!result.problem.empty()) {
    fmt::print(stderr, "{}\n", result.problem);
    return ExitCode::kHarness;
  }
  for (const UnexplainedEnd& end : result.unexplained) fmt::print(stderr, "{}", keep_unexplained(end, options.output));
  const Ending ending = ending_of(result);
  result.totals.target = options.target;
  result.totals.machine = campaign.draws_machines ? "drawn" : print(campaign.generate.machine);
  result.totals.verdict = ending.verdict;
  FindingFile file;
  if (result.finding) {
    file = store_finding(*system, *result.finding, options.output, options.minimise_seconds, interrupted);
    if (!file.problem.empty()) {
      fmt::print(stderr, "{}\nthe finding, which could not be kept:\n{}", file.problem, file.unsaved);
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
    print_summary(result, system->claims().narrates());
    fmt::print("{}{}{}", what_is_not_judged(*system), file.description, in_words(ending));
  }
  return ending.code;
}

}  // namespace mmtwin::tools
