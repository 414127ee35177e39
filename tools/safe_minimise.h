// The minimiser where a candidate may crash: first in one child, at full speed; if that dies, one child per candidate.
//
// Laws: none. Context: the calling process forks and has no threads. Cost: that of lockstep/minimise.h, the second way
// about a thousand times slower. It deliberately changes nothing of how candidates are chosen.
#pragma once

#include <functional>
#include <string>

#include "lockstep/minimise.h"
#include "lockstep/run.h"
#include "vocab/program.h"

namespace mmtwin::tools {

// `original`: what the program fails with. `log` hears one line a stage; empty: silence.
lockstep::Minimised minimise_safely(lockstep::Runner& runner, const Program& program,
                                    const lockstep::RunOutcome& original, double seconds,
                                    const std::function<void(const std::string&)>& log = {});

}  // namespace mmtwin::tools
