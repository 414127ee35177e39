// The answers of map, unmap, protect, brk and assume: what is refused, in which order, and what the cap forbids.
#include <gtest/gtest.h>

#include <cstdint>

#include "tests/model/contract/range_world.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kAll = 0xffffffffffffffff;

TEST(RangesMap, RefusesBadLengthsAndOffsets) {
  Families families;
  RangeWorld world(families);
  auto answer = [&world](MapRequest request) { return world.ranges.judge_map(request).refusal; };
  EXPECT_EQ(answer({.length = 0}), Refusal::kInvalid);
  EXPECT_EQ(answer({.length = kAll}), Refusal::kNoMemory);
  EXPECT_EQ(answer({.length = kSmall.user_end + 1}), Refusal::kNoMemory);
  EXPECT_EQ(answer({.length = 1, .flags = kMapShared}), Refusal::kInvalid);
  EXPECT_EQ(answer({.length = kAll, .flags = kMapShared}), Refusal::kNoMemory);
  EXPECT_EQ(answer({.length = 1, .file = 1, .offset = 1}), Refusal::kInvalid);
  EXPECT_EQ(answer({.length = kAll, .file = 1, .offset = 1}), Refusal::kInvalid) << "the offset is looked at first";
  EXPECT_EQ(answer({.length = 1, .file = 1, .offset = 0 - kPage}), Refusal::kInvalid) << "the end would be 2^64";
  EXPECT_EQ(answer({.length = 1, .file = 1, .offset = 0 - 2 * kPage}), Refusal::kNone);
}

TEST(RangesMap, FixedChecksTheEndThenTheAlignmentThenTheLowestAddressThenWhatIsThere) {
  Families families;
  RangeWorld world(families);
  world.scene("A");
  auto answer = [&world](std::uint64_t at, MapFlags flags) {
    return world.ranges.judge_map({.at = at, .length = kPage, .flags = flags}).refusal;
  };
  EXPECT_EQ(answer(kSmall.user_end - kPage, kMapFixed), Refusal::kNone);
  EXPECT_EQ(answer(kSmall.user_end - kPage + 1, kMapFixed), Refusal::kNoMemory);
  EXPECT_EQ(answer(kAll, kMapFixed), Refusal::kNoMemory);
  EXPECT_EQ(answer(1, kMapFixed), Refusal::kInvalid);
  EXPECT_EQ(answer(0, kMapFixed), Refusal::kPermission);
  EXPECT_EQ(answer(kLowestAddress - kPage, kMapFixed), Refusal::kPermission);
  EXPECT_EQ(answer(kLowestAddress, kMapFixed), Refusal::kNone);
  EXPECT_EQ(answer(kLowestAddress - kPage, kMapNoReplace), Refusal::kPermission);
  EXPECT_EQ(answer(kBase, kMapNoReplace), Refusal::kExists);
  EXPECT_EQ(answer(kBase + kPage, kMapNoReplace), Refusal::kNone);
  EXPECT_EQ(answer(kBase, kMapFixed), Refusal::kNone);
}

TEST(RangesMap, OnlyAFixedMappingOverSomethingTakesPagesAway) {
  Families families;
  RangeWorld world(families);
  world.scene("AA");
  const Verdict over = world.ranges.judge_map(RangeWorld::anonymous(1, 3));
  EXPECT_EQ(over.from, page(1));
  EXPECT_EQ(over.to, page(4));
  const Verdict beside = world.ranges.judge_map(RangeWorld::anonymous(2, 3));
  EXPECT_EQ(beside.from, beside.to);
}

