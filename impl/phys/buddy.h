// Buddy: the free blocks of one zone, split on demand and merged at once.
//
// Laws: BUDDY-1, BUDDY-2, BUDDY-3. Context: the caller holds the zone's lock. Cost: O(orders) descriptor edits at most, one
// edit of a neighbour in the list per insertion. No request decision is made here: a caller that asks for a block that
// does not exist gets kNoFrame, and watermarks are somebody else's. It deliberately leaves the
// tags of blocks that it hands out to the caller. Source: Knuth, The Art of Computer Programming 1, section 2.5, "buddy system".
#pragma once

#include <cstdint>
#include <cstdio>

#include "impl/phys/frame.h"
#include "impl/phys/zone.h"
#include "impl/platform/hardware.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class Buddy {
 public:
  // Boots zone `index`: everything in its span that is no hole becomes free blocks.
  Buddy(Hardware& hardware, unsigned index, FrameSpan span);

  // First frame of a block of `order`, or kNoFrame. It counts as taken; its tag says "inside" until the caller sets it.
  std::uint32_t take(unsigned order);
  // The block is free again, merged with its buddies as far as they are free. Its head's tag may be anything but free.
  void give(std::uint32_t head, unsigned order);

  Zone& zone() { return zone_; }
  const Zone& zone() const { return zone_; }
  const TopBlocks& top_blocks() const { return top_; }

  void dump(std::FILE* to) const;
  // Walks lists, bitmap and all descriptors of the span: BUDDY-1 to 3 and ACCT-1. Aborts with a sentence.
  void audit_buddy() const;

 private:
  void boot_range(std::uint64_t first, std::uint64_t end);
  void insert(std::uint32_t head, unsigned order);
  void remove(std::uint32_t head, unsigned order);
  std::uint32_t take_first(unsigned order);
  void count(unsigned order, std::uint32_t by);
  std::uint64_t audit_list(unsigned order) const;

  Hardware& hardware_;
  Zone& zone_;
  TopBlocks top_;
};

}  // namespace mmtwin::impl
