// What a zone keeps back when it gives frames away.
//
// Laws: ZONE (watermarks and lowmem reserve). Run-time laws on `std::uint64_t`, theorems on symbolic words about
// impl/phys/watermark_rules.h. Context: pure functions. Cost: three additions. Frame counts are far below 2^62, so the
// sums do not wrap; the proofs use words wide enough for every 64-bit input. They deliberately know no block sizes.
#pragma once

#include <cstdint>

namespace mmtwin::specs {

// free - (pages - 1) > min + reserve with everything moved to where it is added. `pages` is at least 1.
template <class Word>
constexpr auto zone_keeps_its_reserve(Word free, Word pages, Word min, Word reserve) {
  return free >= pages && free + Word(1) > min + reserve + pages;
}

// The watermark of a request that may not wait is half of `min`, rounded up.
template <class Word>
constexpr auto is_half_rounded_up(Word half, Word min) {
  return half + half == min || half + half == min + Word(1);
}

static_assert(zone_keeps_its_reserve<std::uint64_t>(10, 1, 4, 5) && !zone_keeps_its_reserve<std::uint64_t>(9, 1, 4, 5));
static_assert(is_half_rounded_up<std::uint64_t>(4, 7) && is_half_rounded_up<std::uint64_t>(4, 8));

}  // namespace mmtwin::specs
