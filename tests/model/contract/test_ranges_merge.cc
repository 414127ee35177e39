// New mappings beside neighbours: what joins what, and whose family stays.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/model/contract/range_world.h"

namespace mmtwin::model {
namespace {

enum class Side { kAbsent, kUntouched, kTouched, kForked };  // kForked: touched, then inherited: chain of two
constexpr Side kSides[] = {Side::kAbsent, Side::kUntouched, Side::kTouched, Side::kForked};
constexpr const char* kSideNames[] = {"absent", "untouched", "touched", "forked"};

// LL..RR, each side as wanted. The two sides' families differ.
class Sides {
 public:
  Sides(Side left, Side right) : parent_(families), world(families) {
    if (left == Side::kForked) parent_.scene("AA");
    if (right == Side::kForked) parent_.scene("....BB");
    parent_.touch(0);
    parent_.touch(4);
    parent_.ranges.fork_into(world.ranges);
    if (left == Side::kUntouched || left == Side::kTouched) world.scene("AA");
    if (right == Side::kUntouched || right == Side::kTouched) world.scene("....BB");
    if (left == Side::kTouched) world.touch(0);
    if (right == Side::kTouched) world.touch(4);
  }
  void audit_all() { audit(families, {&parent_.ranges, &world.ranges}, kSmall); }
  Families families;

 private:
  RangeWorld parent_;

