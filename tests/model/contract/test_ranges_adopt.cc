// Lists that real kernels show: which ones the model's own list explains, and what it then holds.
#include <gtest/gtest.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/model/contract/range_world.h"

namespace mmtwin::model {
namespace {

class RangesAdopt : public testing::Test {
 protected:
  // What a kernel shows of private anonymous rw memory, drawn.
  static std::vector<RangeObservation> shown(std::string_view drawing) {
    Families families;
    RangeWorld other(families);
    other.scene(drawing);
    return other.seen();
  }
  void TearDown() override { audit(families, {&world.ranges}, kSmall); }
  Families families;
  RangeWorld world{families};
};

TEST_F(RangesAdopt, AnEqualListChangesNothing) {
  world.scene("AAB..C");
  EXPECT_TRUE(world.ranges.adopt(world.seen()));
  EXPECT_EQ(world.drawing(6), "AAB..C");
  EXPECT_FALSE(world.at(0).family_unknown);
  world.ranges.clear();
  EXPECT_TRUE(world.ranges.adopt({}));
}

TEST_F(RangesAdopt, AnonymousRangesAreCutAsShown) {  // AAAA.BB -> AABB.CD
  world.scene("AAAA.BB");
  world.touch(0);
  EXPECT_TRUE(world.ranges.adopt(shown("AABB.CD")));
  EXPECT_EQ(world.drawing(7), "AABB.CD");
  EXPECT_TRUE(world.at(0).family_unknown);
  EXPECT_TRUE(world.at(3).family_unknown);
  EXPECT_EQ(world.at(2).offset, page(2));
}

TEST_F(RangesAdopt, AnonymousRangesAreJoinedAsShown) {  // AABBCC -> AAAABB
  world.scene("AABBCC");
  world.touch(0);
  world.protect(2, 2, kProtRead);
  world.touch(2);
  world.ranges.assume(RangeWorld::anonymous(2, 2), false);
  EXPECT_TRUE(world.ranges.adopt(shown("AAAABB")));
  EXPECT_EQ(world.drawing(6), "AAAABB");
  EXPECT_TRUE(world.at(0).family_unknown);
  EXPECT_FALSE(world.at(4).family_unknown);
}

TEST_F(RangesAdopt, EdgesMayMoveBothWaysAtOnce) {  // AAABBB -> ABBBBC
  world.scene("AAABBB");
  EXPECT_TRUE(world.ranges.adopt(shown("ABBBBC")));
  EXPECT_EQ(world.drawing(6), "ABBBBC");
}

TEST_F(RangesAdopt, CoverageMustAgree) {
  world.scene("AA.BB");
  for (const std::string_view other : {"AA.B.", "AAABB", "AA.BBB", ".A.BB", "AA...", "...AA", ".....", "AA.BBC"}) {
    EXPECT_FALSE(world.ranges.adopt(shown(other))) << other;
  }
  EXPECT_EQ(world.drawing(5), "AA.BB");
}

TEST_F(RangesAdopt, ListsThatAreNoListsAreNotExplained) {
  world.scene("AABB");
  std::vector<RangeObservation> list = world.seen();
  std::swap(list[0], list[1]);
  EXPECT_FALSE(world.ranges.adopt(list));
  list = world.seen();
  list[0].end = Address(page(3));
  EXPECT_FALSE(world.ranges.adopt(list)) << "overlap";
  list[0].end = list[0].start;
  EXPECT_FALSE(world.ranges.adopt(list)) << "empty";
}

TEST_F(RangesAdopt, VisibleAttributesMustAgree) {
  world.map(RangeWorld::of_file(0, 4, 1, 8));
  const std::vector<RangeObservation> truth = world.seen();
  std::vector<RangeObservation> list = truth;
  list[0].prot = kProtRead;
  EXPECT_FALSE(world.ranges.adopt(list));
  list = truth;
  list[0].flags = kMapShared;
  EXPECT_FALSE(world.ranges.adopt(list));
  list = truth;
  list[0].file = FileId(2);
  EXPECT_FALSE(world.ranges.adopt(list));
  list = truth;
  list[0].offset = 9 * kPage;
  EXPECT_FALSE(world.ranges.adopt(list));
  list = truth;
  list.push_back(list[0]);
  list[0].end = Address(page(1));
  list[1].start = Address(page(1));
  list[1].offset = 9 * kPage;
  EXPECT_TRUE(world.ranges.adopt(list)) << "private file ranges may be cut, where the offset goes on";
  EXPECT_EQ(world.drawing(4), "ABBB");
}

TEST_F(RangesAdopt, WhatIsNotVisibleIsIgnored) {
  world.scene("AA");
  std::vector<RangeObservation> list = world.seen();
  list[0].accounted = false;
  list[0].flags = kMapNoReserve | kMapStack;
  list[0].offset = 0;
  EXPECT_TRUE(world.ranges.adopt(list));
  EXPECT_TRUE(world.at(0).accounted);
  EXPECT_TRUE(world.at(0).flags.empty());
  EXPECT_EQ(world.at(0).offset, page(0));
}

TEST_F(RangesAdopt, SharedRangesHaveNoFamilyThatCouldExplainACut) {
  world.map(RangeWorld::of_file(0, 4, 1, 0, kRw, kMapShared));
  std::vector<RangeObservation> list = world.seen();
  list.push_back(list[0]);
  list[0].end = Address(page(2));
  list[1].start = Address(page(2));
  list[1].offset = 2 * kPage;
  EXPECT_FALSE(world.ranges.adopt(list));
  EXPECT_EQ(world.drawing(4), "AAAA");
}

// AAAA -> AABB shown; the cut is forgotten by the next operation that touches it
TEST_F(RangesAdopt, UnknownFamiliesAreTakenToAllowJoining) {
  world.scene("AAAA");
  world.ranges.adopt(shown("AABB"));
  world.protect(2, 2, kProtRead);
  EXPECT_EQ(world.drawing(4), "AABB");
  world.protect(2, 2, kRw);
  EXPECT_EQ(world.drawing(4), "AAAA");
  EXPECT_TRUE(world.at(0).family_unknown);
}

}  // namespace
}  // namespace mmtwin::model
