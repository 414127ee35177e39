// The exit codes of every tool of the project.
//
// Laws: none. Context: constants. Cost: none. The numbers are a promise to scripts: they never change. It deliberately
// has no code for "partly".
#pragma once

namespace mmtwin::tools {

enum class ExitCode : int {
  kAgreed = 0,
  kDisagreed = 1,  // a divergence or violation
  kUsage = 2,      // bad usage
  kMalformed = 3,  // unreadable or malformed input
  kHarness = 4,    // the harness or its surroundings failed, a watchdog included
  kNothing = 5,    // nothing was executed
  kBudget = 6,     // the budget ran out before an answer
};

// What to say after several inputs: trouble with the harness first, then with an input, then disagreement.
constexpr ExitCode worse_of(ExitCode a, ExitCode b) {
  for (ExitCode code : {ExitCode::kHarness, ExitCode::kMalformed, ExitCode::kUsage, ExitCode::kDisagreed,
                        ExitCode::kBudget, ExitCode::kNothing}) {
    if (a == code || b == code) return code;
  }
  return ExitCode::kAgreed;
}

}  // namespace mmtwin::tools
