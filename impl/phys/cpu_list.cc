#include "impl/phys/cpu_list.h"

namespace mmtwin::impl {

void CpuList::enter() {
  check(load_relaxed(busy_) == 0, "PCP-1: an owner enters once, and is not preempted inside");
  for (;;) {
    touches(this, true, Point::kTouchFreelist);
    store_relaxed(busy_, std::uint32_t{1});
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if ((load_relaxed(attention_) & kFence) != 0) owner_fence();
    if ((load_acquire(attention_) & kVisited) == 0) return;
    // Step back: the visitor waits for busy to fall.
    store_release(busy_, std::uint32_t{0});
    while ((load_acquire(attention_) & kVisited) != 0) wait_a_moment();
  }
}

void CpuList::visit() {
  touches(this, true, Point::kTouchFreelist);
  std::uint32_t before = load_relaxed(attention_) & ~kVisited;
  // One visitor at a time; the others queue here, but for nobody where only another bit has changed.
  while (!compare_exchange(attention_, before, before | kVisited)) {
    if ((before & kVisited) == 0) continue;
    before &= ~kVisited;
    wait_a_moment();
  }
  touches(this, true);
  visitor_barrier();
  point(Point::kVisitWait);
  // The owner leaves by a store to one word or to both, and what it did before must be seen after either.
  const auto both = [this] { return __atomic_load_n(reinterpret_cast<const BothWords*>(&hot_), __ATOMIC_ACQUIRE); };
  while (both() >> 32 != 0 || load_acquire(busy_) != 0) wait_a_moment();
  touches(this, true);
}

void CpuList::end_visit() {
  touches(this, true, Point::kTouchFreelist);
  clear_bits(attention_, kVisited);
}

}  // namespace mmtwin::impl