TEST(RangesMap, ChargesPrivateWritableReservedMemory) {
  Families families;
  RangeWorld world(families);
  world.map(RangeWorld::anonymous(0, 1, kRw));
  world.map(RangeWorld::anonymous(1, 1, kProtRead));
  world.map(RangeWorld::anonymous(2, 1, kRw, kMapNoReserve | kMapStack));
  world.map(RangeWorld::of_file(3, 1, 1, 0, kRw));
  world.map(RangeWorld::of_file(4, 1, 1, 5, kRw, kMapShared));
  EXPECT_TRUE(world.at(0).accounted);
  EXPECT_FALSE(world.at(1).accounted);
  EXPECT_FALSE(world.at(2).accounted);
  EXPECT_TRUE(world.at(3).accounted);
  EXPECT_FALSE(world.at(4).accounted);
  EXPECT_EQ(world.at(2).flags, kMapNoReserve | kMapStack) << "not `fixed`";
  const RangeObservation seen = Ranges::observe(world.at(4));
  EXPECT_EQ(seen.flags, kMapShared);
  EXPECT_EQ(seen.file, FileId(1));
  EXPECT_EQ(seen.offset, 5 * kPage);
  EXPECT_EQ(Ranges::observe(world.at(0)).offset, page(0));
}

TEST(RangesUnmap, RefusesBadPlacesAndLengths) {
  Families families;
  RangeWorld world(families);
  auto answer = [&world](std::uint64_t at, std::uint64_t length) {
    return world.ranges.judge_unmap(at, length).refusal;
  };
  EXPECT_EQ(answer(1, kPage), Refusal::kInvalid);
  EXPECT_EQ(answer(kBase, 0), Refusal::kInvalid);
  EXPECT_EQ(answer(kSmall.user_end, 0), Refusal::kInvalid);
  EXPECT_EQ(answer(kSmall.user_end, 1), Refusal::kInvalid);
  EXPECT_EQ(answer(kSmall.user_end + kPage, 1), Refusal::kInvalid);
  EXPECT_EQ(answer(kBase, kSmall.user_end - kBase + 1), Refusal::kInvalid);
  EXPECT_EQ(answer(kBase, kSmall.user_end - kBase), Refusal::kNone);
  EXPECT_EQ(answer(0, kAll), Refusal::kInvalid);
}

// AAAABB.CC -> AA.....BC
TEST(RangesUnmap, CutsTheFirstAndTheLastAndForgetsTheRest) {
  Families families;
  RangeWorld world(families);
  world.scene("AAAABB.CC");
  world.touch(0);
  EXPECT_EQ(world.ranges.judge_unmap(page(2), 6 * kPage - 5).to, page(8));
  world.unmap(2, 6);
  EXPECT_EQ(world.drawing(9), "AA......B");
  EXPECT_EQ(world.ranges.judge_unmap(page(2), 6 * kPage).to, 0u) << "nothing there: nothing lost";
  audit(families, {&world.ranges}, kSmall);
}

TEST(RangesProtectAnswers, RefusesBadPlacesAndStopsAtHoles) {
  Families families;
  RangeWorld world(families);
  world.scene("AAA.");
  auto verdict = [&world](std::uint64_t at, std::uint64_t length) {
    return world.ranges.judge_protect(at, length, kProtNone);
  };
  EXPECT_EQ(verdict(kBase + 1, 0).refusal, Refusal::kInvalid);
  EXPECT_EQ(verdict(kBase, 0).refusal, Refusal::kNone);
  EXPECT_EQ(verdict(page(9), 0).refusal, Refusal::kNone);
  EXPECT_EQ(verdict(kBase, kAll).refusal, Refusal::kNoMemory);
  EXPECT_EQ(verdict(kBase, kAll).to, verdict(kBase, kAll).from);
  EXPECT_EQ(verdict(kBase, 0 - kBase).refusal, Refusal::kNoMemory);
  EXPECT_EQ(verdict(page(3), kPage).refusal, Refusal::kNoMemory);
  EXPECT_EQ(verdict(page(1), 2 * kPage).refusal, Refusal::kNone);
  EXPECT_EQ(verdict(page(1), 2 * kPage).value, page(3));
  EXPECT_EQ(verdict(page(1), 3 * kPage).refusal, Refusal::kNoMemory);
  EXPECT_EQ(verdict(page(1), 3 * kPage).value, page(3));
}

