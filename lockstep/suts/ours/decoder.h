// The independent decoder: what the implementation's memory says, read with loops of its own.
//
// Laws: it shows what FRAME, BUDDY, ACCT, PT and VMA are judged from. Context: between operations, one thread. Cost: a
// frame is at most eleven descriptor reads; a zone is its whole span; a cache is all blocks; a space is all its ranges
// and tables. It reads struct layouts from impl/ headers and raw memory, and deliberately uses no walker, counter or
// dump of impl/. Where a counter of the implementation differs from what the decoder counts, a number is shown that
// cannot be right.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"
#include "impl/slab/slab.h"
#include "impl/space/space.h"
#include "vocab/machine.h"
#include "vocab/observations.h"

namespace mmtwin::lockstep {

class Decoder {
 public:
  // Keeps the references.
  Decoder(const impl::Hardware& hardware, const impl::PageAllocator& pages, const impl::Slab& slab);

  FrameObservation frame(Pfn at) const;
  ZoneObservation zone(NodeId node, ZoneKind kind) const;
  CacheObservation cache(CacheName name) const;
  // The 4096 bytes of a used frame; empty for others, which nobody may look at.
  std::span<const std::uint8_t> bytes(Pfn at) const;

  // ---- of a space object that exists ----
  void ranges(impl::Ref<impl::Space> space, std::vector<RangeObservation>& into) const;
  SpaceObservation space(impl::Ref<impl::Space> space) const;      // its own counters
  SpaceObservation recounted(impl::Ref<impl::Space> space) const;  // held against its ranges and tables
  EntryObservation entry(impl::Ref<impl::Space> space, Vpn page) const;
  bool is_killed(impl::Ref<impl::Space> space) const { return ram_.at(space).killed != 0; }

 private:
  struct TableCount {
    std::uint64_t tables = 0;
    std::uint64_t resident = 0;
  };
  struct RangeCount {
    std::uint64_t ranges = 0;
    std::uint64_t pages = 0;
  };
  struct ZoneCount {
    std::uint64_t blocks[kMaxOrder + 1] = {};
    std::uint64_t listed = 0;
  };
  template <class Visit>
  void for_each_slab_frame(Visit&& visit) const;
  ZoneCount count_zone(const impl::Zone& zone) const;
  std::uint64_t blocks_on_list(const impl::Zone& zone, unsigned order) const;
  std::uint64_t frames_on_lists(const impl::Zone& zone) const;
  std::uint64_t frames_to_give(const FrameSpan& span) const;
  template <class Visit>
  void for_each_range(impl::Ref<impl::Space> space, Visit&& visit) const;
  void count_tables(std::uint64_t table, unsigned level, TableCount& into) const;
  std::uint64_t entry_at(std::uint64_t table, std::uint64_t index) const;
  bool is_anonymous(std::uint64_t frame) const;

  const impl::Hardware& hardware_;
  const impl::PageAllocator& pages_;
  const impl::Slab& slab_;
  const impl::Ram& ram_;
  unsigned bits_per_level_;
};

}  // namespace mmtwin::lockstep
