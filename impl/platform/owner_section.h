// OwnerSection: what one CPU uses all the time without a lock, and others visit rarely.
//
// Laws: TLB-2 rests on it: after visit() no access of the owner is between its translation and its data. Context: one
// owner, any visitors, one at a time. Cost: two plain stores and a load for the owner; a barrier system call for a
// visitor in threads builds. It deliberately does not nest.
//
// The owner writes `busy`, then reads `attention`. A visitor writes `attention`, passes the barrier, then waits until
// `busy` is 0. So at least one of them sees the other, and the owner is the one who steps back.
#pragma once

#include <cstdint>

#include "version/asymmetric_barrier.h"
#include "version/lock.h"
#include "version/point.h"
#include "version/shared_word.h"

namespace mmtwin::impl {

class OwnerSection {
 public:
  // At boot.
  void prepare() {
    if (owner_must_fence()) attention_ = kFence;
  }

  // ---- owner ----
  void enter() {
    touches(this, true, Point::kTouchSequence);
    check(load_relaxed(busy_) == 0, "TLB-1: an owner enters once, and is not preempted inside");
    store_relaxed(busy_, std::uint32_t{1});
    // The compiler may not sink the store; the processor may, and that is what the visitor's barrier is for.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (load_acquire(attention_) != 0) [[unlikely]] enter_slowly();
  }
  void leave() {
    touches(this, true, Point::kTouchSequence);
    store_release(busy_, std::uint32_t{0});
  }

  // ---- visitor ----
  void visit() {
    visitors_.take();
    touches(this, true, Point::kTouchSequence);
    store_release(attention_, load_relaxed(attention_) | kVisited);
    visitor_barrier();
    point(Point::kVisitWait);
    while (load_acquire(busy_) != 0) wait_a_moment();
    touches(this, true);
  }
  void end_visit() {
    touches(this, true, Point::kTouchSequence);
    store_release(attention_, load_relaxed(attention_) & ~kVisited);
    visitors_.release();
  }

  bool is_at_rest() const { return busy_ == 0 && (attention_ & kVisited) == 0; }

 private:
  static constexpr std::uint32_t kFence = 1;    // this host has no asymmetric barrier: the owner fences
  static constexpr std::uint32_t kVisited = 2;  // a visitor works here or waits to

  [[gnu::noinline, gnu::cold]] void enter_slowly() {
    for (;;) {
      owner_fence();
      if ((load_acquire(attention_) & kVisited) == 0) return;
      store_release(busy_, std::uint32_t{0});
      while ((load_acquire(attention_) & kVisited) != 0) wait_a_moment();
      touches(this, true, Point::kTouchSequence);
      store_relaxed(busy_, std::uint32_t{1});
    }
  }

  std::uint32_t busy_ = 0;
  std::uint32_t attention_ = 0;
  Lock visitors_;
};

}  // namespace mmtwin::impl