class RangesBrk : public testing::Test {
 protected:
  static constexpr std::uint64_t kHeap = kBase;
  void SetUp() override { world.ranges.set_heap(kHeap, 0); }
  void TearDown() override { audit(families, {&world.ranges}, kSmall); }
  Families families;
  RangeWorld world{families};
};

TEST_F(RangesBrk, BelowItsStartItAnswersTheBreak) {
  EXPECT_EQ(world.brk(0), kHeap);
  EXPECT_EQ(world.brk(kHeap - 1), kHeap);
}

TEST_F(RangesBrk, GrowsAndShrinksByPagesAndRemembersBytes) {
  EXPECT_EQ(world.brk(kHeap + 1), kHeap + 1);
  EXPECT_EQ(world.drawing(4), "A...");
  EXPECT_EQ(world.brk(kHeap + kPage), kHeap + kPage);
  EXPECT_EQ(world.drawing(4), "A...");
  EXPECT_EQ(world.brk(page(3) - 7), page(3) - 7);
  EXPECT_EQ(world.drawing(4), "AAA.");
  EXPECT_TRUE(world.at(0).accounted);
  EXPECT_EQ(world.at(0).prot, kRw);
  EXPECT_EQ(world.ranges.judge_brk(page(1)).from, page(1));
  EXPECT_EQ(world.ranges.judge_brk(page(1)).to, page(3));
  EXPECT_EQ(world.brk(page(1)), page(1));
  EXPECT_EQ(world.drawing(4), "A...");
  EXPECT_EQ(world.brk(kHeap), kHeap);
  EXPECT_EQ(world.drawing(4), "....");
}

TEST_F(RangesBrk, KeepsOnePageFreeAboveIt) {
  world.scene("...A");
  EXPECT_EQ(world.brk(page(3)), kHeap);
  EXPECT_EQ(world.brk(page(2)), page(2));
  EXPECT_EQ(world.drawing(4), "AA.B");
}

TEST_F(RangesBrk, IsRefusedBeyondTheUserHalf) {
  EXPECT_EQ(world.brk(kSmall.user_end + 1), kHeap);
  EXPECT_EQ(world.brk(kAll), kHeap);
  EXPECT_EQ(world.brk(kSmall.user_end), kSmall.user_end);
}

TEST_F(RangesBrk, DoesNotShrinkWhereNothingIsMapped) {
  world.brk(page(4));
  world.unmap(2, 2);
  EXPECT_EQ(world.brk(page(2)), page(4));
  EXPECT_EQ(world.brk(page(1)), page(1));
  EXPECT_EQ(world.drawing(4), "A...");
}

TEST_F(RangesBrk, DoesNotJoinWhatLiesBelowTheHeap) {  // AA then the heap: AABB
  world.ranges.set_heap(page(2), 0);
  world.scene("AA");
  world.brk(page(4));
  EXPECT_EQ(world.drawing(4), "AABB");
  world.brk(page(5));
  EXPECT_EQ(world.drawing(5), "AABBB");
}

// A mapping below joined the heap: further growth joins that range, though it starts below the heap.
TEST_F(RangesBrk, JoinsARangeThatReachesIntoTheHeap) {
  world.ranges.set_heap(page(2), 0);
  world.brk(page(3));
  world.map(RangeWorld::anonymous(0, 2));
  EXPECT_EQ(world.drawing(4), "AAA.");
  world.brk(page(4));
  EXPECT_EQ(world.drawing(5), "AAAA.");
}

TEST_F(RangesBrk, JoinsATouchedHeapButNotAnInheritedOne) {
  RangeWorld child(families);
  world.brk(page(1));
  world.touch(0);
  world.brk(page(2));
  EXPECT_EQ(world.drawing(4), "AA..");
  world.ranges.fork_into(child.ranges);
  child.brk(page(3));
  EXPECT_EQ(child.drawing(4), "AAB.");
  child.ranges.clear();
}

