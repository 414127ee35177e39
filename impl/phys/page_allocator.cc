#include "impl/phys/page_allocator.h"

#include <bit>

#include "impl/base/geometry.h"
#include "impl/platform/lock_guard.h"
#include "version/point.h"

namespace mmtwin::impl {
namespace {

constexpr std::uint32_t reference_limit(GeometryName geometry) {
  const int bits = geometry == GeometryName::kX86 ? X86Geometry::kReferenceBits : SmallGeometry::kReferenceBits;
  return (std::uint32_t{1} << bits) - 1;
}

constexpr unsigned entries_per_table(GeometryName geometry) {
  return geometry == GeometryName::kX86 ? X86Geometry::kEntriesPerTable : SmallGeometry::kEntriesPerTable;
}

}  // namespace

PageAllocator::PageAllocator(Hardware& hardware)
    : hardware_(hardware),
      lists_(hardware.boot_memory().place<CpuList>(hardware.machine().cpus * kMaxZones)),
      watermark_min_(hardware.machine().watermark_min),
      reference_limit_(reference_limit(hardware.machine().geometry)),
      table_entries_(entries_per_table(hardware.machine().geometry)),
      cpus_(hardware.machine().cpus) {
  const MachineDescription& machine = hardware.machine();
  std::array<std::uint64_t, kMaxZones> managed{};
  for (unsigned node = 0; node < machine.nodes; ++node) {
    for (unsigned kind = 0; kind < kZoneKinds; ++kind) {
      const FrameSpan span = machine.node[node].zones[kind];
      if (span.count.raw() == 0) continue;
      const unsigned index = zone_index(NodeId(node), static_cast<ZoneKind>(kind));
      zones_[index].emplace(hardware, index, span);
      free_[index] = &zones_[index]->zone().free;
      managed[index] = zones_[index]->zone().managed;
    }
  }
  zone_lists_.emplace(machine, managed);
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    for (unsigned zone = 0; zone < kMaxZones; ++zone) {
      CpuList& list = list_of(CpuId(cpu), zone);
      list.tag = listed_tag(zone, cpu);
      list.high = machine.pcp_high;
      list.batch = machine.pcp_batch;
      list.attention = owner_must_fence() ? CpuList::kFence : 0;
    }
  }
  hardware.interrupts().connect(Interrupt::kDrainLists, *this);
}

// ---- requests ----

Outcome<Pfn> PageAllocator::refuse(CpuId cpu, const PageRequest& request) {
  hardware_.emit({.kind = EventKind::kPageRefused, .cpu = cpu, .order = request.order, .role = request.role,
                  .frame = {}, .place = static_cast<std::uint64_t>(request.cache)});
  return Refusal::kOom;
}

Outcome<Pfn> PageAllocator::allocate_slowly(CpuId cpu, const PageRequest& request) {
  check(request.order.raw() <= kMaxOrder, "a block is at most of the top order");
  std::uint32_t frame = try_zones(cpu, request);
  if (frame == kNoFrame && request.gfp.any(kGfpWait | kGfpNofail)) {
    drain_all(cpu);
    frame = try_zones(cpu, request);
  }
  if (frame == kNoFrame) return refuse(cpu, request);
  if (request.gfp.has(kGfpZero)) zero_block(cpu, Pfn(frame), pages_in(request.order).raw(), request.role);
  return Pfn(frame);
}

// The first zone that may give, gives (ZONE-3).
std::uint32_t PageAllocator::try_zones(CpuId cpu, const PageRequest& request) {
  const unsigned order = request.order.raw();
  for (const ZoneChoice& choice : zone_lists_->of(cpu, request.node, request.gfp)) {
    if (!may_give(choice, request)) continue;
    const std::uint32_t frame = order == 0 ? take_single(cpu, choice.zone) : take_block(choice.zone, order);
    if (frame == kNoFrame) continue;
    hand_out(cpu, frame, hardware_.edit(Pfn(frame)), choice.zone, request);
    return frame;
  }
  return kNoFrame;
}

