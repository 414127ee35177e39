// Edges: how far an operation may still go, counted in edges of its control flow by the compiler's instrumentation.
//
// Laws: LIVE-2. What goes round for ever is left where it stands, whatever it does on its way, and no clock is asked:
// the same program is left at the same operation on every host. Context: the thread of the harness. Cost: a call and a
// decrement an edge. It deliberately is a bound and no measure: compilers differ in how many edges they see, which is
// why the bound lies far above what any operation needs (tests/lockstep/edges_test.cc says how far).
#pragma once

#include <cstdint>
#include <limits>

#include "vocab/machine.h"

namespace mmtwin::impl {

// Builds for speed, and those that a fuzzing engine instruments in its own way, count none.
bool counts_edges();

inline constexpr std::uint64_t kNoEdgeLimit = std::numeric_limits<std::uint64_t>::max();

// Of whatever runs now. Outside of operations there is no limit.
inline thread_local constinit std::uint64_t edges_left = kNoEdgeLimit;

// The largest part of its limit that anything needed which came to its end: the margin, measured.
inline thread_local constinit double largest_edge_share = 0;

// What `most` were left of has ended.
inline void note_edge_share(std::uint64_t most) {
  const double share = static_cast<double>(most - edges_left) / static_cast<double>(most);
  if (share > largest_edge_share) largest_edge_share = share;
}

// That one operation may take on the machine, and its boot.
std::uint64_t most_edges(const MachineDescription& machine);
std::uint64_t most_boot_edges(const MachineDescription& machine);

}  // namespace mmtwin::impl