TEST_F(RangesBrk, NeverJoinsRight) {
  world.brk(page(1));
  world.scene("..A");
  world.ranges.assume(RangeWorld::anonymous(2, 1), true);
  world.ranges.set_brk(page(2));
  world.scene("..A");
  EXPECT_EQ(world.drawing(4), "AAB.");
}

// ---- the cap ----

TEST(RangesCap, MapMayReachOneMoreThanTheCapAndIsThenRefused) {
  Families families;
  RangeWorld world(families, 2);
  world.scene("A.B.");
  EXPECT_EQ(world.map(RangeWorld::anonymous(5, 1)), Refusal::kNone);
  EXPECT_EQ(world.map(RangeWorld::anonymous(7, 1)), Refusal::kNoMemory);
  EXPECT_EQ(world.map(RangeWorld::anonymous(3, 1)), Refusal::kNoMemory) << "though it would join";
  EXPECT_EQ(world.ranges.judge_map({.length = 0}).refusal, Refusal::kInvalid);
  EXPECT_EQ(world.ranges.judge_map({.at = 1, .length = 1, .flags = kMapFixed}).refusal, Refusal::kNoMemory);
}

TEST(RangesCap, OnlyACutInTheMiddleIsRefusedToUnmapAndToFixedMappings) {
  Families families;
  RangeWorld world(families, 2);
  world.scene("AAAABB");
  EXPECT_EQ(world.unmap(1, 2), Refusal::kNoMemory);
  EXPECT_EQ(world.map(RangeWorld::anonymous(1, 2, kProtRead)), Refusal::kNoMemory);
  EXPECT_EQ(world.map(RangeWorld::anonymous(3, 2, kProtRead)), Refusal::kNone);
  EXPECT_EQ(world.drawing(6), "AAABBC");
  EXPECT_EQ(world.unmap(2, 2), Refusal::kNone);
}

TEST(RangesCap, BrkIsRefusedAboveTheCapAndToCutInTheMiddleAtIt) {
  Families families;
  RangeWorld world(families, 1);
  world.ranges.set_heap(kBase, 0);
  EXPECT_EQ(world.brk(page(2)), page(2));
  world.map(RangeWorld::anonymous(2, 2));
  ASSERT_EQ(world.drawing(4), "AAAA") << "the mapping joined the heap and goes on beyond the break";
  EXPECT_EQ(world.brk(page(1)), page(2));
  EXPECT_EQ(world.brk(kBase), kBase);
  world.scene("AABB....");
  EXPECT_EQ(world.ranges.all().size(), 2u);
  world.ranges.set_heap(page(8), 0);
  EXPECT_EQ(world.brk(page(9)), page(8));
}

class RangesCapProtect : public testing::Test {
 protected:
  Families families;
};

TEST_F(RangesCapProtect, StopsWhereACutIsNeeded) {  // AAAA at cap 1
  RangeWorld world(families, 1);
  world.scene("AAAA");
  EXPECT_EQ(world.protect(2, 2, kProtRead), Refusal::kNoMemory);
  EXPECT_EQ(world.ranges.judge_protect(page(2), 2 * kPage, kProtRead).value, page(2));
  EXPECT_EQ(world.drawing(4), "AAAA");
  EXPECT_EQ(world.protect(0, 4, kProtRead), Refusal::kNone) << "no cut";
}

