// Not instrumented: what an edge calls must not call itself.
#include "version/edges.h"

#include "version/schedule.h"

namespace mmtwin::impl {

bool counts_edges() {
#ifdef MMTWIN_COUNTS_EDGES
  return true;
#else
  return false;
#endif
}

// An operation visits each frame a few times at most, and each entry of what tables there are: some ten edges a visit.
std::uint64_t most_edges(const MachineDescription& machine) {
  const std::uint64_t entries = machine.geometry == GeometryName::kX86 ? 512 : 16;
  return 1'000'000 + machine.frame_limit() * entries * 200;
}
std::uint64_t most_boot_edges(const MachineDescription& machine) {
  return 20'000'000 + machine.frame_limit() * 2'000;
}

}  // namespace mmtwin::impl

#ifndef MMTWIN_FUZZER_HAS_EDGES
extern "C" void __sanitizer_cov_trace_pc() {
  if (--mmtwin::impl::edges_left == 0) [[unlikely]] mmtwin::impl::leave_endless();
}
#endif
