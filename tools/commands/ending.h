// How a command ended: a word for its report and the exit code that goes with it.
//
// Laws: none. Context: value. Cost: none. What was found counts more than that somebody interrupted. It deliberately
// prints nothing.
#pragma once

#include <string>

#include "lockstep/perturb/perturb.h"
#include "tools/commands/exit_code.h"
#include "tools/host/interrupt.h"

namespace mmtwin::tools {

struct Ending {
  std::string verdict;  // "agreed", "interrupted", "nothing", a finding's, or why there is no answer
  ExitCode code = ExitCode::kAgreed;
};

// A line for eyes; empty where the report says it all.
inline std::string in_words(const Ending& ending) {
  return ending.verdict == "interrupted" ? "interrupted: this is what there was until then\n" : "";
}

inline Ending ending_of(const lockstep::PerturbReport& report) {
  if (report.disagreed != 0) return {"disagreed", ExitCode::kDisagreed};
  if (interrupted()) return {"interrupted", ExitCode::kBudget};
  if (report.programs == 0) return {"nothing", ExitCode::kNothing};
  return {"agreed", ExitCode::kAgreed};
}

}  // namespace mmtwin::tools
