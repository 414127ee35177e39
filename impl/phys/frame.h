// What may be done to one frame's descriptor: tags, reference counts, mapping counts, the exclusive mark.
//
// Laws: FRAME-2 (counts equal references). Context: free and listed tags by the zone's lock or the list's CPU; counts
// of a used block by anybody who holds a reference. Cost: one or two instructions. It deliberately does not free: a
// count that reaches zero is PageAllocator::put's business. The layout is in impl/platform/frame_descriptor.h.
#pragma once

#include <cstdint>

#include "impl/base/check.h"
#include "impl/platform/frame_descriptor.h"
#include "impl/platform/hardware.h"
#include "version/point.h"
#include "version/shared_word.h"
#include "vocab/events.h"
#include "vocab/units.h"

namespace mmtwin::impl {

// ---- tags: one 32-bit word says what a frame is, so that a change of hands is one store ----
inline constexpr std::uint32_t kInsideTag = 0;
constexpr std::uint32_t free_head_tag(unsigned order, unsigned zone) {
  return static_cast<std::uint32_t>(BlockState::kFreeHead) | order << 8 | zone << 24;
}
constexpr std::uint32_t listed_tag(unsigned zone, unsigned cpu) {
  return static_cast<std::uint32_t>(BlockState::kListed) | zone << 24 | cpu << 28;
}
constexpr std::uint32_t used_head_tag(unsigned order, Role role, unsigned zone) {
  return static_cast<std::uint32_t>(BlockState::kUsedHead) | order << 8 | static_cast<std::uint32_t>(role) << 16 |
         zone << 24;
}
constexpr bool is_used_head_of_order(std::uint32_t tag, unsigned order) {
  return (tag & 0xffff) == (static_cast<std::uint32_t>(BlockState::kUsedHead) | order << 8);
}
static_assert(zone_of(listed_tag(7, 7)) == 7 && cpu_of(listed_tag(7, 7)) == 7);
static_assert(order_of(used_head_tag(10, Role::kSlab, 3)) == 10 && role_of(used_head_tag(10, Role::kSlab, 3)) == 6);

// Other CPUs look at the tags of neighbours while they merge.
inline std::uint32_t tag_of(const FrameDescriptor& descriptor) { return load_relaxed(descriptor.tag); }
inline void set_tag(FrameDescriptor& descriptor, std::uint32_t tag) { store_relaxed(descriptor.tag, tag); }
inline bool is_used_head(const FrameDescriptor& d) { return state_of(tag_of(d)) == BlockState::kUsedHead; }

// ---- mappings of an anonymous page: leaf entries that map it ----
inline std::uint32_t mappings_of(const FrameDescriptor& d) {
  touches(&d, false, Point::kTouchCount);
  return load_relaxed(d.mappings) & ~kExclusiveBit;
}
inline void add_mapping(Hardware& hardware, Pfn at) {
  point(Point::kMappingAdd);
  FrameDescriptor& d = hardware.edit(at);
  touches(&d, true, Point::kTouchCount);
  check(is_used_head(d), "FRAME-1: only a used frame is mapped");
  add_shared(d.mappings, std::uint32_t{1});
}
// Returns how many are left.
inline std::uint32_t remove_mapping(Hardware& hardware, Pfn at) {
  point(Point::kMappingRemove);
  FrameDescriptor& d = hardware.edit(at);
  touches(&d, true, Point::kTouchCount);
  const std::uint32_t before = subtract_shared(d.mappings, std::uint32_t{1}) & ~kExclusiveBit;
  check(is_used_head(d) && before != 0, "FRAME-2: only a mapped frame loses a mapping");
  return before - 1;
}

// ---- exclusive: the page belongs to one space only. Changed by the holder of that space's page-table lock ----
inline bool is_exclusive(const FrameDescriptor& d) {
  touches(&d, false, Point::kTouchDescriptor);
  return (load_relaxed(d.mappings) & kExclusiveBit) != 0;
}
inline void set_exclusive(Hardware& hardware, Pfn at, bool exclusive) {
  point(Point::kPageMark);
  FrameDescriptor& d = hardware.edit(at);
  touches(&d, true, Point::kTouchDescriptor);
  check(is_used_head(d), "FRAME-1: only a used frame is marked");
  std::uint32_t before = load_relaxed(d.mappings);
  while (!compare_exchange(d.mappings, before,
                           exclusive ? before | kExclusiveBit : before & ~kExclusiveBit)) {
  }
}

}  // namespace mmtwin::impl
