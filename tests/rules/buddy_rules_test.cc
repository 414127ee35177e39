// Buddy and watermark rules, enumerated over small worlds.
#include "impl/phys/buddy_rules.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "impl/phys/watermark_rules.h"
#include "model/specs/buddy_laws.h"
#include "model/specs/zone_laws.h"
#include "vocab/units.h"

namespace mmtwin {
namespace {

constexpr std::uint64_t kFrames = 1 << 12;

// order 2:   AAAA BBBB        A = 0..3, B = 4..7: buddies, together the order-3 block 0..7
TEST(BuddyRules, EveryBlockAndItsBuddyAreTheHalvesOfTheirParent) {
  for (unsigned order = 0; order < kMaxOrder; ++order) {
    for (std::uint64_t head = 0; head < kFrames; head += specs::block_size(order)) {
      const std::uint64_t buddy = impl::buddy_of(head, order);
      const std::uint64_t parent = impl::parent_of(head, order);
      ASSERT_TRUE(specs::buddies_are_disjoint_and_adjacent(head, buddy, order)) << head << " order " << order;
      ASSERT_TRUE(specs::are_the_halves_of(head, buddy, order, parent)) << head << " order " << order;
      ASSERT_EQ(impl::buddy_of(buddy, order), head);
    }
  }
}

// order 3:   AAAAAAAA   ->   order 2:  AAAA UUUU
TEST(BuddyRules, SplittingAndMergingUndoEachOther) {
  for (unsigned order = 1; order <= kMaxOrder; ++order) {
    for (std::uint64_t head = 0; head < kFrames; head += specs::block_size(order)) {
      const std::uint64_t upper = impl::upper_half(head, order);
      ASSERT_EQ(upper, head + specs::block_size(order - 1));
      ASSERT_EQ(impl::buddy_of(upper, order - 1), head);
      ASSERT_EQ(impl::parent_of(upper, order - 1), head);
    }
  }
}

TEST(BuddyRules, ABlockMayStartAtTheMultiplesOfItsSize) {
  for (unsigned order = 0; order <= kMaxOrder; ++order)
    for (std::uint64_t pfn = 0; pfn < kFrames; ++pfn)
      ASSERT_EQ(impl::is_aligned(pfn, order), specs::starts_at_a_multiple_of_its_size(pfn, order));
}

TEST(BuddyRules, ABlockHoldsTheFramesOfItsRange) {
  constexpr std::uint64_t kFew = 64;
  for (unsigned order = 0; order <= 5; ++order)
    for (std::uint64_t head = 0; head < kFew; head += specs::block_size(order))
      for (std::uint64_t pfn = 0; pfn < kFew; ++pfn)
        ASSERT_EQ(impl::block_holds(head, order, pfn), specs::covers(head, order, pfn)) << head << " " << order;
}

TEST(BuddyRules, BlocksOverlapWhenTheyShareAFrame) {
  constexpr std::uint64_t kFew = 64;
  for (unsigned ao = 0; ao <= 5; ++ao)
    for (unsigned bo = 0; bo <= 5; ++bo)
      for (std::uint64_t a = 0; a < kFew; a += specs::block_size(ao))
        for (std::uint64_t b = 0; b < kFew; b += specs::block_size(bo))
          ASSERT_NE(impl::blocks_overlap(a, ao, b, bo), specs::are_disjoint(a, ao, b, bo)) << a << " " << b;
}

TEST(WatermarkRules, SmallZonesGiveWhatTheFormulaSays) {
  constexpr std::uint64_t kMost = 24;
  for (std::uint64_t free = 0; free <= kMost; ++free)
    for (std::uint64_t pages = 1; pages <= kMost; ++pages)
      for (std::uint64_t min = 0; min <= kMost; ++min)
        for (std::uint64_t reserve = 0; reserve <= kMost; ++reserve)
          ASSERT_EQ(impl::zone_may_give(free, pages, min, reserve),
                    specs::zone_keeps_its_reserve(free, pages, min, reserve))
              << free << " " << pages << " " << min << " " << reserve;
}

// Sums that would wrap in 64 bits are judged in 128.
TEST(WatermarkRules, EdgesOfTheWordDoNotWrap) {
  __extension__ typedef unsigned __int128 Wide;
  const std::vector<std::uint64_t> edges = {0, 1, 2, UINT64_MAX / 2, UINT64_MAX / 2 + 1, UINT64_MAX - 1, UINT64_MAX};
  for (const std::uint64_t free : edges)
    for (const std::uint64_t pages : edges)
      for (const std::uint64_t min : edges)
        for (const std::uint64_t reserve : edges) {
          if (pages == 0) continue;
          ASSERT_EQ(impl::zone_may_give(free, pages, min, reserve),
                    specs::zone_keeps_its_reserve(Wide{free}, Wide{pages}, Wide{min}, Wide{reserve}));
        }
}

TEST(WatermarkRules, AnAtomicRequestLeavesHalfRoundedUp) {
  for (std::uint64_t min = 0; min < 1000; ++min) {
    ASSERT_TRUE(specs::is_half_rounded_up(impl::min_for(min, true), min)) << min;
    ASSERT_EQ(impl::min_for(min, false), min);
  }
}

}  // namespace
}  // namespace mmtwin
