// Rows of activities: inside of what each may be done, and what it may ask for.
//
// Laws: none; the judges that read a row name theirs. Context: constants. Cost: one load. A row says when and for whom
// something is done, never what: what is done to a frame or an entry is judged alike for everybody.
#pragma once

#include <array>
#include <cstdint>

#include "vocab/activities.h"
#include "vocab/events.h"

namespace mmtwin::model {

struct ActivityRow {
  std::uint8_t inside = 0;   // bit k: of kind k
  std::uint16_t roles = 0;   // bit r: may ask for pages of role r
  std::uint16_t caches = 0;  // bit c: may ask for objects of cache c
  bool may_nest_in(ActivityKind outer) const { return (inside >> static_cast<unsigned>(outer) & 1u) != 0; }
  bool may_ask(Role role) const { return (roles >> static_cast<unsigned>(role) & 1u) != 0; }
  bool may_need(CacheName cache) const { return (caches >> static_cast<unsigned>(cache) & 1u) != 0; }
};

constexpr std::uint8_t inside_of(ActivityKind kind) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(kind));
}

inline constexpr std::array<ActivityRow, kActivityNames.size()> kActivityRows = {{
    {},                                           // operation: the bottom
    {},                                           // interrupt: begins by being taken
    {inside_of(ActivityKind::kOperation), 0, 0},  // reclaim
    {static_cast<std::uint8_t>(inside_of(ActivityKind::kOperation) | inside_of(ActivityKind::kReclaim)), 0,
     (1u << kCacheNames.size()) - 1},  // shrink: a cache may need an object to find out what it can do without
}};
inline const ActivityRow& row_of(ActivityKind kind) { return kActivityRows[static_cast<unsigned>(kind)]; }

}  // namespace mmtwin::model
