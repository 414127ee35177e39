// Families over stores, splits and chains of forks, as Linux 6.12's anon_vma.
#include <gtest/gtest.h>

#include <vector>

#include "tests/model/contract/range_world.h"

namespace mmtwin::model {
namespace {

TEST(Families, AFamilyMadeByAFaultIsItsOwnParentAndCountsItself) {
  Families families;
  const FamilyId root = families.make(0);
  EXPECT_EQ(families.at(root).parent, root);
  EXPECT_EQ(families.at(root).children, 1u);
  EXPECT_EQ(families.live(), 1u);
}

TEST(Families, AFamilyIsGoneWithItsLastLinkAndItsParentCountsOneChildLess) {
  Families families;
  const FamilyId root = families.make(0);
  families.link(root);
  const FamilyId child = families.make(root);
  families.link(child);
  EXPECT_EQ(families.at(root).children, 2u);
  families.unlink(child);
  EXPECT_EQ(families.at(root).children, 1u);
  EXPECT_EQ(families.live(), 1u);
  families.unlink(root);
  EXPECT_EQ(families.live(), 0u);
}

class FamiliesOfRanges : public testing::Test {
 protected:
  void audit_all(const std::vector<const RangeWorld*>& worlds) {
    std::vector<const Ranges*> spaces;
    for (const RangeWorld* world : worlds) spaces.push_back(&world->ranges);
    audit(families, spaces, kSmall);
  }
  Families families;
  RangeWorld parent{families}, child{families}, grandchild{families}, last{families};
};

TEST_F(FamiliesOfRanges, OnlyAStoreMakesOneAndOnlyOnce) {
  parent.scene("AAA");
  EXPECT_EQ(parent.family(0), 0u);
  parent.touch(1);
  const FamilyId family = parent.family(0);
  EXPECT_NE(family, 0u);
  parent.touch(2);
  EXPECT_EQ(parent.family(0), family);
  EXPECT_EQ(families.at(family).active, 1u);
  audit_all({&parent});
}

TEST_F(FamiliesOfRanges, SharedRangesHaveNone) {
  parent.ranges.assume(RangeWorld::of_file(0, 2, 1, 0, kRw, kMapShared), false);
  parent.touch(0);
  EXPECT_EQ(parent.family(0), 0u);
}

// AABBCC   B asks C first, then A; only rights may differ
TEST_F(FamiliesOfRanges, AStoreTakesTheNextNeighboursFamilyBeforeThePreviousOnes) {
  parent.scene("AA..CC");
  parent.touch(0);
  parent.touch(4);
  ASSERT_NE(parent.family(0), parent.family(4));
  parent.scene("..BB", kProtRead | kProtWrite | kProtExec);
  parent.touch(2);
  EXPECT_EQ(parent.family(2), parent.family(4));
  EXPECT_EQ(families.at(parent.family(4)).active, 2u);
  audit_all({&parent});
}

TEST_F(FamiliesOfRanges, AStoreTakesThePreviousNeighboursFamilyIfTheNextHasNone) {
  parent.scene("AABBCC");
  parent.touch(0);
  parent.touch(2);
  EXPECT_EQ(parent.family(2), parent.family(0));
}

TEST_F(FamiliesOfRanges, AStoreTakesNoFamilyOfANeighbourThatIsApartChargedOtherwiseOrMappedOtherwise) {
  parent.scene("AA.BB");
  parent.touch(0);
  parent.touch(3);
  EXPECT_NE(parent.family(3), parent.family(0)) << "apart";
  parent.ranges.assume(RangeWorld::anonymous(5, 1, kProtRead), false);
  parent.touch(5);
  EXPECT_NE(parent.family(5), parent.family(3)) << "not accounted";
  parent.ranges.assume(RangeWorld::anonymous(6, 1, kProtRead, kMapStack), false);
  parent.touch(6);
  EXPECT_NE(parent.family(6), parent.family(5)) << "a stack";
  parent.ranges.assume(RangeWorld::of_file(7, 1, 3, 9), false);
  parent.ranges.assume(RangeWorld::of_file(8, 1, 3, 11), false);
  parent.touch(7);
  parent.touch(8);
  EXPECT_NE(parent.family(8), parent.family(7)) << "another place of the file";
  audit_all({&parent});
}

TEST_F(FamiliesOfRanges, AStoreTakesNoFamilyOfANeighbourWhoseChainIsNotSingular) {
  parent.scene("AA");
  parent.touch(0);
  parent.ranges.fork_into(child.ranges);
  child.scene("..BB");
  child.touch(2);
  EXPECT_NE(child.family(2), child.family(0));
  EXPECT_EQ(child.at(2).chain.size(), 1u);
  audit_all({&parent, &child});
}

// AAAAAA -> AABBCC
TEST_F(FamiliesOfRanges, CutsCloneTheChainAndCountActiveRanges) {
  parent.scene("AAAAAA");
  parent.touch(0);
  const FamilyId family = parent.family(0);
  parent.protect(2, 2, kProtRead);
  EXPECT_EQ(parent.drawing(6), "AABBCC");
  EXPECT_EQ(families.at(family).active, 3u);
  EXPECT_EQ(families.at(family).links, 3u);
  parent.unmap(0, 6);
  EXPECT_EQ(families.live(), 0u);
}

TEST_F(FamiliesOfRanges, ForkGivesATouchedRangeAFamilyBelowItsParentsAndAnUntouchedOneNone) {
  parent.scene("AABB");
  parent.protect(2, 2, kProtRead);  // so that B does not share A's family
  parent.touch(0);
  parent.ranges.fork_into(child.ranges);
  EXPECT_EQ(child.drawing(4), "AABB");
  const FamilyId root = parent.family(0);
  const FamilyId own = child.family(0);
  EXPECT_EQ(child.at(0).chain, (std::vector<FamilyId>{root, own}));
  EXPECT_EQ(families.at(own).parent, root);
  EXPECT_EQ(families.at(root).children, 2u);
  EXPECT_EQ(child.family(2), 0u);
  EXPECT_TRUE(child.at(2).chain.empty());
  audit_all({&parent, &child});
}

// parent -> child -> grandchild; the child exits; what the grandchild forks takes the child's family again
TEST_F(FamiliesOfRanges, AnAbandonedFamilyWithOneChildIsTakenAgain) {
  parent.scene("A");
  parent.touch(0);
  parent.ranges.fork_into(child.ranges);
  const FamilyId of_child = child.family(0);
  child.ranges.fork_into(grandchild.ranges);
  const FamilyId of_grandchild = grandchild.family(0);
  child.ranges.clear();
  EXPECT_EQ(families.at(of_child).active, 0u);
  EXPECT_EQ(families.at(of_child).children, 1u);
  const std::uint64_t families_before = families.live();

  grandchild.ranges.fork_into(last.ranges);
  EXPECT_EQ(last.family(0), of_child);
  EXPECT_EQ(last.at(0).chain, (std::vector<FamilyId>{parent.family(0), of_child, of_grandchild}));
  EXPECT_EQ(families.at(of_child).active, 1u);
  EXPECT_EQ(families.at(of_grandchild).children, 0u);
  EXPECT_EQ(families.live(), families_before);
  audit_all({&parent, &grandchild, &last});
}

TEST_F(FamiliesOfRanges, AnAbandonedFamilyWithTwoChildrenIsNotTakenAgain) {
  RangeWorld sibling(families);
  parent.scene("A");
  parent.touch(0);
  parent.ranges.fork_into(child.ranges);
  const FamilyId of_child = child.family(0);
  child.ranges.fork_into(grandchild.ranges);
  child.ranges.fork_into(sibling.ranges);
  child.ranges.clear();
  EXPECT_EQ(families.at(of_child).children, 2u);
  grandchild.ranges.fork_into(last.ranges);
  EXPECT_NE(last.family(0), of_child);
  EXPECT_EQ(last.at(0).chain.size(), 4u);
  audit_all({&parent, &grandchild, &sibling, &last});
}

TEST_F(FamiliesOfRanges, TheOldestAbandonedFamilyIsTakenFirst) {
  RangeWorld fifth(families);
  parent.scene("A");
  parent.touch(0);
  parent.ranges.fork_into(child.ranges);
  child.ranges.fork_into(grandchild.ranges);
  grandchild.ranges.fork_into(last.ranges);
  const FamilyId oldest = child.family(0);
  child.ranges.clear();
  grandchild.ranges.clear();
  last.ranges.fork_into(fifth.ranges);
  EXPECT_EQ(fifth.family(0), oldest);
  audit_all({&parent, &last, &fifth});
}

// The root counts itself and the child, so it always has two while anyone could take it.
TEST_F(FamiliesOfRanges, ARootIsNeverTakenAgain) {
  parent.scene("A");
  parent.touch(0);
  const FamilyId root = parent.family(0);
  parent.ranges.fork_into(child.ranges);
  parent.ranges.clear();
  EXPECT_EQ(families.at(root).active, 0u);
  EXPECT_EQ(families.at(root).children, 2u);
  child.ranges.fork_into(grandchild.ranges);
  EXPECT_NE(grandchild.family(0), root);
  audit_all({&child, &grandchild});
}

// Two ranges of one family: the first makes the child's new family, so the second meets other counts.
TEST_F(FamiliesOfRanges, RangesOfOneFamilyGetOneFamilyEachInTheChild) {
  parent.scene("AAAA");
  parent.touch(0);
  parent.unmap(1, 2);
  EXPECT_EQ(parent.family(0), parent.family(3));
  parent.ranges.fork_into(child.ranges);
  EXPECT_NE(child.family(0), child.family(3));
  EXPECT_EQ(families.at(parent.family(0)).children, 3u);
  audit_all({&parent, &child});
}

TEST_F(FamiliesOfRanges, ForkTakesOverHeapAndTopAndMergesNothing) {
  parent.ranges.set_heap(0x2000000, 0x3000000);
  parent.brk(0x2003000);
  parent.scene("AABBCC");
  parent.ranges.fork_into(child.ranges);
  EXPECT_EQ(child.drawing(6), "AABBCC");
  EXPECT_EQ(child.ranges.brk(), 0x2003000u);
  EXPECT_EQ(child.ranges.top(), 0x3000000u);
  EXPECT_EQ(child.brk(0x1fff000), 0x2003000u) << "the heap starts where the parent's does";
  EXPECT_EQ(child.ranges.total_pages(), 9u);
}

}  // namespace
}  // namespace mmtwin::model
