// protect: charge, cuts, and the ways in which a changed piece joins its neighbours.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/model/contract/range_world.h"

namespace mmtwin::model {
namespace {

class RangesProtect : public testing::Test {
 protected:
  // rw, r, rw: the middle will be made rw
  void middle_read_only(std::string_view left, std::string_view middle, std::string_view right) {
    world.scene(left);
    world.scene(middle, kProtRead);
    world.scene(right);
  }
  void TearDown() override { audit(families, {&world.ranges, &child.ranges}, kSmall); }
  Families families;
  RangeWorld world{families}, child{families};
};

TEST_F(RangesProtect, WithEqualRightsChangesNothingAndJoinsNothing) {
  world.scene("AABBCC");
  EXPECT_EQ(world.protect(1, 4, kRw), Refusal::kNone);
  EXPECT_EQ(world.drawing(6), "AABBCC");
}

TEST_F(RangesProtect, OfAMiddleCutsTwice) {  // AAAAAA -> AABBCC
  world.scene("AAAAAA");
  EXPECT_EQ(world.protect(2, 2, kProtRead), Refusal::kNone);
  EXPECT_EQ(world.drawing(6), "AABBCC");
  EXPECT_EQ(world.at(2).prot, kProtRead);
  EXPECT_EQ(world.at(4).prot, kRw);
  EXPECT_EQ(world.at(4).offset, page(4));
}

TEST_F(RangesProtect, OfAStartOrAnEndCutsOnce) {
  world.scene("AAAA.BBBB");
  world.protect(0, 1, kProtRead);
  world.protect(8, 1, kProtRead);
  EXPECT_EQ(world.drawing(9), "ABBB.CCCD");
}

TEST_F(RangesProtect, OfAWholeRangeCutsNothing) {
  world.scene("AAA");
  world.protect(0, 3, kProtNone);
  EXPECT_EQ(world.drawing(3), "AAA");
  EXPECT_EQ(world.at(0).prot, kProtNone);
}

TEST_F(RangesProtect, JoinsRightWithThePartThatEndsTheRange) {  // BBBBCC -> BBCCCC
  middle_read_only("", "BBBB", "....CC");
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AABBBB");
  EXPECT_EQ(world.at(0).prot, kProtRead);
  EXPECT_EQ(world.at(2).offset, page(2));
}

TEST_F(RangesProtect, JoinsRightWithTheWholeRange) {  // BBBBCC -> CCCCCC
  middle_read_only("", "BBBB", "....CC");
  world.protect(0, 4, kRw);
  EXPECT_EQ(world.drawing(6), "AAAAAA");
}

TEST_F(RangesProtect, JoinsLeftWithThePartThatStartsTheRange) {  // AABBBB -> AAAABB
  middle_read_only("AA", "..BBBB", "");
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AAAABB");
  EXPECT_EQ(world.at(4).offset, page(4));
}

TEST_F(RangesProtect, JoinsLeftWithTheWholeRange) {  // AABBBB -> AAAAAA
  middle_read_only("AA", "..BBBB", "");
  world.protect(2, 4, kRw);
  EXPECT_EQ(world.drawing(6), "AAAAAA");
}

TEST_F(RangesProtect, JoinsBothWithTheWholeRange) {  // AABBCC -> AAAAAA
  middle_read_only("AA", "..BB", "....CC");
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AAAAAA");
}

TEST_F(RangesProtect, OfAMiddleJoinsNoNeighbour) {  // AABBBBCC -> AABCCDEE
  middle_read_only("AA", "..BBBB", "......CC");
  world.protect(3, 2, kRw);
  EXPECT_EQ(world.drawing(8), "AABCCDEE");
}

TEST_F(RangesProtect, DoesNotJoinAcrossAHole) {
  middle_read_only("AA", "...BB", "......CC");
  world.protect(3, 2, kRw);
  EXPECT_EQ(world.drawing(8), "AA.BB.CC");
}

TEST_F(RangesProtect, GoesPieceByPieceAndStopsAtTheFirstHole) {  // AABBB.CC
  world.scene("AABBB.CC");
  EXPECT_EQ(world.protect(1, 7, kProtRead), Refusal::kNoMemory);
  EXPECT_EQ(world.ranges.judge_protect(page(1), 7 * kPage, kProtRead).value, page(5));
  EXPECT_EQ(world.drawing(8), "ABBBB.CC") << "the end of A becomes a range, the whole of B joins it";
  EXPECT_EQ(world.at(6).prot, kRw);
}

TEST_F(RangesProtect, MayJumpOverARangeItsPieceJoined) {
  middle_read_only("", "AA", "..BB");
  world.scene("....CC", kProtRead);
  EXPECT_EQ(world.protect(0, 6, kRw), Refusal::kNone);
  EXPECT_EQ(world.drawing(6), "AAAAAA");
}

TEST_F(RangesProtect, ToWritableChargesAPrivateRangeThatNeverWas) {
  world.scene("AA", kProtRead);
  EXPECT_FALSE(world.at(0).accounted);
  world.protect(0, 2, kRw);
  EXPECT_TRUE(world.at(0).accounted);
}

TEST_F(RangesProtect, ToWritableDoesNotChargeSharedOrUnreservedRanges) {
  world.map(RangeWorld::of_file(0, 2, 1, 0, kProtRead, kMapShared));
  world.map(RangeWorld::anonymous(2, 2, kProtRead, kMapNoReserve));
  world.map(RangeWorld::of_file(4, 2, 1, 0, kProtRead));
  world.protect(0, 6, kRw);
  EXPECT_FALSE(world.at(0).accounted);
  EXPECT_FALSE(world.at(2).accounted);
  EXPECT_TRUE(world.at(4).accounted);
}

TEST_F(RangesProtect, ToReadOnlyGivesTheChargeBackOnlyOfUntouchedAnonymousRanges) {
  world.scene("AA.BB");
  world.touch(3);
  world.map(RangeWorld::of_file(6, 2, 1, 0));
  world.protect(0, 2, kProtRead);
  world.protect(3, 2, kProtRead);
  world.protect(6, 2, kProtRead);
  EXPECT_FALSE(world.at(0).accounted);
  EXPECT_TRUE(world.at(3).accounted);
  EXPECT_TRUE(world.at(6).accounted);
}

// AAAA -> AABB -> AAAA
TEST_F(RangesProtect, ThereAndBackLeavesOneRangeTouchedOrNot) {
  for (const bool touched : {false, true}) {
    world.ranges.clear();
    world.scene("AAAA");
    if (touched) world.touch(0);
    world.protect(2, 2, kProtRead);
    EXPECT_EQ(world.drawing(4), "AABB");
    world.protect(2, 2, kRw);
    EXPECT_EQ(world.drawing(4), "AAAA");
  }
}

TEST_F(RangesProtect, ThereAndBackJoinsInheritedRangesTooForTheirFamilyIsOne) {
  world.scene("AAAA");
  world.touch(0);
  world.ranges.fork_into(child.ranges);
  child.protect(2, 2, kProtRead);
  child.protect(2, 2, kRw);
  EXPECT_EQ(child.drawing(4), "AAAA");
}

// ---- families: the changed piece B (made rw) beside its left neighbour A (rw), and the mirror image ----

TEST_F(RangesProtect, AnUntouchedPieceJoinsATouchedNeighbourAndTakesItsFamily) {
  middle_read_only("AA", "..BB", "");
  world.touch(0);
  const FamilyId family = world.family(0);
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(4), "AAAA");
  EXPECT_EQ(world.family(3), family);
  EXPECT_EQ(families.at(family).links, 1u);
}

TEST_F(RangesProtect, ATouchedPieceDoesNotJoinAnUntouchedNeighbour) {
  middle_read_only("AA", "..BB", "");
  world.touch(2);
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(4), "AABB");
  world.ranges.clear();
  middle_read_only("", "AA", "..BB");
  world.touch(0);
  world.protect(0, 2, kRw);
  EXPECT_EQ(world.drawing(4), "AABB");
}

