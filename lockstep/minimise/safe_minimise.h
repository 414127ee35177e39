// The minimiser where a candidate may crash, hang or take long: in one child at full speed as long as that goes well,
// then with one child per candidate from the best program so far on. Whatever happens, the caller has it in time.
//
// Laws: none. Context: the calling process forks and has no threads. Cost: that of minimise.h, in one child per
// candidate about a thousand times slower. Each better program is told through a pipe, so that nothing found is lost
// with the child. It deliberately changes nothing of how candidates are chosen.
#pragma once

#include <functional>
#include <string>

#include "lockstep/children/guard.h"
#include "lockstep/minimise/minimise.h"
#include "lockstep/run/run.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

struct SafeMinimiseOptions {
  double seconds = 60;                           // in all
  std::function<void(const std::string&)> log;   // one line a stage; empty: silence
  std::function<bool()> is_interrupted;          // then it ends with the best so far; empty: never
  // Of a recording: does the candidate, which fails at that step, show what the original shows? Operations only go
  // then, for an answer belongs to its operation. Empty: all that fails in the same way does.
  std::function<bool(const Program&, std::uint64_t step)> shows_the_same{};
};

// `original`: what the program fails with. The result fails in the same way, except if running the program alone shows
// that it does not fail: then `fails` is false.
Minimised minimise_safely(Runner& runner, const Program& program, const GuardedOutcome& original,
                          const SafeMinimiseOptions& options = {});

// What is written about a minimised program.
struct Confirmation {
  Footer footer;      // with digests, if they could be had in time
  std::string story;  // of the failure, for eyes; ends with the command that replays `file`
};
// Runs the program once more, in children, for at most about that long: a run that does not come to its end in time
// changes nothing of what the search knows.
Confirmation confirm(Runner& runner, const Minimised& result, const GuardedOutcome& original, const std::string& file,
                     double seconds);

}  // namespace mmtwin::lockstep
