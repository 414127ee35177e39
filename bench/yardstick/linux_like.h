// LinuxLike: the page allocator's data structures as Linux has them, in their plainest form, to be measured against.
//
// Laws: none; order and frame numbers are trusted. Context: any thread; per-CPU lists and the zone are under spin
// locks. Cost: 64 bytes a frame, all touched at construction; two atomic exchanges for a pair of single frames. Free
// blocks are intrusive doubly linked lists per order, buddies are found by flipping one bit, single frames go through
// per-CPU lists in batches of 63. It deliberately has no watermarks, zones, reference counts or checks: it does less
// than ours.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

namespace mmtwin::bench {

class LinuxLike {
 public:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};

  // `frames`: a multiple of 1024.
  explicit LinuxLike(std::uint64_t frames) : descriptors_(frames) {
    for (Link& head : free_) make_empty(head);
    for (CpuList& list : lists_) make_empty(list.head);
    for (std::uint64_t frame = 0; frame < frames; frame += std::uint64_t{1} << kTopOrder) give(frame, kTopOrder);
  }

  std::uint64_t allocate(unsigned order, unsigned cpu) {
    if (order != 0) {
      const Guard zone(zone_lock_);
      return take(order);
    }
    CpuList& list = lists_[cpu];
    const Guard guard(list.lock);
    if (list.count == 0) fill(list);
    if (list.count == 0) return kNone;
    Link* first = list.head.next;
    unlink(first);
    --list.count;
    return frame_of(first);
  }

  void free(std::uint64_t frame, unsigned order, unsigned cpu) {
    if (order != 0) {
      const Guard zone(zone_lock_);
      return give(frame, order);
    }
    CpuList& list = lists_[cpu];
    const Guard guard(list.lock);
    link_first(list.head, &descriptors_[frame]);
    if (++list.count > kHigh) drain(list);
  }

 private:
  static constexpr unsigned kTopOrder = 10;
  static constexpr int kBatch = 63;
  static constexpr int kHigh = 378;

  struct Link {
    Link* next;
    Link* prev;
  };
  struct alignas(64) Descriptor : Link {
    std::uint32_t order = 0;
    bool is_free = false;
  };
  static_assert(sizeof(Descriptor) == 64);
  using SpinLock = std::atomic<int>;
  struct alignas(64) CpuList {
    SpinLock lock{0};
    Link head;
    int count = 0;
  };
  class Guard {
   public:
    explicit Guard(SpinLock& lock) : lock_(lock) {
      while (lock_.exchange(1, std::memory_order_acquire) != 0) {
        while (lock_.load(std::memory_order_relaxed) != 0) {
        }
      }
    }
    ~Guard() { lock_.store(0, std::memory_order_release); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    SpinLock& lock_;
  };

  static void make_empty(Link& head) { head.next = head.prev = &head; }
  static bool is_empty(const Link& head) { return head.next == &head; }
  static void link_between(Link* before, Link* link, Link* after) {
    link->prev = before;
    link->next = after;
    before->next = after->prev = link;
  }
  static void link_first(Link& head, Link* link) { link_between(&head, link, head.next); }
  static void link_last(Link& head, Link* link) { link_between(head.prev, link, &head); }
  static void unlink(Link* link) {
    link->next->prev = link->prev;
    link->prev->next = link->next;
  }
  std::uint64_t frame_of(const Link* link) const {
    return static_cast<std::uint64_t>(static_cast<const Descriptor*>(link) - descriptors_.data());
  }

  void fill(CpuList& list) {
    const Guard zone(zone_lock_);
    for (int i = 0; i < kBatch; ++i) {
      const std::uint64_t frame = take(0);
      if (frame == kNone) return;
      link_last(list.head, &descriptors_[frame]);
      ++list.count;
    }
  }

  void drain(CpuList& list) {
    const Guard zone(zone_lock_);
    for (int i = 0; i < kBatch; ++i) {
      Link* last = list.head.prev;
      unlink(last);
      --list.count;
      give(frame_of(last), 0);
    }
  }

  std::uint64_t take(unsigned order) {
    for (unsigned from = order; from <= kTopOrder; ++from) {
      if (is_empty(free_[from])) continue;
      auto* block = static_cast<Descriptor*>(free_[from].next);
      unlink(block);
      block->is_free = false;
      const std::uint64_t frame = frame_of(block);
      while (from > order) {
        --from;
        insert(frame + (std::uint64_t{1} << from), from);
      }
      return frame;
    }
    return kNone;
  }

  void give(std::uint64_t frame, unsigned order) {
    for (; order < kTopOrder; ++order) {
      const std::uint64_t buddy = frame ^ (std::uint64_t{1} << order);
      Descriptor& other = descriptors_[buddy];
      if (!other.is_free || other.order != order) break;
      unlink(&other);
      other.is_free = false;
      frame &= buddy;
    }
    insert(frame, order);
  }

  void insert(std::uint64_t frame, unsigned order) {
    Descriptor& block = descriptors_[frame];
    block.order = order;
    block.is_free = true;
    link_first(free_[order], &block);
  }

  std::vector<Descriptor> descriptors_;
  std::array<Link, kTopOrder + 1> free_;
  SpinLock zone_lock_{0};
  std::array<CpuList, 2> lists_;
};

}  // namespace mmtwin::bench
