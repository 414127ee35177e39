// Points: the named places where an operation may pause, and the pause that a program asks for.
//
// Laws: none. Context: constants and values. Cost: 2 bytes a pause. Points stand before every lock is taken and after
// it is released, before every update of a word that CPUs share without a lock, and where an interrupt is awaited. At a
// preemptible one nothing spins and nothing of the CPU's own is half done: it may run another operation meanwhile.
// Touches are points without a name of their own, one for each kind of word that CPUs share: see INTERLEAVINGS.md.
// Names are what stored traces keep: rows may be added at the end, none may be renamed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "vocab/locks.h"

namespace mmtwin {

enum class Point : std::uint8_t {
  kNone,
  kSpaceTake, kSpaceRelease,
  kTablesTake, kTablesRelease,
  kFamilyTake, kFamilyRelease,
  kSlabTake, kSlabRelease,
  kZoneTake, kZoneRelease,
  kFault,
  kWalkMark,
  kEntryExchange,
  kTablesLoad,
  kTablesFlush,
  kInterruptWait,
  kFrameGet,
  kFramePut,
  kMappingAdd,
  kMappingRemove,
  kPageMark,
  kContextTake,
  kPagesWait,
  kVisitWait,
  kPagesTake,
  kTouchEntry, kTouchDescriptor, kTouchFreelist, kTouchCount, kTouchSequence,
};

struct PointRow {
  std::string_view name;
  std::string_view where;
  bool is_preemptible = false;
};

inline constexpr std::array<PointRow, 31> kPoints = {{
    {"none", "nowhere"},
    {"space.take", "before a space's lock is taken", true},
    {"space.release", "after a space's lock was released", true},
    {"tables.take", "before a page-table lock is taken"},
    {"tables.release", "after a page-table lock was released"},
    {"family.take", "before the lock of families is taken"},
    {"family.release", "after the lock of families was released"},
    {"slab.take", "before a slab cache's lock is taken"},
    {"slab.release", "after a slab cache's lock was released"},
    {"zone.take", "before a zone's lock is taken"},
    {"zone.release", "after a zone's lock was released"},
    {"fault", "between an access that found no translation and the software that handles it", true},
    {"walk.mark", "inside a hardware walk, before it sets A or D in an entry that it has read"},
    {"entry.exchange", "before software replaces an entry that walkers may mark"},
    {"tables.load", "before a CPU joins those that have a space loaded"},
    {"tables.flush", "before the generation of a space's tables is counted up, which begins a flush"},
    {"interrupt.wait", "between the request of an interrupt and its delivery"},
    {"frame.get", "before a frame gets one more reference"},
    {"frame.put", "before a frame loses a reference"},
    {"mapping.add", "before a frame gets one more mapping"},
    {"mapping.remove", "before a frame loses a mapping"},
    {"page.mark", "before a page is marked exclusive or shared"},
    {"context.take", "before a new space gets its number"},
    {"pages.wait", "before a page request that may wait drains every list", true},
    {"visit.wait", "after a visit to another CPU's lists or translations is announced, before it waits its turn"},
    {"pages.take", "before a page request begins", true},
    {"touch.entry", "before a page-table entry is read or written"},
    {"touch.descriptor", "before a page's exclusive mark is read or changed"},
    {"touch.freelist", "before a CPU's page list is entered, left, visited or told of its zone"},
    {"touch.count", "before references, mappings or a zone's free frames are counted or read"},
    {"touch.sequence", "before any other word without a lock: who has tables loaded, generations, who is inside"},
}};
static_assert(kPoints.size() == static_cast<std::size_t>(Point::kTouchSequence) + 1);
constexpr std::string_view name_of(Point p) { return kPoints[static_cast<unsigned>(p)].name; }
constexpr bool is_preemptible(Point p) { return kPoints[static_cast<unsigned>(p)].is_preemptible; }
constexpr bool is_touch(Point p) { return p >= Point::kTouchEntry; }

constexpr Point take_point(LockClass c) {
  return static_cast<Point>(static_cast<unsigned>(Point::kSpaceTake) + 2 * static_cast<unsigned>(c));
}
constexpr Point release_point(LockClass c) {
  return static_cast<Point>(static_cast<unsigned>(take_point(c)) + 1);
}
static_assert(release_point(LockClass::kZone) == Point::kZoneRelease);

// More than any operation of a machine that a program describes needs to come to its end when nobody else acts;
// touches do not count.
inline constexpr std::uint64_t kMostPassings = 1 << 20;

// Where else operations pause, when all schedules are to be seen.
enum class Everywhere : std::uint8_t { kNo, kAtPoints, kAtTouches };

// Stop at the `nth` passing (from 1) of `point`, counted from where the operation begins or goes on.
struct Pause {
  static constexpr unsigned kMostPassings = 255;
  Point point = Point::kNone;
  std::uint8_t nth = 0;  // 0 iff there is no pause
  constexpr bool is_none() const { return point == Point::kNone; }
  friend constexpr bool operator==(const Pause&, const Pause&) = default;
};

}  // namespace mmtwin
