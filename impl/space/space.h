// Space: an address space, a slab object.
//
// Laws: ACCT-2. Context: `lock` protects everything but the tables. Cost: 112 bytes. It deliberately has no list of all
// spaces: whoever has a handle knows them.
//
// Field        Bytes   Meaning
// tables        0-47   TableTree (impl/pgtable/table_tree.h): root frame at 0, resident at 24, tables at 32
// ranges       48-63   Ref<Range> of the tree's root, Ref<Range> of the last hit
// total_pages  64-71   sum of range lengths
// heap_start   72-79
// heap_end     80-87   the break
// top          88-95   one past what placement may use first
// range_count  96-99
// killed      100-103  1: ended for want of memory; nothing is left but this object
// lock        104-
#pragma once

#include <cstddef>
#include <cstdint>

#include "impl/pgtable/table_tree.h"
#include "impl/space/range.h"
#include "version/lock.h"
#include "vocab/events.h"

namespace mmtwin::impl {

struct Space {
  static constexpr CacheName kCache = CacheName::kSpace;
  TableTree tables;
  RangeIndex ranges;
  std::uint64_t total_pages;
  std::uint64_t heap_start;
  std::uint64_t heap_end;
  std::uint64_t top;
  std::uint32_t range_count;
  std::uint32_t killed;
  Lock lock;
};
static_assert(offsetof(Space, ranges) == 48 && offsetof(Space, total_pages) == 64 && offsetof(Space, top) == 88);
static_assert(offsetof(Space, range_count) == 96 && offsetof(Space, lock) == 104 && sizeof(Space) == 112);

constexpr Ref<TableTree> tables_of(Ref<Space> space) { return {space.offset + offsetof(Space, tables)}; }
constexpr Ref<RangeIndex> ranges_of(Ref<Space> space) { return {space.offset + offsetof(Space, ranges)}; }

}  // namespace mmtwin::impl
