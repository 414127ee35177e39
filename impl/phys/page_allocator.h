// PageAllocator: hands out blocks of 2^order frames and takes them back.
//
// Laws: FRAME-1, ZONE-1 to ZONE-3, PCP-1, PCP-2, OOM-1, OOM-2. Context: any CPU, inside an operation; per-CPU lists by
// their CPU, zones under their lock. Cost: a single frame costs one list and its descriptor; larger blocks O(orders)
// under the zone's lock. Every request is narrated as docs/RULES.md section 2 says: kPageRequested, then kFrameTaken or
// kPageRefused. It deliberately does not reclaim: after draining every list a request is refused.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "impl/base/audit.h"
#include "impl/base/outcome.h"
#include "impl/phys/buddy.h"
#include "impl/phys/cpu_list.h"
#include "impl/phys/watermark_rules.h"
#include "impl/phys/zone.h"
#include "impl/phys/zone_list.h"
#include "impl/platform/hardware.h"
#include "version/point.h"
#include "vocab/events.h"
#include "vocab/flags.h"
#include "vocab/units.h"

namespace mmtwin::impl {

// Small enough to travel in a register.
struct PageRequest {
  Role role = Role::kBlock;
  Order order{};
  Gfp gfp{};
  NodeId node = kAnyNode;
  CacheName cache{};  // Role::kSlab: for which cache
};

class PageAllocator final : public InterruptHandler {
 public:
  // Boots all zones of the machine and handles Interrupt::kDrainLists from then on.
  explicit PageAllocator(Hardware& hardware);

  // The first frame of a block: one used head of `order` with reference count 1, no mappings, not exclusive. With
  // kGfpZero its bytes are zero; of a table (kTable, kRootTable) those that its geometry uses. Refusals: kOom.
  Outcome<Pfn> allocate(CpuId cpu, PageRequest request);
  // The first of `pages` (1 to 1024) frames in a row, each its own block of order 0; request.order is not read.
  // Refusals: kOom.
  Outcome<Pfn> allocate_exact(CpuId cpu, PageCount pages, PageRequest request);
  // The block belongs to the allocator again, whatever its reference count is: the caller is its owner.
  void free(CpuId cpu, Pfn head, Order order);
  void free_exact(CpuId cpu, Pfn first, PageCount pages);

  // One more reference to a used single frame; false: it has reference_cap of them, and nothing changed.
  [[nodiscard]] bool try_get(Pfn frame);
  // One less; true: it was the last and the frame is free.
  bool put(CpuId cpu, Pfn frame);

  // All lists of `target` become empty; by an interrupt if it is another CPU.
  void drain(CpuId asks, CpuId target);
  void drain_all(CpuId asks);

  // ---- queries; a zone that the description does not have is nullptr ----
  const Buddy* zone(unsigned index) const { return zones_[index].has_value() ? &*zones_[index] : nullptr; }
  const CpuList& list(CpuId cpu, unsigned zone) const { return lists_[cpu.raw() * kMaxZones + zone]; }

  void dump(std::FILE* to) const;
  void audit_buddy(Audit& audit) const;
  // Every listed frame is on just the list its tag names; no list is longer than high.
  void audit_lists(Audit& audit) const;

  void on_interrupt(CpuId from, CpuId at, std::uint64_t argument) override;

 private:
  std::uint64_t min_for_request(Gfp gfp) const {
    if (gfp.any(kGfpNofail | kGfpHigh)) [[unlikely]] {
      return gfp.any(kGfpNofail) ? 0 : min_for<std::uint64_t>(watermark_min_, true);
    }
    return watermark_min_;
  }
  CpuList& list_of(CpuId cpu, unsigned zone) { return lists_[cpu.raw() * kMaxZones + zone]; }
  void choose_plain_list(CpuId cpu, bool is_movable);
  bool may_give(const ZoneChoice& choice, PageRequest request) const;
  void hand_out(CpuId cpu, std::uint32_t frame, unsigned zone, PageRequest request);
  void make_used(FrameDescriptor& descriptor, std::uint32_t tag);
  void zero_block(CpuId cpu, Pfn first, std::uint64_t pages, Role role);
  Outcome<Pfn> allocate_slowly(CpuId cpu, PageRequest request);
  Outcome<Pfn> allocate_from_zones(CpuId cpu, PageRequest request);
  void leave_overfull(CpuId cpu, CpuList& list);
  void free_single(CpuId cpu, std::uint32_t frame, unsigned zone);
  void note_free(unsigned zone);
  Outcome<Pfn> refuse(CpuId cpu, PageRequest request);
  std::uint32_t try_zones(CpuId cpu, PageRequest request);
  std::uint32_t take_single(CpuId cpu, unsigned zone);
  std::uint32_t take_block(CpuId cpu, unsigned zone, unsigned order);
  void fill(CpuId cpu, unsigned zone, CpuList& list);
  void drain_list(CpuId cpu, unsigned zone, CpuList& list, std::uint32_t frames);
  void drain_own(CpuId cpu);
  void drain_visited(CpuId target);
  void free_block(CpuId cpu, Pfn head, Order order);

