// When a zone may give frames away, and how deep a request may dig.
//
// Laws: ZONE (no request takes a zone below its watermark plus what is reserved from it); model/specs/zone_laws.h says
// it in words, props/smt proves that no 64-bit input wraps around. Context: pure functions; the caller holds the zone's
// lock or accepts a stale `free`. Cost: three comparisons. It deliberately ignores in which orders `free` comes:
// whether a block of the order exists is asked of the free sets.
#pragma once

#include <cstdint>

namespace mmtwin::impl {

// May a zone with `free` frames give `pages` (at least 1) of them, keeping `min` and `reserve`? The rule is
// free - (pages - 1) > min + reserve; written so that neither side is ever computed, since each can wrap.
// Source: Linux Documentation/admin-guide/sysctl/vm.rst (min_free_kbytes, lowmem_reserve_ratio).
template <class Word>
constexpr auto zone_may_give(Word free, Word pages, Word min, Word reserve) {
  const Word left = free - pages;  // read only where free >= pages
  return free >= pages && left >= min && left - min >= reserve;
}

// The watermark that counts for a request: one that may not wait digs through half of it, rounded down.
template <class Word>
constexpr Word min_for(Word min, bool atomic) {
  return atomic ? min - min / Word(2) : min;
}

static_assert(zone_may_give<std::uint64_t>(10, 1, 4, 5) && !zone_may_give<std::uint64_t>(9, 1, 4, 5));
static_assert(zone_may_give<std::uint64_t>(12, 8, 4, 0) && !zone_may_give<std::uint64_t>(11, 8, 4, 0));
static_assert(!zone_may_give<std::uint64_t>(3, 4, 0, 0), "a request larger than the zone does not wrap around");
static_assert(!zone_may_give<std::uint64_t>(10, 1, ~std::uint64_t{0}, 2), "an enormous watermark does not wrap around");
static_assert(min_for<std::uint64_t>(7, true) == 4 && min_for<std::uint64_t>(7, false) == 7);

}  // namespace mmtwin::impl
