#include "lockstep/perturb/event_fields.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace mmtwin::lockstep {

namespace {

using enum EventField;

constexpr EventField kFrameAndOrder[] = {kCpu, kFrame, kOrder};
constexpr EventField kOnlyFrame[] = {kCpu, kFrame};
constexpr EventField kCopy[] = {kCpu, kFrame, kPlace};
constexpr EventField kEntryChange[] = {kCpu, kFrame, kIndex, kBefore, kAfter};
constexpr EventField kLoaded[] = {kCpu, kFrame, kIndex, kAfter};
constexpr EventField kOnlyCpu[] = {kCpu};
constexpr EventField kSlotFilled[] = {kCpu, kIndex, kPlace, kAfter};
constexpr EventField kSlotUsed[] = {kCpu, kIndex, kPlace, kAccess};
constexpr EventField kOnlyIndex[] = {kCpu, kIndex};
constexpr EventField kInterrupt[] = {kCpu, kLevel, kIndex, kFrame};
constexpr EventField kWalkFilled[] = {kCpu, kLevel, kIndex, kPlace, kFrame};
constexpr EventField kWalkSlot[] = {kCpu, kLevel, kIndex};
constexpr EventField kLock[] = {kCpu, kIndex, kPlace};
constexpr EventField kRequest[] = {kCpu, kRole, kOrder};
constexpr EventField kObject[] = {kCpu, kPlace};
constexpr EventField kFault[] = {kCpu, kPlace, kAccess};
constexpr EventField kStep[] = {kCpu, kPlace};
constexpr EventField kAnswer[] = {kCpu, kPlace, kIndex, kAfter};
constexpr EventField kMoved[] = {kCpu, kFrame, kIndex};

constexpr std::array<std::span<const EventField>, kEventNames.size()> kMeaningful = {{
    kFrameAndOrder,  // frame_taken
    kFrameAndOrder,  // frame_returned
    kOnlyFrame,      // frame_zeroed
    kCopy,           // frame_copied
    kEntryChange,    // table_store
    kEntryChange,    // table_mark
    kLoaded,         // space_loaded
    kOnlyCpu,        // space_unloaded
    kSlotFilled,     // tlb_filled
    kSlotUsed,       // tlb_used
    kOnlyIndex,      // tlb_dropped
    kWalkFilled,     // walk_cache_filled
    kWalkSlot,       // walk_cache_used
    kWalkSlot,       // walk_cache_dropped
    kInterrupt,      // interrupted
    kLock,           // lock_taken
    kLock,           // lock_released
    kOnlyCpu,        // failure_injected
    kRequest,        // page_requested
    kOnlyCpu,        // page_refused
    kObject,         // object_requested
    kOnlyCpu,        // object_refused
    kMoved,          // list_filled
    kMoved,          // list_drained
    kOnlyFrame,      // space_killed
    kObject,         // object_returned
    kInterrupt,      // interrupt_sent
    kOnlyIndex,      // interrupt_answered
    kFault,          // faulted
    kStep,           // went_on
    kAnswer,         // ended
    kStep,           // stuck
    kAnswer,         // committed
    kOnlyIndex,      // activity_begun
    kOnlyIndex,      // activity_ended
}};

std::string hex_of(std::uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string text_of(const Event& event, EventField field) {
  switch (field) {
    case kRole: return std::string(name_of(event.role));
    case kAccess: {
      static constexpr std::string_view kAccessNames[] = {"load", "store", "fetch"};
      return event.access < 3 ? std::string(kAccessNames[event.access]) : std::to_string(event.access);
    }
    case kFrame:
    case kPlace:
    case kBefore:
    case kAfter: return hex_of(value_of(event, field));
    default: return std::to_string(value_of(event, field));
  }
}

}  // namespace

std::span<const EventField> meaningful_fields(EventKind kind) { return kMeaningful[static_cast<unsigned>(kind)]; }

std::uint64_t value_of(const Event& event, EventField field) {
  switch (field) {
    case kCpu: return event.cpu.raw();
    case kOrder: return event.order.raw();
    case kRole: return static_cast<std::uint64_t>(event.role);
    case kLevel: return event.level;
    case kAccess: return event.access;
    case kIndex: return event.index;
    case kFrame: return event.frame.raw();
    case kPlace: return event.place;
    case kBefore: return event.before;
    case kAfter: return event.after;
  }
  return 0;
}

void set_value(Event& event, EventField field, std::uint64_t value) {
  switch (field) {
    case kCpu: event.cpu = CpuId(static_cast<unsigned>(value)); break;
    case kOrder: event.order = Order(static_cast<unsigned>(value)); break;
    case kRole: event.role = static_cast<Role>(value); break;
    case kLevel: event.level = static_cast<std::uint8_t>(value); break;
    case kAccess: event.access = static_cast<std::uint8_t>(value); break;
    case kIndex: event.index = static_cast<std::uint16_t>(value); break;
    case kFrame: event.frame = Pfn(value); break;
    case kPlace: event.place = value; break;
    case kBefore: event.before = value; break;
    case kAfter: event.after = value; break;
  }
}

std::string describe(const Event& event) {
  std::string text(name_of(event.kind));
  for (const EventField field : meaningful_fields(event.kind)) {
    text += " " + std::string(name_of(field)) + "=" + text_of(event, field);
  }
  const bool is_for_slab = event.kind == EventKind::kPageRequested && event.role == Role::kSlab;
  const bool names_cache =
      is_for_slab || event.kind == EventKind::kObjectRequested || event.kind == EventKind::kObjectReturned;
  if (names_cache && event.place < kCacheNames.size()) text += " (" + std::string(kCacheNames[event.place]) + ")";
  return text;
}

bool same(const Event& a, const Event& b) {
  if (a.kind != b.kind) return false;
  const auto fields = meaningful_fields(a.kind);
  return std::all_of(fields.begin(), fields.end(), [&](EventField f) { return value_of(a, f) == value_of(b, f); });
}

}  // namespace mmtwin::lockstep
