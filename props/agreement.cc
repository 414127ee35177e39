#include "props/agreement.h"

#include "lockstep/divergence.h"
#include "lockstep/minimise.h"
#include "lockstep/suts/ours/ours.h"
#include "vocab/text.h"

namespace mmtwin::props {

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
  return lockstep::describe_failure(runner(), small.program, last, "saved.mmt").print() + "\n" + print(small.program);
}

}  // namespace mmtwin::props
