#include "impl/phys/cpu_list.h"

namespace mmtwin::impl {

void CpuList::enter_slowly() {
  for (;;) {
    if ((load_relaxed(attention) & kFence) != 0) owner_fence();
    if ((load_acquire(attention) & kVisited) == 0) return;
    // Step back: the visitor waits for busy to fall.
    store_release(busy, std::uint32_t{0});
    while ((load_acquire(attention) & kVisited) != 0) wait_a_moment();
    store_relaxed(busy, std::uint32_t{1});
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
  }
}

void CpuList::visit() {
  std::uint32_t before = load_relaxed(attention) & ~kVisited;
  // One visitor at a time; the others queue here.
  while (!compare_exchange(attention, before, before | kVisited)) {
    before &= ~kVisited;
    wait_a_moment();
  }
  visitor_barrier();
  while (load_acquire(busy) != 0) wait_a_moment();
}

void CpuList::end_visit() { store_release(attention, load_relaxed(attention) & ~kVisited); }

}  // namespace mmtwin::impl
