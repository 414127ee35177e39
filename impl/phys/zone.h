// Zone: a span of frames of one node that share free blocks, a watermark and a lock.
//
// Laws: ZONE-2, ACCT-1, BUDDY-3. Context: everything but `free` is written under `lock`; `free` is written under it and
// read without. Cost: five cache lines. Free blocks are doubly linked by order through their heads' descriptors, last
// freed first taken. Blocks of the top order that nobody has taken since boot are in no list: they are the rest of at
// most kMaxRuns runs, so that a machine of any size boots without touching its descriptors. It deliberately
// holds no policy: who may take from it is the business of zone_list.h and watermark_rules.h.
#pragma once

#include <cstdint>

#include "impl/platform/frame_descriptor.h"
#include "version/lock.h"
#include "version/point.h"
#include "version/shared_word.h"
#include "vocab/machine.h"
#include "vocab/units.h"

namespace mmtwin::impl {

inline constexpr unsigned kMaxZones = kMaxNodes * kZoneKinds;

constexpr unsigned zone_index(NodeId node, ZoneKind kind) {
  return node.raw() * kZoneKinds + static_cast<unsigned>(kind);
}

inline constexpr unsigned kMaxRuns = kMaxHoles + kMaxReserved + 1;

// Frames [next, end), multiples of a block of the top order: free ones whose descriptors are still all zero.
struct UntouchedRun {
  std::uint32_t next = 0;
  std::uint32_t end = 0;
};

// In boot memory.
struct alignas(64) Zone {
  std::uint64_t free = 0;         // frames in free blocks
  std::uint64_t managed = 0;      // frames that may be handed out: the span minus holes and reserved ones
  std::uint64_t plain_floor = 0;  // a request without special flags is served while more frames than this are free
  std::uint32_t index = 0;        // zone_index()
  std::uint32_t nonempty = 0;     // bit o: there is a free block of order o
  std::uint32_t top_order = kMaxOrder;  // of the largest blocks
  Lock lock;
  bool is_low = false;            // free <= plain_floor, as the lists of its CPUs were told
  std::uint32_t heads[kMaxOrder + 1];   // first frame of the list of each order
  std::uint32_t blocks[kMaxOrder + 1];  // free blocks by order, untouched ones included
  FrameSpan span;
  UntouchedRun untouched[kMaxRuns];  // used up in order; next == end: nothing left in it

  std::uint64_t free_now() const {
    touches(&lock, false, Point::kTouchCount);  // under which it changes
    return load_relaxed(free);
  }
  bool is_untouched(std::uint64_t frame) const {
    for (const UntouchedRun& run : untouched) {
      if (frame >= run.next && frame < run.end) return true;
    }
    return false;
  }
};

}  // namespace mmtwin::impl