std::uint32_t PageAllocator::take_single(CpuId cpu, unsigned zone) {
  CpuList& list = list_of(cpu, zone);
  std::uint32_t frame = kNoFrame;
  list.enter();
  if (list.count == 0) fill(cpu, zone, list);
  if (list.count != 0) set_tag(list.pop(hardware_, frame), kInsideTag);
  list.leave();
  return frame;
}

std::uint32_t PageAllocator::take_block(unsigned zone, unsigned order) {
  const LockGuard guard(zones_[zone]->zone().lock);
  return zones_[zone]->take(order);
}

void PageAllocator::fill(CpuId cpu, unsigned zone, CpuList& list) {
  point("list_fill");
  Buddy& buddy = *zones_[zone];
  const LockGuard guard(buddy.zone().lock);
  for (std::uint32_t i = 0; i < list.batch; ++i) {
    const std::uint32_t frame = buddy.take(0);
    if (frame == kNoFrame) return;
    FrameDescriptor& descriptor = hardware_.edit(Pfn(frame));
    list.push(descriptor, frame);
    hardware_.emit({.kind = EventKind::kListFilled, .cpu = cpu, .order = {},
                    .index = static_cast<std::uint16_t>(cpu.raw()), .frame = Pfn(frame)});
  }
}

Outcome<Pfn> PageAllocator::allocate_exact(CpuId cpu, PageCount pages, PageRequest request) {
  check(pages.raw() >= 1 && pages <= pages_in(Order(kMaxOrder)), "an exact block fits into one of the top order");
  const Gfp asked = request.gfp;
  request.order = Order(static_cast<unsigned>(std::bit_width(pages.raw() - 1)));
  request.gfp = asked.without(kGfpZero);
  const Outcome<Pfn> block = allocate(cpu, request);
  if (!block) return block;
  const Pfn first = *block;
  const std::uint64_t count = pages_in(request.order).raw();
  const unsigned zone = zone_of(hardware_.frame(first).tag);
  for (std::uint64_t i = 0; i < count; ++i) make_used(hardware_.edit(first + PageCount(i)), 0, request.role, zone);
  for (std::uint64_t i = pages.raw(); i < count; ++i) free(cpu, first + PageCount(i), Order(0));
  if (asked.has(kGfpZero)) zero_block(cpu, first, pages.raw(), request.role);
  return first;
}

void PageAllocator::zero_block(CpuId cpu, Pfn first, std::uint64_t pages, Role role) {
  if (role == Role::kTable || role == Role::kRootTable) return hardware_.ram().zero_table(cpu, first, table_entries_);
  for (std::uint64_t i = 0; i < pages; ++i) hardware_.ram().zero(cpu, first + PageCount(i));
}

// ---- freeing ----

void PageAllocator::free_block(CpuId cpu, Pfn head, Order order) {
  const std::uint32_t tag = tag_of(hardware_.frame(head));
  check(state_of(tag) == BlockState::kUsedHead && order_of(tag) == order.raw(),
        "FRAME-1: only a used block is freed, once and whole");
  hardware_.return_frames(cpu, head, order);
  Buddy& buddy = *zones_[zone_of(tag)];
  const LockGuard guard(buddy.zone().lock);
  buddy.give(static_cast<std::uint32_t>(head.raw()), order.raw());
}

void PageAllocator::free_exact(CpuId cpu, Pfn first, PageCount pages) {
  for (std::uint64_t i = 0; i < pages.raw(); ++i) free(cpu, first + PageCount(i), Order(0));
}

void PageAllocator::get(Pfn frame) {
  FrameDescriptor& descriptor = hardware_.edit(frame);
  check(is_used_head(descriptor), "FRAME-2: only a used frame gains a reference");
  std::uint32_t before = load_relaxed(descriptor.references);
  while (before != reference_limit_ && !compare_exchange(descriptor.references, before, before + 1)) {
  }
}

