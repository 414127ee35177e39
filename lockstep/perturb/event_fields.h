// Which fields of an event mean something, by kind: what a story prints and what a perturbation may alter.
//
// Laws: none. Context: constants. Cost: a table look-up. The source is vocab/events.h, line by line. It deliberately
// holds no values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "vocab/events.h"

namespace mmtwin::lockstep {

enum class EventField : std::uint8_t { kCpu, kOrder, kRole, kLevel, kAccess, kIndex, kFrame, kPlace, kBefore, kAfter };
inline constexpr std::string_view kEventFieldNames[] = {"cpu",   "order", "role",  "level",  "access",
                                                        "index", "frame", "place", "before", "after"};
constexpr std::string_view name_of(EventField f) { return kEventFieldNames[static_cast<unsigned>(f)]; }

// `cpu` first, which every event has.
std::span<const EventField> meaningful_fields(EventKind kind);

std::uint64_t value_of(const Event& event, EventField field);
void set_value(Event& event, EventField field, std::uint64_t value);

// "frame_taken cpu=0 order=0 frame=0x23".
std::string describe(const Event& event);

bool same(const Event& a, const Event& b);

}  // namespace mmtwin::lockstep
