#include "impl/phys/page_allocator.h"

#include <bit>

#include "impl/base/geometry.h"
#include "impl/platform/lock_guard.h"
#include "version/point.h"

namespace mmtwin::impl {
namespace {

constexpr unsigned entries_per_table(GeometryName geometry) {
  return geometry == GeometryName::kX86 ? X86Geometry::kEntriesPerTable : SmallGeometry::kEntriesPerTable;
}

}  // namespace

PageAllocator::PageAllocator(Hardware& hardware)
    : hardware_(hardware),
      frames_(hardware.table()),
      lists_(hardware.boot_memory().place<CpuList>(hardware.machine().cpus * kMaxZones)),
      watermark_min_(hardware.machine().watermark_min),
      reference_cap_(hardware.machine().reference_cap),
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
      managed[index] = zones_[index]->zone().managed;
    }
  }
  zone_lists_.emplace(machine, managed);
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    for (unsigned zone = 0; zone < kMaxZones; ++zone) {
      list_of(CpuId(cpu), zone).boot(listed_tag(zone, cpu), machine.pcp_high, machine.pcp_batch);
    }
    for (const bool is_movable : {false, true}) choose_plain_list(CpuId(cpu), is_movable);
  }
  for (unsigned zone = 0; zone < kMaxZones; ++zone) {
    if (zones_[zone].has_value()) note_free(zone);
  }
  hardware.interrupts().connect(Interrupt::kDrainLists, *this);
}

void PageAllocator::choose_plain_list(CpuId cpu, bool is_movable) {
  const ZoneList& zones = zone_lists_->of(cpu, kAnyNode, is_movable ? kGfpWait | kGfpMovable : kGfpWait);
  check(zones.count != 0, "some zone may serve a request without special flags");
  const ZoneChoice& first = zones.choices[0];
  check(first.reserve == 0, "the first choice of a request is kept from nobody");
  CpuList*& list = plain_lists_[cpu.raw()][is_movable ? 1 : 0];
  list = &list_of(cpu, first.zone);
  zones_[first.zone]->zone().plain_floor = watermark_min_;
  hardware_.failures().warn(list->attention(), CpuList::kFailing);
}

// ---- requests ----

Outcome<Pfn> PageAllocator::refuse(CpuId cpu, PageRequest request) {
  hardware_.emit({.kind = EventKind::kPageRefused, .cpu = cpu, .order = request.order, .role = request.role,
                  .frame = {}, .place = static_cast<std::uint64_t>(request.cache)});
  return Refusal::kOom;
}

Outcome<Pfn> PageAllocator::allocate_slowly(CpuId cpu, PageRequest request) {
  check(request.order.raw() <= kMaxOrder, "a block is at most of the top order");
  const bool may_fail = !request.gfp.has(kGfpNofail);
  if (may_fail && hardware_.failures().request_fails(cpu)) return refuse(cpu, request);
  return allocate_from_zones(cpu, request);
}

Outcome<Pfn> PageAllocator::allocate_from_zones(CpuId cpu, PageRequest request) {
  std::uint32_t frame = try_zones(cpu, request);
  if (frame == kNoFrame && request.gfp.any(kGfpWait | kGfpNofail)) {
    point(Point::kPagesWait);
    drain_all(cpu);
    frame = try_zones(cpu, request);
  }
  if (frame == kNoFrame) return refuse(cpu, request);
  if (request.gfp.has(kGfpZero)) zero_block(cpu, Pfn(frame), pages_in(request.order).raw(), request.role);
  return Pfn(frame);
}

// The first zone that may give, gives (ZONE-3).
std::uint32_t PageAllocator::try_zones(CpuId cpu, PageRequest request) {
  const unsigned order = request.order.raw();
  for (const ZoneChoice& choice : zone_lists_->of(cpu, request.node, request.gfp)) {
    if (!may_give(choice, request)) continue;
    const std::uint32_t frame = order == 0 ? take_single(cpu, choice.zone) : take_block(cpu, choice.zone, order);
    if (frame == kNoFrame) continue;
    hand_out(cpu, frame, choice.zone, request);
    return frame;
  }
  return kNoFrame;
}

std::uint32_t PageAllocator::take_single(CpuId cpu, unsigned zone) {
  CpuList& list = list_of(cpu, zone);
  list.enter();
  std::uint32_t frame = list.pop();
  if (frame == kNoFrame) frame = list.pop_linked(frames_);
  if (frame == kNoFrame) {
    fill(cpu, zone, list);
    frame = list.pop_linked(frames_);
  }
  // Off the list before the owner leaves it: a visitor must not find a listed frame that no list holds.
  if (frame != kNoFrame) set_tag(frames_.edit(Pfn(frame)), kInsideTag);
  list.leave();
  return frame;
}