  Hardware& hardware_;
  FrameTable frames_;
  CpuList* lists_;  // [cpu][zone], in boot memory
  // Of the first zone for a request without special flags, and for one that is movable besides.
  std::array<std::array<CpuList*, 2>, kMaxCpus> plain_lists_{};
  std::uint64_t watermark_min_;
  std::uint32_t reference_cap_;
  unsigned table_entries_;
  unsigned cpus_;
  std::array<std::optional<Buddy>, kMaxZones> zones_;
  std::optional<ZoneLists> zone_lists_;
};

// ---- the fast paths: one cache line of list, one descriptor, the zone's free count; no lock ----

inline bool PageAllocator::may_give(const ZoneChoice& choice, PageRequest request) const {
  const std::uint64_t reserve = request.gfp.any(kGfpNofail) ? 0 : choice.reserve;
  return zone_may_give<std::uint64_t>(zones_[choice.zone]->zone().free_now(), pages_in(request.order).raw(),
                                      min_for_request(request.gfp), reserve);
}

inline void PageAllocator::make_used(FrameDescriptor& d, std::uint32_t tag) {
  set_tag(d, tag);
  d.references = 1;
  d.mappings = 0;
}

inline void PageAllocator::hand_out(CpuId cpu, std::uint32_t frame, unsigned zone, PageRequest request) {
  make_used(frames_.edit(Pfn(frame)), used_head_tag(request.order.raw(), request.role, zone));
  hardware_.take_frames(cpu, Pfn(frame), request.order, request.role, request.cache);
}

// Inlined, so that a request whose fields are constants costs no decisions about them. Failures and watermarks are
// among what the list's attention word warns of.
[[gnu::always_inline]] inline Outcome<Pfn> PageAllocator::allocate(CpuId cpu, PageRequest request) {
  point(Point::kPagesTake);
  hardware_.emit({.kind = EventKind::kPageRequested, .cpu = cpu, .order = request.order, .role = request.role,
                  .frame = {}, .place = static_cast<std::uint64_t>(request.cache)});
  const bool is_plain = request.order.raw() == 0 && request.node == kAnyNode &&
                        !request.gfp.any(kGfpDma | kGfpDma32 | kGfpHigh | kGfpNofail | kGfpThisNode);
  if (!is_plain) return allocate_slowly(cpu, request);
  CpuList& list = *plain_lists_[cpu.raw()][request.gfp.has(kGfpMovable) ? 1 : 0];
  if (!list.enter_quickly()) [[unlikely]] return allocate_slowly(cpu, request);
  std::uint32_t frame = list.hot();
  if (frame == kNoFrame) [[unlikely]] frame = list.pop_linked(frames_);
  if (frame == kNoFrame) [[unlikely]] {
    list.leave();
    return allocate_from_zones(cpu, request);  // whether it is to fail was looked up as it entered
  }
  FrameDescriptor& descriptor = frames_.edit(Pfn(frame));
  list.check_listed(descriptor);
  make_used(descriptor, list.used_tag(request.role));
  list.leave_with(kNoFrame);
  hardware_.take_frames(cpu, Pfn(frame), request.order, request.role, request.cache);
  if (request.gfp.has(kGfpZero)) zero_block(cpu, Pfn(frame), 1, request.role);
  return Pfn(frame);
}

[[gnu::always_inline]] inline void PageAllocator::free(CpuId cpu, Pfn head, Order order) {
  if (order.raw() != 0) return free_block(cpu, head, order);
  CpuList& list = *plain_lists_[cpu.raw()][0];
  touches(&list, true, Point::kTouchFreelist);
  FrameDescriptor& descriptor = frames_.edit(head);
  const std::uint32_t tag = tag_of(descriptor);
  check(is_used_head_of_order(tag, 0), "FRAME-1: only a used frame is freed, once");
  hardware_.return_frames(cpu, head, order);
  // The list's zone and CPU are still in the tag of a frame that came from it (CpuList::used_tag): a guess that the
  // processor can predict, not an address that it has to wait for. Frames from elsewhere take the other path.
  const std::uint32_t listed = list.tag();
  if (((tag ^ listed) >> 24) != 0 || !list.enter_quickly()) [[unlikely]] {
    return free_single(cpu, static_cast<std::uint32_t>(head.raw()), zone_of(tag));
  }
  if (list.hot() == kNoFrame) [[likely]] {
    set_tag(descriptor, listed);
    return list.leave_with(head.raw());
  }
  if (list.push(descriptor, static_cast<std::uint32_t>(head.raw()))) [[unlikely]] {
    return leave_overfull(cpu, list);
  }
  list.leave();
}

}  // namespace mmtwin::impl
