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
#include "impl/platform/frame_table.h"
#include "version/asymmetric_barrier.h"
#include "version/point.h"
#include "version/shared_word.h"

namespace mmtwin::impl {

class alignas(64) CpuList {
 public:
  // Why the owner must not take the fast path. Anybody may set and clear these.
  static constexpr std::uint32_t kFence = 1;    // this host has no asymmetric barrier: the owner fences
  static constexpr std::uint32_t kVisited = 2;  // a visitor works here or waits to
  static constexpr std::uint32_t kLow = 4;      // the zone has too few free frames to serve a plain request
  static constexpr std::uint32_t kFailing = 8;  // fail_next counts requests: each must be looked at

  void boot(std::uint32_t tag, std::uint32_t high, std::uint32_t batch) {
    tag_ = tag;
    high_ = high;
    batch_ = batch;
    attention_ = owner_must_fence() ? kFence : 0;
  }

  // ---- owner ----
  // False: something wants attention; the owner is not inside.
  bool enter_quickly() {
    touches(this, true);  // no pause: that a request begins has been told, and fail_next counts it from there on
    check(load_relaxed(busy_) == 0, "PCP-1: an owner enters once, and is not preempted inside");
    store_relaxed(busy_, std::uint32_t{1});
    // The compiler may not sink the store; the processor may, and that is what the visitor's barrier is for.
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (load_acquire(attention_) == 0) [[likely]] return true;
    store_release(busy_, std::uint32_t{0});
    return false;
  }
  // Waits until no visitor is here.
  void enter();
  void leave() {
    touches(this, true, Point::kTouchFreelist);
    store_release(busy_, std::uint32_t{0});
  }
  // leave(), and `frame` (kNoFrame: none) is the hot one from now on: one store for both words.
  void leave_with(std::uint64_t frame) {
    check(frame <= kNoFrame, "a frame number fits into a link");
    __atomic_store_n(reinterpret_cast<BothWords*>(&hot_), frame, __ATOMIC_RELEASE);
  }

  // ---- visitor ----
  void visit();
  void end_visit();

  // ---- owner or visitor, inside ----
  // A waiting visitor reads it together with busy_.
  std::uint32_t hot() const { return load_relaxed(hot_); }
  // `descriptor` is the frame's, already marked. True: the list is longer than high now.
  [[nodiscard]] bool push(FrameDescriptor& descriptor, std::uint32_t frame) {
    if (hot() == kNoFrame) {
      set_tag(descriptor, tag_);
      store_relaxed(hot_, frame);
      return false;
    }
    link(descriptor, frame);
    // With the hot one: frames are linked only while there is one, so a free hot place never makes the list too long.
    return linked_ >= high_;
  }
  void link(FrameDescriptor& descriptor, std::uint32_t frame) {
    set_tag(descriptor, tag_);
    descriptor.next = first_;
    first_ = frame;
    ++linked_;
  }
  // Both: kNoFrame if there is none. The caller sets the frame's tag.
  std::uint32_t pop() {
    const std::uint32_t taken = hot();
    store_relaxed(hot_, kNoFrame);
    return taken;
  }
  std::uint32_t pop_linked(const FrameTable& frames) {
    const std::uint32_t taken = first_;
    if (taken == kNoFrame) return kNoFrame;
    const FrameDescriptor& descriptor = frames.at(Pfn(taken));
    check_listed(descriptor);
    first_ = descriptor.next;
    --linked_;
    return taken;
  }
  void check_listed(const FrameDescriptor& descriptor) const {
    if constexpr (kChecked) check(tag_of(descriptor) == tag_, "PCP-1: a frame on a list is marked as listed there");
  }

  // ---- anybody ----
  std::uint32_t& attention() { return attention_; }
  std::uint32_t tag() const { return tag_; }      // of every frame on it: its zone and CPU
  // Of a frame that leaves it for a requester. Its CPU bits are stale, which saves an instruction of the fast path.
  std::uint32_t used_tag(Role role) const { return tag_ + (used_head_tag(0, role, 0) - listed_tag(0, 0)); }
  std::uint32_t batch() const { return batch_; }  // frames moved at once to or from the zone
  std::uint32_t high() const { return high_; }    // longest it may be between operations

  // ---- at rest ----
  std::uint32_t first() const { return first_; }
  std::uint32_t linked() const { return linked_; }
  std::uint32_t length() const { return linked_ + (hot() != kNoFrame ? 1 : 0); }
  bool is_at_rest() const { return busy_ == 0 && (attention_ & kVisited) == 0; }

 private:
  using BothWords [[gnu::may_alias]] = std::uint64_t;

  // One frame beside the linked ones: a frame that is freed and taken again in turn passes through one word, and the
  // processor waits for one store instead of four (bench/fast/order0_pair.cc).
  alignas(8) std::uint32_t hot_ = kNoFrame;
  std::uint32_t busy_ = 0;          // 1: the owner is inside
  std::uint32_t attention_ = 0;     // 0 on the fast path
  std::uint32_t tag_ = 0;
  std::uint32_t first_ = kNoFrame;  // linked by FrameDescriptor::next, last pushed first
  std::uint32_t linked_ = 0;        // frames from first_ on
  std::uint32_t high_ = 0;
  std::uint32_t batch_ = 0;
};
static_assert(sizeof(CpuList) == 64);

}  // namespace mmtwin::impl
