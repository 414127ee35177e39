#include <fmt/core.h>

#include "lockstep/generate.h"
#include "lockstep/perturb.h"
#include "lockstep/random.h"
#include "lockstep/report.h"
#include "lockstep/suts/ours/ours.h"
#include "model/laws.h"
#include "tools/campaign.h"
#include "tools/commands.h"
#include "tools/ending.h"
#include "tools/interrupt.h"
#include "tools/progress.h"

namespace mmtwin::tools {
namespace {

// Always the same programs and alterations, so that the list can be kept and compared.
ExitCode freedoms(const LawsOptions& options) {
  constexpr std::uint64_t kSeed = 1;
  constexpr unsigned kAlterations = 16;
  auto system = lockstep::make_ours();
  lockstep::Perturber perturber(*system);
  lockstep::PerturbReport report;
  Progress progress(!options.json);
  CampaignOptions campaign;
  campaign.generate.seed = kSeed;
  catch_interrupts();
  for (std::uint64_t n = 0; n < options.programs && !interrupted(); ++n) {
    perturber.run(campaign_program(campaign, n), lockstep::Random(n).next(), kAlterations, report);
    progress.show(fmt::format("{} of {} programs", n + 1, options.programs));
  }
  progress.clear();
  const Ending ending = ending_of(report);
  if (options.json) {
    fmt::print("{}\n", perturb_line(report, ending.verdict));
  } else {
    fmt::print("{}{}", report.print_freedoms(), in_words(ending));
  }
  return ending.code;
}

ExitCode points(const LawsOptions& options) {
  for (std::size_t i = 1; i < kPoints.size(); ++i) {
    if (options.json)
      fmt::print("{{\"point\":\"{}\",\"preemptible\":{},\"where\":\"{}\"}}\n", kPoints[i].name,
                 kPoints[i].is_preemptible, kPoints[i].where);
    else
      fmt::print("{:15} {:12} {}\n", kPoints[i].name, kPoints[i].is_preemptible ? "preemptible" : "", kPoints[i].where);
  }
  return ExitCode::kAgreed;
}

}  // namespace

ExitCode laws(const LawsOptions& options) {
  if (options.freedoms) return freedoms(options);
  if (options.points) return points(options);
  if (options.json) {
    for (const std::string& line : lockstep::law_lines(model::LawCounts{})) fmt::print("{}\n", line);
  } else {
    for (const model::LawRow& row : model::kLaws) fmt::print("{:11} {}\n", row.id, row.claim);
  }
  return ExitCode::kAgreed;
}

}  // namespace mmtwin::tools