std::uint32_t PageAllocator::take_block(CpuId cpu, unsigned zone, unsigned order) {
  const LockGuard guard(hardware_, cpu, LockClass::kZone, zone, zones_[zone]->zone().lock);
  const std::uint32_t head = zones_[zone]->take(order);
  note_free(zone);
  return head;
}

// Under the zone's lock, whenever its free count changed: the lists whose fast path serves plain requests learn when
// the zone may not give any more, and when it may again (ZONE-2).
void PageAllocator::note_free(unsigned index) {
  Zone& zone = zones_[index]->zone();
  const bool is_low = zone.free <= zone.plain_floor;
  if (is_low == zone.is_low) return;
  zone.is_low = is_low;
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    std::uint32_t& attention = list_of(CpuId(cpu), index).attention();
    touches(&list_of(CpuId(cpu), index), true, Point::kTouchFreelist);
    if (is_low) {
      set_bits(attention, CpuList::kLow);
    } else {
      clear_bits(attention, CpuList::kLow);
    }
  }
}

// Whole blocks at once: a block that is not split down to its frames first costs one step instead of one per frame.
void PageAllocator::fill(CpuId cpu, unsigned zone, CpuList& list) {
  Buddy& buddy = *zones_[zone];
  const LockGuard guard(hardware_, cpu, LockClass::kZone, zone, buddy.zone().lock);
  for (std::uint32_t wanted = list.batch(); wanted != 0;) {
    const unsigned order = buddy.lowest_order(static_cast<unsigned>(std::bit_width(wanted)) - 1);
    const std::uint32_t head = buddy.take(order);
    if (head == kNoFrame) break;
    wanted -= std::uint32_t{1} << order;
    // From the top down: the lowest frame is handed out first.
    for (std::uint32_t i = std::uint32_t{1} << order; i-- > 0;) {
      list.link(frames_.edit(Pfn(head + i)), head + i);
      hardware_.emit({.kind = EventKind::kListFilled, .cpu = cpu, .order = {},
                      .index = static_cast<std::uint16_t>(cpu.raw()), .frame = Pfn(head + i)});
    }
  }
  note_free(zone);
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
  const std::uint32_t tag = used_head_tag(0, request.role, zone_of(frames_.at(first).tag));
  for (std::uint64_t i = 0; i < count; ++i) make_used(frames_.edit(first + PageCount(i)), tag);
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
  const std::uint32_t tag = tag_of(frames_.at(head));
  check(is_used_head_of_order(tag, order.raw()),
        "FRAME-1: only a used block is freed, once and whole");
  hardware_.return_frames(cpu, head, order);
  Buddy& buddy = *zones_[zone_of(tag)];
  const LockGuard guard(hardware_, cpu, LockClass::kZone, zone_of(tag), buddy.zone().lock);
  buddy.give(static_cast<std::uint32_t>(head.raw()), order.raw());
  note_free(zone_of(tag));
}

void PageAllocator::leave_overfull(CpuId cpu, CpuList& list) {
  drain_list(cpu, zone_of(list.tag()), list, list.batch());
  list.leave();
}

void PageAllocator::free_single(CpuId cpu, std::uint32_t frame, unsigned zone) {
  CpuList& list = list_of(cpu, zone);
  list.enter();
  if (list.push(frames_.edit(Pfn(frame)), frame)) return leave_overfull(cpu, list);
  list.leave();
}

void PageAllocator::free_exact(CpuId cpu, Pfn first, PageCount pages) {
  for (std::uint64_t i = 0; i < pages.raw(); ++i) free(cpu, first + PageCount(i), Order(0));
}

// Refused at the cap as Linux's try_get_page: a count that wrapped would free a page that others still map.
bool PageAllocator::try_get(Pfn frame) {
  touches(&frames_.at(frame), true, Point::kTouchCount);
  std::uint32_t before = load_relaxed(frames_.at(frame).references);
  if (before >= reference_cap_) return false;
  point(Point::kFrameGet);
  FrameDescriptor& descriptor = frames_.edit(frame);
  touches(&descriptor, true, Point::kTouchCount);
  check(is_used_head(descriptor), "FRAME-2: only a used frame gains a reference");
  while (!compare_exchange(descriptor.references, before, before + 1)) {
    if (before >= reference_cap_) return false;
  }
  return true;
}

