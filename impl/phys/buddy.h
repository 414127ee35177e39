// Buddy: the free blocks of one zone, split on demand and merged at once.
//
// Laws: BUDDY-1, BUDDY-2, BUDDY-3. Context: the caller holds the zone's lock. Cost: O(orders) descriptor edits at
// most, one edit of a neighbour in the list per insertion. No request decision is made here: a caller that asks for a
// block that does not exist gets kNoFrame, and watermarks are somebody else's. It deliberately leaves the
// tags of blocks that it hands out to the caller. Source: Knuth, The Art of Computer Programming 1, section 2.5,
// "buddy system".
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>

#include "impl/base/audit.h"
#include "impl/phys/frame.h"
#include "impl/phys/zone.h"
#include "impl/platform/hardware.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class Buddy {
 public:
  // Boots zone `index`: everything in its span that is neither hole nor reserved becomes free
  // blocks.
  Buddy(Hardware& hardware, unsigned index, FrameSpan span);

  // First frame of a block of `order`, or kNoFrame. It counts as taken; its tag says "inside" until the caller sets it.
  std::uint32_t take(unsigned order);
  // The order to ask for when up to 2^most frames in one block are welcome: the smallest of the blocks that exist.
  unsigned lowest_order(unsigned most) const {
    return static_cast<unsigned>(std::countr_zero(zone_.nonempty | std::uint32_t{1} << most));
  }
  // The block is free again, merged with its buddies as far as they are free. Its head's tag may be anything but free.
  void give(std::uint32_t head, unsigned order);

  Zone& zone() { return zone_; }
  const Zone& zone() const { return zone_; }

  void dump(std::FILE* to) const;
  // Walks lists, bitmap and all descriptors of the span: BUDDY-1 to 3 and ACCT-1. Aborts with a sentence.
  void audit_buddy(Audit& audit) const;

 private:
  void boot_range(std::uint64_t first, std::uint64_t end);
  void insert(std::uint32_t head, unsigned order);
  void remove(std::uint32_t head, unsigned order);
  std::uint32_t take_first(unsigned order);
  std::uint32_t take_untouched(unsigned order);
  void count_one_more(unsigned order);
  void count_one_less(unsigned order);
  void set_free(std::uint64_t frames) { store_relaxed(zone_.free, frames); }
  std::uint64_t audit_list(Audit& audit, unsigned order) const;

  FrameTable frames_;
  Zone& zone_;
};

}  // namespace mmtwin::impl
