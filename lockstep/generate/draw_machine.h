// Machines from a random source: campaigns and fuzzers play every few programs on another one.
//
// Laws: none; every machine drawn is usable. Context: one thread; the same source gives the same machine everywhere.
// Cost: microseconds; the machines are small (a few hundred frames, seldom 2,048), since a program's audit visits all
// frames. Most are presets of which some fields are drawn anew, the others have nodes and zones of their own. It
// deliberately favours the least values that a field may have: there capacities are met by short programs.
#pragma once

#include <cstdint>

#include "lockstep/random.h"
#include "vocab/machine.h"

namespace mmtwin::lockstep {

MachineDescription draw_machine(Random& random);

// Programs that follow each other in a campaign and share a machine: starting a new one costs as much as some of them.
inline constexpr std::uint64_t kProgramsPerMachine = 32;

}  // namespace mmtwin::lockstep