TEST_F(RangesCapProtect, StopsAtALaterPieceAndKeepsTheEarlierOnes) {  // AABBB at cap 2
  RangeWorld world(families, 2);
  world.scene("AABBB");
  EXPECT_EQ(world.protect(0, 4, kProtNone), Refusal::kNone) << "the start of B joins A: no cut";
  EXPECT_EQ(world.drawing(5), "AAAAB");
  RangeWorld other(families, 2);
  other.scene("AA.BBB");
  EXPECT_EQ(other.protect(0, 2, kProtNone), Refusal::kNone);
  EXPECT_EQ(other.protect(3, 2, kProtNone), Refusal::kNoMemory);
  RangeWorld third(families, 2);
  third.scene("AA");
  third.scene("..BBB", kProtRead);
  third.ranges.assume(RangeWorld::anonymous(2, 3, kProtRead, kMapStack), false);
  EXPECT_EQ(third.ranges.judge_protect(page(0), 4 * kPage, kProtNone).value, page(2));
  EXPECT_EQ(third.protect(0, 4, kProtNone), Refusal::kNoMemory);
  EXPECT_EQ(third.drawing(5), "AABBB");
  EXPECT_EQ(third.at(0).prot, kProtNone);
  EXPECT_EQ(third.at(2).prot, kProtRead);
}

TEST_F(RangesCapProtect, EarlierJoinsMakeRoomForLaterCuts) {  // AABBCCC at cap 3: A and B become one first
  RangeWorld world(families, 3);
  world.scene("AA", kProtRead);
  world.scene("..BB");
  world.ranges.assume(RangeWorld::anonymous(4, 3, kRw, kMapStack), false);
  ASSERT_EQ(world.drawing(7), "AABBCCC");
  EXPECT_EQ(world.protect(2, 4, kProtRead), Refusal::kNone);
  EXPECT_EQ(world.drawing(7), "AAAABBC");
}

TEST_F(RangesCapProtect, TheLowerCutOfARefusedMiddleStays) {  // AAAA at cap 2 -> ABBB
  RangeWorld world(families, 2);
  world.scene("AAAA");
  EXPECT_EQ(world.protect(1, 2, kProtRead), Refusal::kNoMemory);
  EXPECT_EQ(world.ranges.judge_protect(page(1), 2 * kPage, kProtRead).value, page(1));
  EXPECT_EQ(world.drawing(4), "ABBB");
  EXPECT_EQ(world.at(1).prot, kRw);
}

TEST_F(RangesCapProtect, JudgingChangesNoFamily) {
  RangeWorld world(families, 2);
  world.scene("AAAA");
  world.touch(0);
  world.ranges.judge_protect(page(1), 2 * kPage, kProtRead);
  EXPECT_EQ(families.at(world.family(0)).links, 1u);
  audit(families, {&world.ranges}, kSmall);
}

// ---- assume ----

TEST(RangesAssume, ChecksOnlyShapeAndTheUserHalf) {
  Families families;
  RangeWorld world(families, 0);
  auto answer = [&world](std::uint64_t at, std::uint64_t length) {
    return world.ranges.judge_assume({.at = at, .length = length, .prot = kRw}).refusal;
  };
  EXPECT_EQ(answer(1, kPage), Refusal::kInvalid);
  EXPECT_EQ(answer(kPage, 0), Refusal::kInvalid);
  EXPECT_EQ(answer(kSmall.user_end, 1), Refusal::kInvalid);
  EXPECT_EQ(answer(kPage, kAll), Refusal::kInvalid);
  EXPECT_EQ(answer(0, 1), Refusal::kNone) << "neither the lowest address nor the cap applies";
  world.scene("AAAA");
  const Verdict verdict = world.ranges.judge_assume({.at = page(1), .length = 1});
  EXPECT_EQ(verdict.from, page(1));
  EXPECT_EQ(verdict.to, page(2));
  world.ranges.assume({.at = page(1), .length = 1, .prot = kRw}, false);
  EXPECT_EQ(world.drawing(4), "ABCC");
  world.ranges.assume({.at = page(1), .length = 1}, true);
  EXPECT_EQ(world.drawing(4), "A.BB");
}

}  // namespace
}  // namespace mmtwin::model
