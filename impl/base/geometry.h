// The two compiled geometries: how page tables, pageblocks and packed counters are sized.
//
// Laws: none; every size that a law mentions comes from here. Context: compile-time constants, any thread. Cost: none.
// It deliberately holds no number that a machine description could change at run time. Pages are 4096 bytes in both.
#pragma once

#include <cstdint>

namespace mmtwin::impl {

// Real x86-64 with four levels (Intel SDM volume 3, "4-level paging").
struct X86Geometry {
  static constexpr int kBitsPerLevel = 9;
  static constexpr int kLevels = 4;
  static constexpr int kEntriesPerTable = 1 << kBitsPerLevel;
  static constexpr int kPageblockOrder = 9;  // log2 of a huge page's frames
  static constexpr int kAsids = 6;           // address-space ids a CPU keeps before it starts a new generation
};

// The same machine made narrow, so that huge pages and recycled ids happen in short programs.
// A table still occupies a whole frame, of which only the first 16 entries are used.
struct SmallGeometry {
  static constexpr int kBitsPerLevel = 4;
  static constexpr int kLevels = 4;
  static constexpr int kEntriesPerTable = 1 << kBitsPerLevel;
  static constexpr int kPageblockOrder = 4;
  static constexpr int kAsids = 3;
};

static_assert(X86Geometry::kPageblockOrder == X86Geometry::kBitsPerLevel, "a huge page is one table's worth of pages");
static_assert(SmallGeometry::kPageblockOrder == SmallGeometry::kBitsPerLevel, "and so in the small geometry");
static_assert(std::uint64_t{X86Geometry::kEntriesPerTable} * 8 == 4096, "an x86-64 table fills its frame");

}  // namespace mmtwin::impl
