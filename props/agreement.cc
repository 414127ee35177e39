#include "props/agreement.h"

#include <cstdlib>
#include <filesystem>

#include "lockstep/minimise/minimise.h"
#include "lockstep/reports/divergence.h"
#include "lockstep/suts/ours/ours.h"
#include "lockstep/traces/trace.h"
#include "vocab/text.h"

namespace mmtwin::props {
namespace {

// Beside the programs if the test runner says where they are: never in the source tree.
std::filesystem::path finding_file(const lockstep::RunOutcome& outcome) {
  const char* programs = std::getenv("MMTWIN_BIN_DIR");
  const std::filesystem::path folder = programs == nullptr ? std::filesystem::temp_directory_path() : programs;
  const std::string law = outcome.finding ? std::string(model::id_of(outcome.finding->law)) : "crash";
  return folder / ("finding-" + law + ".mmt");
}

}  // namespace

lockstep::Runner& runner() {
  static const auto system = lockstep::make_ours();
  static lockstep::Runner only(*system);
  return only;
}

std::string agreement_on(const Program& program, const lockstep::RunOptions& options) {
  const lockstep::RunOutcome outcome = runner().run(program, options);
  if (outcome.verdict == lockstep::Verdict::kAgreed) return "agreed";
  lockstep::MinimiseOptions budget;
  budget.seconds = 20;
  lockstep::Minimised small = lockstep::minimise(program, lockstep::probe_with(runner(), outcome), budget);
  if (!small.fails) small.program = program;
  const lockstep::RunOutcome last = runner().run(small.program, options);
  const std::filesystem::path file = finding_file(outcome);
  const lockstep::Footer footer = lockstep::footer_of(last, false);
  const auto problem = lockstep::write_trace(file, small.program, &footer);
  return lockstep::describe_failure(runner(), small.program, last, file).print() + "\n" + print(small.program) +
         (problem ? "the trace could not be written: " + *problem + "\n" : "");
}

}  // namespace mmtwin::props