TEST_F(RangesProtect, PiecesOfDifferentFamiliesStayApart) {
  middle_read_only("AA", "..BB", "....CC");
  world.touch(0);
  world.touch(2);
  world.touch(4);
  ASSERT_NE(world.family(0), world.family(2)) << "A is charged, B is not";
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AABBCC");
}

TEST_F(RangesProtect, AnUntouchedPieceDoesNotJoinAnInheritedNeighbour) {
  world.scene("AA..CC");
  world.touch(0);
  world.touch(4);
  world.ranges.fork_into(child.ranges);
  child.scene("..BB", kProtRead);
  child.protect(2, 2, kRw);
  EXPECT_EQ(child.drawing(6), "AABBCC");
}

TEST_F(RangesProtect, AnUntouchedPieceBetweenTwoFamiliesJoinsTheLeftOneOnly) {
  middle_read_only("AA", "..BB", "....CC");
  world.touch(0);
  world.touch(4);
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AAAABB");
  EXPECT_NE(world.family(0), world.family(4));
}

TEST_F(RangesProtect, OfThreeTheLeftOneTakesOverTheRightOnesFamily) {
  middle_read_only("AA", "..BB", "....CC");
  world.touch(4);
  const FamilyId family = world.family(4);
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AAAAAA");
  EXPECT_EQ(world.family(0), family);
  EXPECT_EQ(families.at(family).active, 1u);
}

TEST_F(RangesProtect, ThreeOfOneFamilyBecomeOneLink) {
  world.scene("AAAAAA");
  world.touch(0);
  world.protect(2, 2, kProtRead);
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AAAAAA");
  EXPECT_EQ(families.at(world.family(0)).links, 1u);
}

// AAAABB, A touched and only its end changed: the part that goes to B cannot, B has no family
TEST_F(RangesProtect, ATouchedEndDoesNotJoinAnUntouchedRightNeighbour) {
  middle_read_only("", "AAAA", "....BB");
  world.touch(0);
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(6), "AABBCC");
}

TEST_F(RangesProtect, StopsForWantOfMemoryAreTheEdgesOfPieces) {
  world.scene("AABBB.CC");
  EXPECT_EQ(world.ranges.protect_stops(page(1), page(4)), (std::vector<std::uint64_t>{page(1), page(2)}));
  EXPECT_EQ(world.ranges.protect_stops(page(0), page(8)), (std::vector<std::uint64_t>{page(0), page(2)}));
}

}  // namespace
}  // namespace mmtwin::model
