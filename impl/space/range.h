// Range: one mapping of a space, a slab object and a node of the space's tree. Family, FamilyLink: who may share pages.
//
// Laws: VMA-1, VMA-2. Context: a range changes under its space's lock, families and links under the family lock. Cost:
// 112, 32 and 40 bytes. They deliberately contain no pointers of the host: links are places in simulated memory.
//
// Range       Bytes  Meaning
// start        0-7   first byte
// end          8-15  one past the last byte
// offset      16-23  of `start`: in the file; anonymous: the start address at creation, moving along with splits
// left        24-31  Ref<Range>: tree of ranges by address (AVL)
// right       32-39
// parent      40-47  none: the root
// lowest      48-55  start of the first range of the subtree
// highest     56-63  end of the last range of the subtree
// widest_gap  64-71  bytes of the widest gap between two ranges of the subtree
// family      72-79  Ref<Family>: whose pages its own stores make; none until the first of them
// oldest      80-87  Ref<FamilyLink>: chain of families, oldest first; its own family is among them
// newest      88-95
// file        96-97  FileId, 0: anonymous
// prot        98     Prot
// flags       99     MapFlags: shared, noreserve, stack
// accounted  100     1: charged against the commit limit
// height     101     of the subtree, a leaf has 1
// links      102-103 links of the chain; 1: the chain is singular
// padding    104-111 0
//
// Family      Bytes  Meaning (Linux: anon_vma)
// parent       0-7   Ref<Family>: that of the parent's range at fork; itself for a root
// first_link   8-15  Ref<FamilyLink>: of all ranges that may have pages of the family
// links       16-19  how many
// children    20-23  families whose parent it is; a root counts itself
// active      24-27  ranges whose own family it is
// padding     28-31  0
//
// FamilyLink  Bytes  Meaning (Linux: anon_vma_chain)
// range        0-7   Ref<Range>
// family       8-15  Ref<Family>
// newer       16-23  Ref<FamilyLink>: next in the range's chain
// next        24-31  Ref<FamilyLink>: next of the family
// prev        32-39  previous of the family
#pragma once

#include <cstddef>
#include <cstdint>

#include "impl/platform/ram.h"
#include "vocab/events.h"
#include "vocab/flags.h"

namespace mmtwin::impl {

struct Family;
struct FamilyLink;

struct Range {
  static constexpr CacheName kCache = CacheName::kRange;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t offset;
  Ref<Range> left;
  Ref<Range> right;
  Ref<Range> parent;
  std::uint64_t lowest;
  std::uint64_t highest;
  std::uint64_t widest_gap;
  Ref<Family> family;
  Ref<FamilyLink> oldest;
  Ref<FamilyLink> newest;
  std::uint16_t file;
  Prot prot;
  MapFlags flags;
  std::uint8_t accounted;
  std::uint8_t height;
  std::uint16_t links;
  std::uint64_t padding;
};
static_assert(sizeof(Range) == 112 && offsetof(Range, family) == 72 && offsetof(Range, file) == 96);
static_assert(offsetof(Range, prot) == 98 && offsetof(Range, accounted) == 100 && offsetof(Range, links) == 102);

struct Family {
  static constexpr CacheName kCache = CacheName::kAnonFamily;
  Ref<Family> parent;
  Ref<FamilyLink> first_link;
  std::uint32_t links;
  std::uint32_t children;
  std::uint32_t active;
  std::uint32_t padding;
};
static_assert(sizeof(Family) == 32);

struct FamilyLink {
  static constexpr CacheName kCache = CacheName::kFamilyLink;
  Ref<Range> range;
  Ref<Family> family;
  Ref<FamilyLink> newer;
  Ref<FamilyLink> next;
  Ref<FamilyLink> prev;
};
static_assert(sizeof(FamilyLink) == 40);

// Where a space keeps its ranges; embedded in its object.
struct RangeIndex {
  Ref<Range> root;
  Ref<Range> last_hit;  // of a lookup by address; none, or a range of this tree
};

}  // namespace mmtwin::impl