 public:
  RangeWorld world;
};

// LLNNRR: what has no family joins a neighbour that has none or whose chain is singular.
TEST(RangesMerge, ANewMappingJoinsUntouchedAndSingularNeighboursAndBothIfTheirFamiliesAllow) {
  for (const Side left : kSides) {
    for (const Side right : kSides) {
      SCOPED_TRACE(std::string(kSideNames[int(left)]) + " left, " + kSideNames[int(right)] + " right");
      Sides sides(left, right);
      const FamilyId left_family = left == Side::kAbsent ? 0 : sides.world.family(0);
      const FamilyId right_family = right == Side::kAbsent ? 0 : sides.world.family(4);
      ASSERT_EQ(sides.world.map(RangeWorld::anonymous(2, 2)), Refusal::kNone);

      const bool to_left = left == Side::kUntouched || left == Side::kTouched;
      const bool to_right = right == Side::kUntouched || right == Side::kTouched;
      const bool may_meet = left != Side::kTouched || right != Side::kTouched;
      std::string expected = left == Side::kAbsent ? ".." : "LL";
      expected += to_left ? "LL" : to_right ? "RR" : "NN";
      expected += right == Side::kAbsent ? ".." : to_left && to_right && may_meet ? "LL" : "RR";
      std::string drawn;  // the letters of `drawing`, by order of appearance
      char letter = 'A';
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (i > 0 && expected[i] != expected[i - 1] && expected[i - 1] != '.') ++letter;
        drawn += expected[i] == '.' ? '.' : letter;
      }
      EXPECT_EQ(sides.world.drawing(6), drawn);

      if (to_left && to_right && may_meet) {
        EXPECT_EQ(sides.world.family(2), left_family != 0 ? left_family : right_family);
      } else {
        EXPECT_EQ(sides.world.family(2), to_left ? left_family : to_right ? right_family : 0u);
      }
      sides.audit_all();
    }
  }
}

// AAAAAA -> AA..BB (one family) -> AAAAAA
TEST(RangesMerge, ANewMappingJoinsBothNeighboursOfOneFamily) {
  Families families;
  RangeWorld world(families);
  world.scene("AAAAAA");
  world.touch(0);
  world.unmap(2, 2);
  ASSERT_EQ(world.drawing(6), "AA..BB");
  const FamilyId family = world.family(0);
  world.map(RangeWorld::anonymous(2, 2));
  EXPECT_EQ(world.drawing(6), "AAAAAA");
  EXPECT_EQ(world.family(0), family);
  EXPECT_EQ(families.at(family).active, 1u);
  EXPECT_EQ(families.at(family).links, 1u);
}

// AA..BB (one family, inherited) -> AABBCC
TEST(RangesMerge, ANewMappingJoinsNoNeighbourOfAnInheritedFamily) {
  Families families;
  RangeWorld parent(families), child(families);
  parent.scene("AAAAAA");
  parent.touch(0);
  parent.ranges.fork_into(child.ranges);
  child.unmap(2, 2);
  child.map(RangeWorld::anonymous(2, 2));
  EXPECT_EQ(child.drawing(6), "AABBCC");
}

TEST(RangesMerge, AnyAttributeThatDiffersKeepsNeighboursApart) {
  const std::vector<MapRequest> others = {
      RangeWorld::anonymous(2, 2, kProtRead),        RangeWorld::anonymous(2, 2, kRw | kProtExec),
      RangeWorld::anonymous(2, 2, kRw, kMapStack),   RangeWorld::anonymous(2, 2, kRw, kMapNoReserve),
      RangeWorld::of_file(2, 2, 7, page(2) / kPage),
  };
  for (std::size_t i = 0; i < others.size(); ++i) {
    for (const bool touched : {false, true}) {
      SCOPED_TRACE(std::to_string(i) + (touched ? " touched" : " untouched"));
      Families families;
      RangeWorld world(families);
      world.scene("AA..BB");
      if (touched) world.touch(0), world.touch(4);
      ASSERT_EQ(world.map(others[i]), Refusal::kNone);
      EXPECT_EQ(world.drawing(6), "AABBCC");
    }
  }
}

TEST(RangesMerge, WhatWasChargedDoesNotJoinWhatWasNot) {
  Families families;
  RangeWorld world(families);
  world.scene("AA");
  world.touch(0);
  world.protect(0, 2, kProtRead);  // keeps its charge, for it has a family
  EXPECT_TRUE(world.at(0).accounted);
  world.map(RangeWorld::anonymous(2, 2, kProtRead));
  EXPECT_FALSE(world.at(2).accounted);
  EXPECT_EQ(world.drawing(4), "AABB");
}

// file pages 5 6 . . 9 10
TEST(RangesMerge, FileMappingsJoinWhereTheOffsetsGoOn) {
  for (const MapFlags flags : {MapFlags{}, kMapShared}) {
    Families families;
    RangeWorld world(families);
    world.map(RangeWorld::of_file(0, 2, 1, 5, kProtRead, flags));
    world.map(RangeWorld::of_file(4, 2, 1, 9, kProtRead, flags));
    world.map(RangeWorld::of_file(2, 2, 1, 8, kProtRead, flags));
    EXPECT_EQ(world.drawing(6), "AABBCC");
    world.map(RangeWorld::of_file(2, 2, 2, 7, kProtRead, flags));
    EXPECT_EQ(world.drawing(6), "AABBCC") << "another file";
    world.map(RangeWorld::of_file(2, 2, 1, 7, kProtRead, flags));
    EXPECT_EQ(world.drawing(6), "AAAAAA");
    EXPECT_EQ(world.at(0).offset, 5 * kPage);
  }
}

// ..BB -> AABB joined: the offset moves back with the start
TEST(RangesMerge, JoiningTheRightNeighbourMovesItsOffsetBack) {
  Families families;
  RangeWorld world(families);
  world.map(RangeWorld::of_file(2, 2, 1, 7));
  world.map(RangeWorld::of_file(0, 2, 1, 5));
  EXPECT_EQ(world.drawing(4), "AAAA");
  EXPECT_EQ(world.at(3).offset, 5 * kPage);
}

// AAAAAA -> AA(BB)CC -> AAAAAA
TEST(RangesMerge, MappingTheSameOverTheMiddleOfARangeLeavesOneRange) {
  for (const bool touched : {false, true}) {
    Families families;
    RangeWorld world(families);
    world.scene("AAAAAA");
    if (touched) world.touch(0);
    world.map(RangeWorld::anonymous(2, 2));
    EXPECT_EQ(world.drawing(6), "AAAAAA");
    EXPECT_EQ(families.live(), touched ? 1u : 0u);
  }
}

// AABBCC with B new: three ranges replaced at once
TEST(RangesMerge, AFixedMappingReplacesWhatItCoversAndJoinsWhatRemains) {
  Families families;
  RangeWorld world(families);
  world.scene("AABBCC");
  world.map(RangeWorld::anonymous(1, 4));
  EXPECT_EQ(world.drawing(6), "AAAAAA");
  world.map(RangeWorld::anonymous(1, 4, kProtRead));
  EXPECT_EQ(world.drawing(6), "ABBBBC");
}

// AAB   B moved here, so only a mapping that B's offset goes on from joins it
TEST(RangesMerge, AnonymousMemoryThatMovedJoinsByTheOffsetItKept) {
  for (const std::uint64_t came_from : {2, 7}) {
    Families families;
    RangeWorld world(families);
    MapRequest moved = RangeWorld::anonymous(2, 1);
    moved.offset = page(came_from);
    EXPECT_EQ(world.ranges.judge_assume(moved).refusal, Refusal::kNone);
    world.ranges.assume(moved, false);
    EXPECT_EQ(world.at(2).offset, page(came_from));
    EXPECT_EQ(world.map(RangeWorld::anonymous(0, 2)), Refusal::kNone);
    EXPECT_EQ(world.drawing(4), came_from == 2 ? "AAA." : "AAB.");
    for (const std::uint64_t wrong : {page(7) + 1, std::uint64_t{0} - kPage}) {
      moved.offset = wrong;
      moved.length = 2 * kPage;
      EXPECT_EQ(world.ranges.judge_assume(moved).refusal, Refusal::kInvalid);
    }
  }
}

TEST(RangesMerge, AssumeAndForkJoinNothing) {
  Families families;
  RangeWorld world(families), child(families);
  world.scene("AABB..");
  world.ranges.assume(RangeWorld::anonymous(4, 2), false);
  EXPECT_EQ(world.drawing(6), "AABBCC");
  world.ranges.fork_into(child.ranges);
  EXPECT_EQ(child.drawing(6), "AABBCC");
  world.ranges.assume(RangeWorld::anonymous(1, 2), true);
  EXPECT_EQ(world.drawing(6), "A..BCC");
}

}  // namespace
}  // namespace mmtwin::model
