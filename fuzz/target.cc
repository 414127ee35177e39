#include "fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "fuzz/finding.h"
#include "lockstep/divergence.h"
#include "lockstep/minimise.h"
#include "lockstep/trace.h"
#include "vocab/bytes.h"

namespace mmtwin::fuzz {
namespace {

constexpr std::uint64_t kMostFrames = 4096;  // a machine larger than that costs too much per input
constexpr std::size_t kMostOperations = 1000;
constexpr double kMinimiseSeconds = 10;
constexpr unsigned kAuditEvery = 4;  // an audit of all frames costs as much as the rest of a short program

// Which inputs end in a full audit: decided by their bytes, so that an input does the same wherever it runs.
bool is_audited(std::span<const std::uint8_t> input) {
  std::uint32_t digest = 0x811c9dc5;
  for (const std::uint8_t byte : input) digest = (digest ^ byte) * 0x01000193;
  return digest % kAuditEvery == 0;
}

std::string finding_file(const std::string& law) {
  if (const char* named = std::getenv("MMTWIN_FINDING")) return named;
  return "finding-" + (law.empty() ? std::string("unknown") : law) + ".mmt";
}

double minimise_seconds() {
  const char* wanted = std::getenv("MMTWIN_MINIMISE_SECONDS");
  return wanted == nullptr ? kMinimiseSeconds : std::atof(wanted);
}

}  // namespace

Target::Target(TargetOptions options, std::unique_ptr<lockstep::System> system)
    : options_(std::move(options)), system_(std::move(system)), runner_(system_), mutator_(options_.kinds) {
  totals_.target = options_.name;
}

Target::~Target() {
  if (totals_.executions == 0) return;
  const model::LawCounts& laws = runner_.model().exercised();
  std::string never;
  for (std::size_t law = 0; law < laws.size(); ++law) {
    if (laws[law] == 0) never += (never.empty() ? "" : " ") + std::string(model::id_of(static_cast<model::Law>(law)));
  }
  const std::uint64_t tried = totals_.operations + totals_.skipped;
  std::fprintf(stderr,
               "%s: %llu programs, %llu operations judged on %llu items, %.1f %% skipped; laws never exercised: %s\n",
               options_.name.c_str(), static_cast<unsigned long long>(totals_.executions),
               static_cast<unsigned long long>(totals_.operations), static_cast<unsigned long long>(totals_.items),
               tried == 0 ? 0.0 : 100.0 * static_cast<double>(totals_.skipped) / static_cast<double>(tried),
               never.empty() ? "none" : never.c_str());
}

int Target::run(std::span<const std::uint8_t> input) {
  decode(input, program_);
  std::vector<Operation>& operations = program_.operations;
  std::erase_if(operations, [&](const Operation& o) { return (options_.kinds >> o.index() & 1) == 0; });
  if (operations.empty() || operations.size() > kMostOperations) return -1;
  if (program_.machine.frame_limit() > kMostFrames) return -1;

  const model::LawCounts before = runner_.model().exercised();
  lockstep::RunOptions options;
  options.audit_at_end = is_audited(input);
  const lockstep::RunOutcome outcome = runner_.run(program_, options);
  totals_.add(outcome);
  count_laws(before, runner_.model().exercised());
  if (outcome.verdict != lockstep::Verdict::kAgreed) report(outcome);
  return outcome.executed == 0 ? -1 : 0;
}

void Target::report(const lockstep::RunOutcome& outcome) {
  lockstep::MinimiseOptions options;
  options.seconds = minimise_seconds();
  lockstep::Minimised small = lockstep::minimise(program_, lockstep::probe_with(runner_, outcome), options);
  if (!small.fails) small.program = program_;
  const lockstep::RunOutcome last = runner_.run(small.program);
  const std::string law = outcome.finding ? std::string(model::id_of(outcome.finding->law)) : "";
  const std::string file = finding_file(law);
  const lockstep::Footer footer = lockstep::footer_of(last, false);
  const auto problem = lockstep::write_trace(file, small.program, &footer);
  const lockstep::Divergence story = lockstep::describe_failure(runner_, small.program, last, file);
  std::fprintf(stderr, "%s\n", story.print().c_str());
  std::fprintf(stderr, "%zu operations, %zu after minimising%s\n", program_.operations.size(),
               small.program.operations.size(), small.minimal ? " (1-minimal, checked)" : "");
  if (problem) std::fprintf(stderr, "the trace could not be written: %s\n", problem->c_str());
  report_finding("mmtwin replay " + file);
}

}  // namespace mmtwin::fuzz
