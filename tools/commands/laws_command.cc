#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>

#include "lockstep/generate/generate.h"
#include "lockstep/perturb/perturb.h"
#include "lockstep/random.h"
#include "lockstep/reports/report.h"
#include "lockstep/suts/ours/ours.h"
#include "model/laws.h"
#include "tools/campaign/campaign.h"
#include "tools/commands/commands.h"
#include "tools/commands/ending.h"
#include "tools/commands/progress.h"
#include "tools/host/files.h"
#include "tools/host/interrupt.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

// What was measured with programs whose operations never overlap, and with others.
struct Measured {
  lockstep::PerturbReport alone, overlapping;
};

bool may_overlap(const Program& program) {
  return std::any_of(program.operations.begin(), program.operations.end(),
                     [](const Operation& operation) { return !pause_of(operation).is_none(); });
}

void add(const lockstep::PerturbReport& one, const Program& program, const std::string& name, Measured& into) {
  (may_overlap(program) ? into.overlapping : into.alone).add(one, name);
}

// The same seed gives the same programs and alterations.
void measure_generated(const LawsOptions& options, lockstep::Perturber& perturber, Measured& into) {
  constexpr unsigned kAlterations = 16;
  Progress progress(!options.json);
  CampaignOptions campaign;
  campaign.generate.seed = options.seed;
  campaign.generate.pauses = options.pauses;
  for (std::uint64_t n = 0; n < options.programs && !interrupted(); ++n) {
    const Program program = campaign_program(campaign, n);
    lockstep::PerturbReport one;
    perturber.run(program, lockstep::Random(n).next(), kAlterations, one);
    add(one, program, fmt::format("program {}", n), into);
    progress.show(fmt::format("{} of {} programs", n + 1, options.programs));
  }
  progress.clear();
}

// nullopt: done; else what could not be read.
std::optional<std::string> measure_stored(const LawsOptions& options, lockstep::Perturber& perturber, Measured& into) {
  Progress progress(!options.json);
  for (const std::string& folder : options.corpus) {
    const auto read = read_corpus(folder);
    if (const auto* problem = std::get_if<FileProblem>(&read)) return problem->message;
    for (const auto& [name, program] : std::get<std::vector<NamedProgram>>(read)) {
      if (interrupted()) break;
      lockstep::PerturbReport one;
      perturber.run_all(program, options.most, one);
      add(one, program, name, into);
      progress.show(name);
    }
  }
  progress.clear();
  return std::nullopt;
}

ExitCode freedoms(const LawsOptions& options) {
  auto system = lockstep::make_ours();
  lockstep::Perturber perturber(*system);
  Measured measured;
  catch_interrupts();
  if (options.corpus.empty()) {
    measure_generated(options, perturber, measured);
  } else if (auto problem = measure_stored(options, perturber, measured)) {
    fmt::print(stderr, "{}\n", *problem);
    return ExitCode::kMalformed;
  }
  const auto& [alone, overlapping] = measured;
  lockstep::PerturbReport all = alone;
  all.add(overlapping, "");
  const Ending ending = ending_of(all);
  if (options.json) {
    fmt::print("{}\n{}\n", perturb_line(alone, "alone", ending.verdict),
               perturb_line(overlapping, "overlapping", ending.verdict));
  } else {
    fmt::print("{}{}{}", alone.print_freedoms(""), overlapping.print_freedoms("overlapping: "), in_words(ending));
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
