// CpuList: single frames of one zone that one CPU keeps at hand.
//
// Laws: PCP-1, PCP-2. Context: its own CPU, without lock and without lock-prefixed instruction; a remote drain is a
// visitor behind an asymmetric barrier (version/asymmetric_barrier.h). Cost: one cache line and the frame's descriptor.
// The plain version it replaces is a list under a spin lock; bench/fast/order0_pair.cc measures both. It deliberately
// does not know its zone's free blocks: PageAllocator moves frames between the two.
//
// The owner writes `busy`, then reads `attention`. The visitor writes `attention`, passes the barrier, then waits until
// `busy` is 0. So at least one of them sees the other, and the owner is the one who steps back.
#pragma once

#include <cstdint>

#include "impl/phys/frame.h"
#include "impl/platform/hardware.h"
#include "version/asymmetric_barrier.h"
#include "version/shared_word.h"

namespace mmtwin::impl {

struct alignas(64) CpuList {
  static constexpr std::uint32_t kFence = 1;    // this host has no asymmetric barrier: the owner fences
  static constexpr std::uint32_t kVisited = 2;  // a visitor works here or waits to

  std::uint32_t first = kNoFrame;  // linked by FrameDescriptor::next, last pushed first
  std::uint32_t count = 0;
  std::uint32_t busy = 0;          // 1: the owner is inside
  std::uint32_t attention = 0;     // kFence | kVisited; 0 on the fast path
  std::uint32_t tag = 0;           // listed_tag of its zone and CPU
  std::uint32_t high = 0;          // longest it may be between operations
  std::uint32_t batch = 0;         // frames moved at once to or from the zone

  // ---- owner, or the visitor between enter and leave ----
  void push(Hardware& hardware, std::uint32_t frame) {
    FrameDescriptor& d = hardware.edit(Pfn(frame));
    check(state_of(tag_of(d)) != BlockState::kListed && state_of(tag_of(d)) != BlockState::kFreeHead,
          "PCP-1: a frame is listed once");
    push(d, frame);
  }
  // `descriptor` is the frame's, already marked.
  void push(FrameDescriptor& descriptor, std::uint32_t frame) {
    set_tag(descriptor, tag);
    descriptor.next = first;
    first = frame;
    ++count;
  }
  // The list must not be empty. The caller sets the frame's tag.
  FrameDescriptor& pop(Hardware& hardware, std::uint32_t& frame) {
    frame = first;
    FrameDescriptor& d = hardware.edit(Pfn(frame));
    check(tag_of(d) == tag, "PCP-1: a frame on a list is marked as listed there");
    first = d.next;
    --count;
    return d;
  }

  // ---- owner ----
  void enter() {
    store_relaxed(busy, std::uint32_t{1});
    // The compiler may not sink the store; the processor may, and that is what the visitor's barrier is for.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (load_acquire(attention) != 0) [[unlikely]] enter_slowly();
  }
  void leave() { store_release(busy, std::uint32_t{0}); }

  // ---- visitor ----
  void visit();
  void end_visit();

 private:
  void enter_slowly();
};
static_assert(sizeof(CpuList) == 64);

}  // namespace mmtwin::impl
