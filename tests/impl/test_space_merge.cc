// Which ranges become one, and which are cut. A letter is a range, lower case may not be written, a dot is a hole.
#include <gtest/gtest.h>

#include "tests/impl/test_mm_world.h"

namespace mmtwin::impl {
namespace {

class Merge : public testing::Test {
 protected:
  void expect(const char* drawing) {
    EXPECT_EQ(w.drawing(s), drawing);
    w.audit({s});
  }
  World w;
  SpaceId s = w.create();
};

TEST_F(Merge, AHoleFilledAlikeJoinsBothSides) {
  w.map(s, 0, 3);
  w.map(s, 5, 2);
  expect("AAA..BB..");
  w.map(s, 3, 2);
  expect("AAAAAAA..");
}

TEST_F(Merge, OtherRightsStayApart) {
  w.map(s, 0, 3);
  w.map(s, 5, 2);
  w.map(s, 3, 2, kProtRead);
  expect("AAAbbCC..");
}

TEST_F(Merge, ANewRangeJoinsATouchedNeighbourWithASingularChain) {
  w.map(s, 0, 3);
  w.store(s, 0, 1);
  w.map(s, 3, 2);
  expect("AAAAA....");
  EXPECT_FALSE(w.range_at(s, 4).family.is_none());
}

TEST_F(Merge, TwoFamiliesStayTwoAndTheNewRangeGoesLeft) {
  w.map(s, 0, 3);
  w.map(s, 5, 2);
  w.store(s, 0, 1);
  w.store(s, 5, 1);
  w.map(s, 3, 2);
  expect("AAAAABB..");
}

TEST_F(Merge, TheLeftRangeTakesOverTheFamilyOfTheRight) {
  w.map(s, 0, 3);
  w.map(s, 5, 2);
  w.store(s, 5, 1);
  const Ref<Family> family = w.range_at(s, 5).family;
  w.map(s, 3, 2);
  expect("AAAAAAA..");
  EXPECT_EQ(w.range_at(s, 0).family, family);
  EXPECT_EQ(w.range_at(s, 0).links, 1);
}

TEST_F(Merge, AfterForkNothingJoinsTheTouchedRange) {
  w.map(s, 0, 3);
  w.store(s, 0, 1);
  const SpaceId child = w.mm.space_fork(kCpu0, s).value();
  w.map(child, 3, 2);
  EXPECT_EQ(w.drawing(child), "AAABB....") << "the child's chain has two links";
  w.map(s, 3, 2);
  expect("AAAAA....");
}

TEST_F(Merge, ProtectOfTheMiddleCutsTwice) {
  w.map(s, 0, 9);
  EXPECT_EQ(w.protect(s, 3, 3, kProtNone), Refusal::kNone);
  expect("AAAbbbCCC");
  // Untouched ranges that lose the right to write lose their charge, so the pieces are alike again.
  EXPECT_EQ(w.protect(s, 3, 3, kRw), Refusal::kNone);
  expect("AAAAAAAAA");
}

TEST_F(Merge, ProtectMovesTheBorderToTheLeftNeighbour) {
  w.map(s, 0, 3, kProtRead);
  w.map(s, 3, 6);
  EXPECT_EQ(w.protect(s, 3, 2, kProtRead), Refusal::kNone);
  expect("aaaaaBBBB");
}

TEST_F(Merge, ProtectMovesTheBorderToTheRightNeighbour) {
  w.map(s, 0, 6);
  w.map(s, 6, 3, kProtRead);
  EXPECT_EQ(w.protect(s, 4, 2, kProtRead), Refusal::kNone);
  expect("AAAAbbbbb");
}

TEST_F(Merge, ProtectOfATouchedPieceKeepsTheChargeAndStaysApart) {
  w.map(s, 0, 3, kProtRead);
  w.map(s, 3, 3);
  w.store(s, 3, 1);
  EXPECT_EQ(w.protect(s, 3, 3, kProtRead), Refusal::kNone);
  expect("aaabbb...");
  EXPECT_EQ(w.range_at(s, 3).accounted, 1);
}

TEST_F(Merge, ProtectStopsAtTheFirstHole) {
  w.map(s, 0, 2);
  w.map(s, 3, 2);
  EXPECT_EQ(w.protect(s, 0, 5, kProtRead), Refusal::kNoMemory);
  expect("aa.BB....");
}

TEST_F(Merge, UnmapCutsAndRemoves) {
  w.map(s, 0, 4);
  w.map(s, 4, 3, kProtRead);
  w.map(s, 7, 2);
  EXPECT_EQ(w.unmap(s, 2, 6), Refusal::kNone);
  expect("AA......B");
  w.map(s, 0, 9);
  EXPECT_EQ(w.unmap(s, 4, 1), Refusal::kNone);
  expect("AAAA.BBBB");
  EXPECT_EQ(w.unmap(s, 4, 1), Refusal::kNone) << "nothing there is fine";
}

TEST_F(Merge, FixedReplacesWhatWasThere) {
  w.map(s, 0, 9);
  w.map(s, 3, 3, kProtRead);
  expect("AAAbbbCCC");
  w.map(s, 2, 5);
  expect("AAAAAAAAA");
  EXPECT_EQ(w.space(s).total_pages, 9u);
}

TEST_F(Merge, NoReplaceMeetsWhatIsThere) {
  w.map(s, 2, 2);
  EXPECT_EQ(w.try_map(s, 0, 3, kRw, kMapNoReplace), Refusal::kExists);
  EXPECT_EQ(w.try_map(s, 0, 2, kRw, kMapNoReplace), Refusal::kNone);
}

TEST_F(Merge, OffsetsOfAnonymousRangesStayWithTheirPages) {
  w.map(s, 0, 9);
  w.unmap(s, 3, 1);
  EXPECT_EQ(w.range_at(s, 5).offset, w.page(4).raw());
  w.map(s, 3, 1);
  expect("AAAAAAAAA");
}

TEST_F(Merge, FilesJoinOnlyWhereTheOffsetGoesOn) {
  const auto map_file = [&](std::uint64_t first, std::uint64_t pages, std::uint64_t offset) {
    return w.mm.range_map(kCpu0, s, {w.page(first).raw(), pages * kPage, kProtRead, kMapFixed | kMapShared, 5, offset});
  };
  ASSERT_TRUE(map_file(0, 2, 0).is_ok());
  ASSERT_TRUE(map_file(2, 2, 2 * kPage).is_ok());
  expect("aaaa.....");
  ASSERT_TRUE(map_file(4, 2, 2 * kPage).is_ok());
  expect("aaaabb...");
  EXPECT_EQ(map_file(6, 1, 77).refusal(), Refusal::kInvalid);
}

TEST(RangeCap, StopsSplitsAndMappings) {
  World w(3);
  const SpaceId s = w.create();
  w.map(s, 0, 9);
  EXPECT_EQ(w.protect(s, 2, 2, kProtRead), Refusal::kNone);
  EXPECT_EQ(w.drawing(s), "AAbbCCCCC");
  EXPECT_EQ(w.unmap(s, 6, 1), Refusal::kNoMemory);
  EXPECT_EQ(w.try_map(s, 6, 1, kProtExec), Refusal::kNoMemory);
  EXPECT_EQ(w.protect(s, 5, 1, kProtRead), Refusal::kNoMemory);
  EXPECT_EQ(w.drawing(s), "AAbbCCCCC");
  EXPECT_EQ(w.try_map(s, 20, 1), Refusal::kNone) << "at the cap a mapping is still allowed";
  EXPECT_EQ(w.try_map(s, 22, 1), Refusal::kNoMemory);
  w.audit({s});
}

TEST(Heap, GrowsShrinksAndKeepsAPageFree) {
  World w;
  const SpaceId s = w.create();
  const std::uint64_t start = UserLayout<SmallGeometry>::kBreak;
  const auto brk = [&](std::uint64_t at) { return w.mm.range_brk(kCpu0, s, Address(at)).value; };
  EXPECT_EQ(brk(0), start);
  EXPECT_EQ(brk(start + 100), start + 100);
  EXPECT_EQ(w.space(s).total_pages, 1u);
  EXPECT_EQ(brk(start + 3 * kPage), start + 3 * kPage);
  EXPECT_EQ(w.space(s).range_count, 1u);
  EXPECT_EQ(brk(start + kPage + 1), start + kPage + 1);
  EXPECT_EQ(w.space(s).total_pages, 2u);
  ASSERT_TRUE(w.mm.range_map(kCpu0, s, {start + 5 * kPage, kPage, kRw, kMapFixed, 0, 0}).is_ok());
  EXPECT_EQ(brk(start + 5 * kPage), start + kPage + 1) << "the page behind the heap must stay free";
  EXPECT_EQ(brk(start + 4 * kPage), start + 4 * kPage);
  EXPECT_EQ(brk(start), start);
  EXPECT_EQ(w.space(s).total_pages, 1u);
  w.audit({s});
}

// AAB   What moved keeps its offset: it joins what lies where it came from, and nothing else.
TEST(Assume, TakesTheOffsetOverAndMergesByIt) {
  for (const std::uint64_t offset : {World::kBase + 2 * kPage, World::kBase + 7 * kPage}) {
    World w;
    const SpaceId s = w.create();
    ASSERT_TRUE(w.mm.space_assume(kCpu0, s, {w.page(2).raw(), kPage, kRw, {}, 0, offset}, false).is_ok());
    EXPECT_EQ(w.range_at(s, 2).offset, offset);
    w.map(s, 0, 2);
    EXPECT_EQ(w.drawing(s), offset == w.page(2).raw() ? "AAA......" : "AAB......");
    const std::uint64_t unaligned = offset + 1, wraps = 0 - kPage;
    for (const std::uint64_t wrong : {unaligned, wraps}) {
      const MapRequest request{w.page(4).raw(), 2 * kPage, kRw, {}, 0, wrong};
      EXPECT_EQ(w.mm.space_assume(kCpu0, s, request, false).refusal(), Refusal::kInvalid);
    }
    w.audit({s});
  }
}

TEST(Assume, AdoptsWithoutMerging) {
  World w;
  const SpaceId s = w.create();
  w.map(s, 0, 3);
  const MapRequest request{w.page(3).raw(), 2 * kPage, kRw, {}, 0, w.page(3).raw()};
  ASSERT_TRUE(w.mm.space_assume(kCpu0, s, request, false).is_ok());
  EXPECT_EQ(w.drawing(s), "AAABB....");
  ASSERT_TRUE(w.mm.space_assume(kCpu0, s, {w.page(1).raw(), 3 * kPage, kRw, {}, 0, 0}, true).is_ok());
  EXPECT_EQ(w.drawing(s), "A...B....");
  EXPECT_EQ(w.mm.space_assume(kCpu0, s, {1, kPage, kRw, {}, 0, 0}, false).refusal(), Refusal::kInvalid);
  w.audit({s});
}

}  // namespace
}  // namespace mmtwin::impl