bool PageAllocator::put(CpuId cpu, Pfn frame) {
  FrameDescriptor& descriptor = hardware_.edit(frame);
  std::uint32_t before = load_relaxed(descriptor.references);
  check(is_used_head(descriptor) && before != 0, "FRAME-2: only a referenced frame loses a reference");
  // A saturated count has forgotten how many there are: the frame stays for ever.
  while (before != reference_limit_ && !compare_exchange(descriptor.references, before, before - 1)) {
  }
  if (before != 1) return false;
  check(mappings_of(descriptor) == 0, "FRAME-3: a frame is returned only when nothing maps it");
  free(cpu, frame, Order(order_of(tag_of(descriptor))));
  return true;
}

// ---- draining ----

// Inside the list, as its owner or visitor.
void PageAllocator::drain_list(CpuId cpu, unsigned zone, CpuList& list, std::uint32_t frames) {
  point("list_drain");
  Buddy& buddy = *zones_[zone];
  const LockGuard guard(buddy.zone().lock);
  for (; frames != 0 && list.count != 0; --frames) {
    std::uint32_t frame;
    list.pop(hardware_, frame);
    buddy.give(frame, 0);
    hardware_.emit({.kind = EventKind::kListDrained, .cpu = cpu, .order = {},
                    .index = static_cast<std::uint16_t>(cpu.raw()), .frame = Pfn(frame)});
  }
}

void PageAllocator::drain_own(CpuId cpu) {
  for (unsigned zone = 0; zone < kMaxZones; ++zone) {
    if (!zones_[zone].has_value()) continue;
    CpuList& list = list_of(cpu, zone);
    list.enter();
    if (list.count != 0) drain_list(cpu, zone, list, list.count);
    list.leave();
  }
}

void PageAllocator::drain_visited(CpuId target) {
  for (unsigned zone = 0; zone < kMaxZones; ++zone) {
    if (!zones_[zone].has_value()) continue;
    CpuList& list = list_of(target, zone);
    list.visit();
    if (list.count != 0) drain_list(target, zone, list, list.count);
    list.end_visit();
  }
}

void PageAllocator::drain(CpuId asks, CpuId target) {
  if (asks == target) return drain_own(asks);
  hardware_.interrupts().send(asks, target, Interrupt::kDrainLists);
}

void PageAllocator::drain_all(CpuId asks) {
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) drain(asks, CpuId(cpu));
}

void PageAllocator::on_interrupt(CpuId, CpuId at, std::uint64_t) { drain_visited(at); }

// ---- audit and dump ----

void PageAllocator::audit_buddy() const {
  for (const auto& zone : zones_) {
    if (zone.has_value()) zone->audit_buddy();
  }
}

void PageAllocator::audit_lists() const {
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    for (unsigned zone = 0; zone < kMaxZones; ++zone) {
      const CpuList& own = list(CpuId(cpu), zone);
      std::uint32_t count = 0;
      for (std::uint32_t at = own.first; at != kNoFrame && count <= own.count; at = hardware_.frame(Pfn(at)).next) {
        check(hardware_.frame(Pfn(at)).tag == own.tag, "PCP-1: a frame on a list is marked as listed there");
        ++count;
      }
      check(count == own.count, "ACCT-1: a list counts the frames it has");
      check(count <= own.high, "PCP-2: a list is never longer than high");
      check(own.busy == 0 && (own.attention & CpuList::kVisited) == 0, "PCP-1: nobody is inside a list at rest");
    }
  }
}

void PageAllocator::dump(std::FILE* to) const {
  for (const auto& zone : zones_) {
    if (zone.has_value()) zone->dump(to);
  }
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    for (unsigned zone = 0; zone < kMaxZones; ++zone) {
      const CpuList& own = list(CpuId(cpu), zone);
      if (own.count == 0) continue;
      std::fprintf(to, "cpu %u zone %u list %u:", cpu, zone, own.count);
      for (std::uint32_t at = own.first; at != kNoFrame; at = hardware_.frame(Pfn(at)).next) std::fprintf(to, " %u", at);
      std::fprintf(to, "\n");
    }
  }
}

}  // namespace mmtwin::impl
