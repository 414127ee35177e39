// Rules that are wrong on purpose: each is refuted, and the counterexample really breaks the rule when it is executed.
#include <gtest/gtest.h>

#include "props/smt/theorems_address.h"
#include "props/smt/theorems_buddy.h"
#include "props/smt/theorems_entry.h"
#include "tests/smt/counterexample.h"

namespace mmtwin::smt {
namespace {

// The result of a theorem that must not hold; `reason` is the requirement that gives it away.
TheoremResult refuted(const Theorem& theorem, std::string_view reason) {
  TheoremResult result = prove(theorem);
  EXPECT_EQ(result.verdict, Verdict::kRefuted) << theorem.id << " " << name_of(result.verdict);
  EXPECT_EQ(result.reason, reason);
  return result;
}

struct BuddyByAddition : RunningBuddyRules {
  template <class Word>
  static Word buddy_of(Word pfn, unsigned order) {
    return pfn + (Word(1) << order);
  }
};

TEST(WrongRules, ABuddyByAdditionIsNotMutual) {
  const auto result = refuted(buddy_pairing_is_an_involution<BuddyByAddition>(), "the buddy of the buddy is the block");
  const std::uint64_t pfn = value_of(result, "pfn");
  const auto order = static_cast<unsigned>(value_of(result, "order"));
  EXPECT_NE(BuddyByAddition::buddy_of(BuddyByAddition::buddy_of(pfn, order), order), pfn);
}

struct SplitAtTheWrongOrder : RunningBuddyRules {
  template <class Word>
  static Word upper_half(Word pfn, unsigned order) {
    return pfn | (Word(1) << order);
  }
};

TEST(WrongRules, ASplitAtTheWrongOrderLosesTheUpperHalf) {
  const auto result = refuted(a_split_makes_two_buddies<SplitAtTheWrongOrder>(), "the halves are the whole");
  const std::uint64_t whole = value_of(result, "whole");
  const auto order = static_cast<unsigned>(value_of(result, "order"));
  EXPECT_FALSE(specs::covers(whole, order, SplitAtTheWrongOrder::upper_half(whole, order)));
}

struct OverlapAtTheSmallerOrder : RunningBuddyRules {
  template <class Word>
  static auto blocks_overlap(Word a, unsigned a_order, Word b, unsigned b_order) {
    const unsigned smaller = a_order < b_order ? a_order : b_order;
    return (a >> smaller) == (b >> smaller);
  }
};

TEST(WrongRules, OverlapComparedAtTheSmallerOrderMissesANestedBlock) {
  const auto result =
      refuted(overlap_is_a_shared_frame<OverlapAtTheSmallerOrder>(), "blocks_overlap says what the ranges say");
  const std::uint64_t a = value_of(result, "a"), b = value_of(result, "b");
  const auto a_order = static_cast<unsigned>(value_of(result, "a_order"));
  const auto b_order = static_cast<unsigned>(value_of(result, "b_order"));
  EXPECT_FALSE(OverlapAtTheSmallerOrder::blocks_overlap(a, a_order, b, b_order));
  EXPECT_FALSE(specs::are_disjoint(a, a_order, b, b_order));
}

struct WatermarkThatWraps : RunningWatermarkRules {
  template <class Word>
  static auto zone_may_give(Word free, Word pages, Word min, Word reserve) {
    return free >= pages && free - (pages - Word(1)) > min + reserve;
  }
};

TEST(WrongRules, AWatermarkThatIsAddedUpWraps) {
  const auto result = refuted(watermark_never_wraps<WatermarkThatWraps>(), "the rule agrees with unbounded arithmetic");
  const std::uint64_t free = value_of(result, "free"), pages = value_of(result, "pages");
  const std::uint64_t min = value_of(result, "min"), reserve = value_of(result, "reserve");
  EXPECT_TRUE(WatermarkThatWraps::zone_may_give(free, pages, min, reserve));
  EXPECT_FALSE(impl::zone_may_give(free, pages, min, reserve));
  EXPECT_LT(min + reserve, min) << "the sum wrapped";
}

template <class GeometryOfRules>
struct ShiftOffByOne : RunningAddressRules<GeometryOfRules> {
  template <class Word>
  static Word index_at(Word vpn, unsigned level) {
    return (vpn >> (GeometryOfRules::kBitsPerLevel * level + 1)) & Word(GeometryOfRules::kEntriesPerTable - 1);
  }
};

template <class Geometry>
void expect_shift_is_refuted() {
  using Wrong = ShiftOffByOne<Geometry>;
  const auto result = refuted(index_is_a_digit<Wrong>("wrong"), "index_at says what division says");
  const std::uint64_t vpn = value_of(result, "vpn");
  const auto level = static_cast<unsigned>(value_of(result, "level"));
  EXPECT_NE(Wrong::index_at(vpn, level), specs::table_index(vpn, Geometry::kEntriesPerTable, level));

  const auto lost = refuted(pages_part_at_some_level<Wrong>("wrong"), "the indices tell pages apart");
  const std::uint64_t a = value_of(lost, "a"), b = value_of(lost, "b");
  bool same_indices = true;
  for (unsigned l = 0; l < 4; ++l)
    same_indices = same_indices && Wrong::index_at(a / 4096, l) == Wrong::index_at(b / 4096, l);
  EXPECT_NE(same_indices, specs::same_page(a, b));
}

TEST(WrongRules, AnIndexShiftedOneTooFarConfusesPages) {
  expect_shift_is_refuted<impl::X86Geometry>();
  expect_shift_is_refuted<impl::SmallGeometry>();
}

struct CanonicalOnlyBelow : RunningAddressRules<impl::X86Geometry> {
  template <class Word>
  static auto is_canonical(Word address) {
    return (address >> 47) == Word(0);
  }
};

TEST(WrongRules, TheUpperHalfIsCanonicalToo) {
  const auto result =
      refuted(canonical_as_specified<CanonicalOnlyBelow>("wrong"), "is_canonical says what the ranges say");
  const std::uint64_t address = value_of(result, "address");
  EXPECT_FALSE(CanonicalOnlyBelow::is_canonical(address));
  EXPECT_TRUE(specs::is_canonical_address(address, 512, 4));
}

struct ProtectionThatForgetsAccessed : RunningEntryRules {
  template <class Word>
  static Word write_protected(Word entry) {
    return entry & ~Word(impl::kEntryWritable | impl::kEntryAccessed);
  }
};

TEST(WrongRules, WriteProtectionThatClearsAccessedIsSeen) {
  const auto result = refuted(write_protection_only_drops_rw<ProtectionThatForgetsAccessed>(), "only RW is dropped");
  const std::uint64_t entry = value_of(result, "entry");
  EXPECT_TRUE(impl::is_accessed(entry));
  EXPECT_FALSE(impl::is_accessed(ProtectionThatForgetsAccessed::write_protected(entry)));
}

struct LeafThatForgetsToMask : RunningEntryRules {
  template <class Word>
  static Word make_leaf(Word pfn, bool writable, bool user, bool executable) {
    return (pfn << impl::kEntryFrameShift) | impl::make_leaf(Word(0), writable, user, executable);
  }
};

TEST(WrongRules, ALeafThatForgetsToMaskLetsTheFrameSetFlags) {
  const auto result = refuted(frame_never_touches_flags<LeafThatForgetsToMask>(), "leaf");
  const std::uint64_t pfn = value_of(result, "pfn");
  EXPECT_GE(pfn, specs::kFramesNameable);
  const std::uint64_t leaf = LeafThatForgetsToMask::make_leaf(pfn, false, false, true);
  EXPECT_NE(leaf & ~impl::kEntryFrameMask, impl::kEntryPresent) << "the high bits are no longer clear";
}

struct RightsOfAnyLevel : RunningEntryRules {
  template <class Word>
  static Word effective(Word parent_rights, Word entry) {
    return ((parent_rights | entry) & Word(impl::kAllRights)) | ((parent_rights | entry) & Word(impl::kEntryNoExecute));
  }
};

TEST(WrongRules, RightsAddedUpOverLevelsPermitWhatOneDenies) {
  const auto result = refuted(a_right_needs_every_level<RightsOfAnyLevel>(), "the AND over the levels");
  const bool write = value_of(result, "write"), fetch = value_of(result, "fetch"), user = value_of(result, "user");
  std::uint64_t rights = impl::kAllRights;
  bool allowed = true;
  for (unsigned i = 0; i < value_of(result, "levels_passed"); ++i) {
    const std::uint64_t entry = value_of(result, "entry" + std::to_string(i));
    rights = RightsOfAnyLevel::effective(rights, entry);
    allowed = allowed && specs::level_allows(entry, write, fetch, user);
  }
  EXPECT_TRUE(RightsOfAnyLevel::permits(rights, write, fetch, user));
  EXPECT_FALSE(allowed);
}

}  // namespace
}  // namespace mmtwin::smt