bool PageAllocator::put(CpuId cpu, Pfn frame) {
  point(Point::kFramePut);
  FrameDescriptor& descriptor = frames_.edit(frame);
  touches(&descriptor, true, Point::kTouchCount);
  std::uint32_t before = load_relaxed(descriptor.references);
  check(is_used_head(descriptor) && before != 0, "FRAME-2: only a referenced frame loses a reference");
  while (!compare_exchange(descriptor.references, before, before - 1)) {
  }
  if (before != 1) return false;
  check(mappings_of(descriptor) == 0, "FRAME-3: a frame is returned only when nothing maps it");
  free(cpu, frame, Order(order_of(tag_of(descriptor))));
  return true;
}

// ---- draining ----

// Inside the list, as its owner or visitor.
void PageAllocator::drain_list(CpuId cpu, unsigned zone, CpuList& list, std::uint32_t frames) {
  Buddy& buddy = *zones_[zone];
  const LockGuard guard(hardware_, cpu, LockClass::kZone, zone, buddy.zone().lock);
  for (; frames != 0; --frames) {
    std::uint32_t frame = list.pop_linked(frames_);
    if (frame == kNoFrame) frame = list.pop();
    if (frame == kNoFrame) break;
    buddy.give(frame, 0);
    hardware_.emit({.kind = EventKind::kListDrained, .cpu = cpu, .order = {},
                    .index = static_cast<std::uint16_t>(cpu.raw()), .frame = Pfn(frame)});
  }
  note_free(zone);
}

void PageAllocator::drain_own(CpuId cpu) {
  for (unsigned zone = 0; zone < kMaxZones; ++zone) {
    if (!zones_[zone].has_value()) continue;
    CpuList& list = list_of(cpu, zone);
    list.enter();
    if (list.length() != 0) drain_list(cpu, zone, list, list.length());
    list.leave();
  }
}

void PageAllocator::drain_visited(CpuId target) {
  for (unsigned zone = 0; zone < kMaxZones; ++zone) {
    if (!zones_[zone].has_value()) continue;
    CpuList& list = list_of(target, zone);
    list.visit();
    if (list.length() != 0) drain_list(target, zone, list, list.length());
    list.end_visit();
  }
}

void PageAllocator::drain(CpuId asks, CpuId target) {
  if (asks == target) return drain_own(asks);
  hardware_.interrupts().send(asks, 1u << target.raw(), Interrupt::kDrainLists);
}

void PageAllocator::drain_all(CpuId asks) {
  drain_own(asks);
  hardware_.interrupts().send(asks, ((1u << cpus_) - 1) & ~(1u << asks.raw()), Interrupt::kDrainLists);
}

void PageAllocator::on_interrupt(CpuId, CpuId at, std::uint64_t) { drain_visited(at); }

// ---- audit and dump ----

void PageAllocator::audit_buddy(Audit& audit) const {
  for (const auto& zone : zones_) {
    if (zone.has_value()) zone->audit_buddy(audit);
  }
}

void PageAllocator::audit_lists(Audit& audit) const {
  for (unsigned cpu = 0; cpu < cpus_; ++cpu) {
    for (unsigned zone = 0; zone < kMaxZones; ++zone) {
      const CpuList& own = list(CpuId(cpu), zone);
      std::uint32_t count = 0;
      for (std::uint32_t at = own.first(); at != kNoFrame && count <= own.linked(); at = frames_.at(Pfn(at)).next) {
        audit.claim(frames_.at(Pfn(at)).tag == own.tag(), "PCP-1: a frame on a list is marked as listed there");
        ++count;
      }
      if (own.hot() != kNoFrame) {
        audit.claim(frames_.at(Pfn(own.hot())).tag == own.tag(), "PCP-1: a frame on a list is marked as listed there");
      }
      audit.claim(count == own.linked(), "ACCT-1: a list counts the frames it has");
      audit.claim(own.length() <= own.high(), "PCP-2: a list is never longer than high");
      audit.claim(own.is_at_rest(), "PCP-1: nobody is inside a list at rest");
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
      if (own.length() == 0) continue;
      std::fprintf(to, "cpu %u zone %u list %u:", cpu, zone, own.length());
      if (own.hot() != kNoFrame) std::fprintf(to, " %u", own.hot());
      for (std::uint32_t at = own.first(); at != kNoFrame; at = frames_.at(Pfn(at)).next) std::fprintf(to, " %u", at);
      std::fprintf(to, "\n");
    }
  }
}

}  // namespace mmtwin::impl
