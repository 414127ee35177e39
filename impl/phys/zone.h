// Zone: a span of frames of one node that share free blocks, a watermark and a lock.
//
// Laws: ZONE-2, ACCT-1, BUDDY-3. Context: everything but `free` is written under `lock`; `free` is written under it and
// read without. Cost: two cache lines of head, one bitmap bit per 1024 frames. Free blocks of orders 0 to 9 are doubly
// linked through their heads' descriptors, last freed first taken; those of order 10 are bits of a bitmap, lowest first
// taken, so that a machine of any size boots without touching its descriptors. It deliberately holds no policy: who may
// take from it is zone_list.h's and watermark_rules.h's business.
#pragma once

#include <bit>
#include <cstdint>

#include "impl/platform/frame_descriptor.h"
#include "impl/platform/tracked_array.h"
#include "version/lock.h"
#include "version/shared_word.h"
#include "vocab/machine.h"
#include "vocab/units.h"

namespace mmtwin::impl {

inline constexpr unsigned kMaxZones = kMaxNodes * kZoneKinds;

constexpr unsigned zone_index(NodeId node, ZoneKind kind) {
  return node.raw() * kZoneKinds + static_cast<unsigned>(kind);
}

// The part of a zone that lies in boot memory.
struct alignas(64) Zone {
  std::uint64_t free = 0;     // frames in free blocks
  std::uint64_t managed = 0;  // frames that exist: the span minus holes
  std::uint32_t index = 0;    // zone_index()
  std::uint32_t nonempty = 0; // bit o: there is a free block of order o
  Lock lock;
  std::uint32_t heads[kMaxOrder];       // first frame of the list of each order below the top
  std::uint32_t blocks[kMaxOrder + 1];  // free blocks by order
  FrameSpan span;

  std::uint64_t free_now() const { return load_relaxed(free); }
};

// The free blocks of order 10 of one zone: a bitmap under two levels of summaries, one bit per non-zero word below.
// Decoder: bit (b & 63) of word(b >> 6) is set iff the block of frames [b * 1024, b * 1024 + 1024) is free. b counts
// from frame 0, not from the zone's start.
class TopBlocks {
 public:
  TopBlocks(Hardware& hardware, FrameSpan span);

  void insert(std::uint64_t block);
  void insert_run(std::uint64_t first, std::uint64_t count);  // at boot
  void remove(std::uint64_t block);
  // Lowest free block; there must be one.
  std::uint64_t lowest() const;
  bool contains(std::uint64_t block) const;
  std::uint64_t word(std::uint64_t index) const;  // 0 outside the zone

 private:
  static constexpr unsigned kLevels = 3;
  void set_summaries(std::uint64_t word);

  std::uint64_t first_word_;            // word index of the zone's first block
  std::uint64_t words_;
  std::uint64_t level_start_[kLevels];  // where each level starts in bits_
  std::uint64_t level_words_[kLevels];
  TrackedArray<std::uint64_t> bits_;
};

}  // namespace mmtwin::impl
