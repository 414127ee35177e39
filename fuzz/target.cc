#include "fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "fuzz/finding.h"
#include "lockstep/minimise/safe_minimise.h"
#include "lockstep/traces/trace.h"
#include "lockstep/traces/whole_file.h"
#include "vocab/bytes.h"
#include "vocab/operations.h"
#include "vocab/wording.h"

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
  if (wanted == nullptr) return kMinimiseSeconds;
  char* end = nullptr;
  const double seconds = std::strtod(wanted, &end);
  if (end != wanted && *end == '\0' && seconds >= 0) return seconds;
  std::fprintf(stderr, "MMTWIN_MINIMISE_SECONDS: %s is no number of seconds; %g are taken\n", in_quotes(wanted).c_str(),
               kMinimiseSeconds);
  return kMinimiseSeconds;
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
               "%s: %s, %s judged on %s, %.1f %% skipped; laws never exercised: %s\n", options_.name.c_str(),
               counted(totals_.executions, "program").c_str(), counted(totals_.operations, "operation").c_str(),
               counted(totals_.items, "item").c_str(),
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
  const std::string law = outcome.finding ? std::string(model::id_of(outcome.finding->law)) : "";
  // On disk before anything is run again, and never in the place of an earlier finding.
  const lockstep::CreatedFile created = lockstep::create_file(finding_file(law), lockstep::print_trace(program_));
  const std::string file = created.name.string();
  lockstep::GuardedOutcome original;
  original.outcome = outcome;
  lockstep::SafeMinimiseOptions options;
  options.seconds = minimise_seconds();
  lockstep::Minimised small = minimise_safely(runner_, program_, original, options);
  if (!small.fails) small.program = program_;
  const lockstep::Confirmation now = confirm(runner_, small, original, file, kMinimiseSeconds);
  const std::string trace = lockstep::print_trace(small.program, &now.footer);
  const auto problem = created.problem.empty() ? lockstep::replace_file(file, trace) : created.problem;
  std::fprintf(stderr, "%s\n%s, %zu after minimising%s\n", now.story.c_str(),
               counted(program_.operations.size(), "operation").c_str(), small.program.operations.size(),
               small.minimal ? " (1-minimal, checked)" : "");
  if (problem) {
    std::fprintf(stderr, "%s\nthe finding, which could not be kept:\n%s", problem->c_str(), trace.c_str());
    report_finding("mmtwin replay FILE, once the trace above is in one");
  } else {
    report_finding("mmtwin replay " + file);
  }
}

}  // namespace mmtwin::fuzz
