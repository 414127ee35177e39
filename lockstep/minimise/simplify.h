// Simpler arguments and simpler machines: every single step that the minimiser may try on a program of fixed length.
//
// Laws: none. Context: values. Cost: proposals are a handful a field. A proposal is strictly simpler than what it
// replaces by a measure of its type, so trying them one after the other ends. It deliberately keeps the program within
// bounds (vocab/bounds.h) and its machine usable.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "vocab/program.h"

namespace mmtwin::lockstep {

// A variant of a program, with what was changed in words: "step 3: length 0x4000 -> 0x1000".
struct Proposal {
  Program program;
  std::string what;
};
// Given each proposal in turn; answers true to stop.
using TakeProposal = std::function<bool(Proposal&&)>;

// Every simpler value of every field of the operation at `index`. True: stopped by `take`.
bool propose_arguments(const Program& program, std::size_t index, const TakeProposal& take);
// Steps that change many operations alike: handles renumbered, a mapping moved with all that points into it, a CPU
// replaced by CPU 0 everywhere, a space by the first one.
bool propose_together(const Program& program, const TakeProposal& take);
// Simpler machines that the program still fits.
bool propose_machines(const Program& program, const TakeProposal& take);

}  // namespace mmtwin::lockstep
