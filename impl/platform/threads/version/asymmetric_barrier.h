// An asymmetric barrier: the owner of a structure pays nothing, a rare visitor pays for both (membarrier(2)).
//
// Laws: PCP-1 rests on it: after visitor_barrier(), every owner either sees the visitor's earlier store or is seen
// inside. Context: any thread. Cost: none for owners; some microseconds for a visitor. Where the kernel has no
// PRIVATE_EXPEDITED membarrier, owner_must_fence() is true and owners call owner_fence(), a full fence, instead.
#pragma once

#include <atomic>

namespace mmtwin::impl {

// Decided once per process, on the first call.
bool owner_must_fence();
void visitor_barrier();

inline void owner_fence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline void wait_a_moment() { __builtin_ia32_pause(); }

}  // namespace mmtwin::impl
