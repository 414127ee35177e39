// Placement: against a search that tries every page, and the cases one by one.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "tests/model/contract/range_world.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kUserPages = kSmall.user_end / kPage;
constexpr std::uint64_t kHuge = kSmall.huge_bytes;

// Tries addresses one by one on a map of taken pages.
class PageByPage {
 public:
  PageByPage(const Ranges& ranges, std::uint64_t top) : taken_(kUserPages, false), top_(top) {
    for (const auto& [start, range] : ranges.all()) {
      for (std::uint64_t at = start; at < range.end; at += kPage) taken_[at / kPage] = true;
    }
  }
  bool fits(std::uint64_t at, std::uint64_t length, std::uint64_t low, std::uint64_t high) const {
    if (at < low || at + length > high) return false;
    for (std::uint64_t p = at; p < at + length; p += kPage) {
      if (taken_[p / kPage]) return false;
    }
    return true;
  }
  std::optional<std::uint64_t> search(std::uint64_t length) const {
    for (std::uint64_t at = top_; at >= kLowestAddress; at -= kPage) {
      if (fits(at, length, kLowestAddress, top_)) return at;
    }
    for (std::uint64_t at = 0x2aab000; at < kSmall.user_end; at += kPage) {
      if (fits(at, length, 0x2aab000, kSmall.user_end)) return at;
    }
    return std::nullopt;
  }
  std::optional<std::uint64_t> place(std::uint64_t hint, std::uint64_t length, bool huge, std::uint64_t offset) const {
    if (huge) {
      if (hint != 0 && fits(hint, length + kHuge, 0, kSmall.user_end)) return hint;
      if (const auto gap = search(length + kHuge)) {
        const std::uint64_t up = (offset - *gap) % kHuge;
        return *gap + (up == 0 ? kHuge : up);
      }
    }
    if (hint != 0 && fits(hint, length, 0, kSmall.user_end)) return hint;
    return search(length);
  }

 private:
  std::vector<bool> taken_;
  std::uint64_t top_;
};

TEST(RangesPlace, IsWhatASearchOfEveryPageFindsInRandomLayouts) {
  std::mt19937_64 random(7);
  auto below = [&random](std::uint64_t n) { return random() % n; };
  int placed = 0, refused = 0;
  for (int layout = 0; layout < 300; ++layout) {
    const std::uint64_t top = kLowestAddress + below(64) * kPage;
    Families families;
    RangeWorld world(families);
    world.ranges.set_heap(0, top);
    auto assume = [&world](std::uint64_t at, std::uint64_t pages) {
      world.ranges.assume({.at = at, .length = pages * kPage, .prot = kRw}, false);
    };
    for (std::uint64_t i = below(8); i > 0; --i) assume(below(80) * kPage, 1 + below(6));
    for (std::uint64_t i = below(4); i > 0; --i) assume(0x2aaa000 + below(64) * kPage, 1 + below(6));
    if (below(2) == 0) assume(0x2af0000, (kSmall.user_end - 0x2af0000) / kPage);
    const PageByPage naive(world.ranges, top);
    for (int question = 0; question < 10; ++question) {
      MapRequest request{.length = (1 + below(40)) * kPage, .prot = kRw};
      if (below(4) == 0) request.length = kHuge * (1 + below(2));
      if (below(2) == 0) request.at = below(90) * kPage;
      if (below(2) == 0) request.file = 1, request.offset = below(32) * kPage;
      std::uint64_t hint = request.at;
      if (hint != 0 && hint < kLowestAddress) hint = kLowestAddress;
      bool huge = hint == 0 && request.length % kHuge == 0;
      if (request.file != 0) {
        huge = false;
        for (std::uint64_t at = 0; at < 80 * kPage; at += kHuge) {
          if (at >= request.offset && at + kHuge <= request.offset + request.length) huge = true;
        }
      }
      const auto expected = naive.place(hint, request.length, huge, request.offset);
      const Verdict verdict = world.ranges.judge_map(request);
      ASSERT_EQ(verdict.refusal, expected ? Refusal::kNone : Refusal::kNoMemory) << layout << " " << question;
      ASSERT_EQ(verdict.value, expected.value_or(0)) << layout << " " << question;
      (expected ? placed : refused) += 1;
    }
  }
  EXPECT_GT(placed, 1000);
  EXPECT_GT(refused, 50);
}

class RangesPlaceCases : public testing::Test {
 protected:
  Verdict ask(std::uint64_t at, std::uint64_t length) { return world.ranges.judge_map({.at = at, .length = length}); }
  Families families;
  RangeWorld world{families, kNoCap, kX86};
};

TEST_F(RangesPlaceCases, TheHighestGapBelowTopIsChosen) {
  EXPECT_EQ(ask(0, 4096).value, kX86.default_top - 4096);
  EXPECT_TRUE(ask(0, 4096).address_is_choice);
  world.ranges.map({.length = 1}, kX86.default_top - 4096);
  EXPECT_EQ(ask(0, 1).value, kX86.default_top - 8192) << "lengths are rounded";
}

TEST_F(RangesPlaceCases, AHintIsTakenDownToItsPageAndUpToTheLowestAddress) {
  EXPECT_EQ(ask(0x200fff, 4096).value, 0x200000u);
  EXPECT_FALSE(ask(0x200fff, 4096).address_is_choice);
  EXPECT_EQ(ask(0x1000, 4096).value, kLowestAddress);
  EXPECT_EQ(ask(0xfff, 4096).value, kX86.default_top - 4096) << "no hint at all";
}

TEST_F(RangesPlaceCases, AHintThatIsTakenOrTooHighIsIgnored) {
  world.ranges.assume({.at = 0x201000, .length = 4096}, false);
  EXPECT_EQ(ask(0x200000, 8192).value, kX86.default_top - 8192);
  EXPECT_TRUE(ask(0x200000, 8192).address_is_choice);
  EXPECT_EQ(ask(kX86.user_end - 4096, 4096).value, kX86.user_end - 4096);
  EXPECT_EQ(ask(kX86.user_end - 4096, 8192).value, kX86.default_top - 8192);
  EXPECT_EQ(ask(0xffffffffffffffff, 4096).value, kX86.default_top - 4096);
}

TEST_F(RangesPlaceCases, AnonymousMappingsOfWholeHugePagesWithoutHintAreAligned) {
  const std::uint64_t length = 2 * kX86.huge_bytes;
  const Verdict aligned = ask(0, length);
  EXPECT_EQ(aligned.value, 0x7ffff7a00000u);  // top - length - 2 MiB = 0x7ffff79ff000, moved up
  EXPECT_EQ(ask(0, length + 4096).value, kX86.default_top - length - 4096);
  EXPECT_EQ(ask(0x200000, length).value, 0x200000u);
}

TEST_F(RangesPlaceCases, AGapThatIsAlignedItselfIsLeftForTheNextAlignedAddress) {
  world.ranges.set_heap(0, 0x40000000);
  EXPECT_EQ(ask(0, kX86.huge_bytes).value, 0x40000000 - kX86.huge_bytes);
}

TEST_F(RangesPlaceCases, AFileMappingWithAWholeAlignedPieceIsCongruentToItsOffset) {
  MapRequest request{.length = 2 * kX86.huge_bytes, .file = 1, .offset = 0x3000};
  EXPECT_EQ(world.ranges.judge_map(request).value % kX86.huge_bytes, 0x3000u);
  request.length = 2 * kX86.huge_bytes - 0x4000;  // ends before the second boundary
  EXPECT_EQ(world.ranges.judge_map(request).value, kX86.default_top - request.length);
  request.offset = 0 - kX86.huge_bytes;
  request.length = kX86.huge_bytes;
  EXPECT_EQ(world.ranges.judge_map(request).refusal, Refusal::kInvalid) << "wraps";
}

TEST_F(RangesPlaceCases, AFileMappingOfHugePiecesTakesItsHintOnlyIfThePaddingFitsToo) {
  MapRequest request{.at = 0x40000000, .length = kX86.huge_bytes, .file = 1};
  EXPECT_EQ(world.ranges.judge_map(request).value, 0x40000000u);
  world.ranges.assume({.at = 0x40000000 + kX86.huge_bytes, .length = 4096}, false);
  const Verdict elsewhere = world.ranges.judge_map(request);
  EXPECT_NE(elsewhere.value, 0x40000000u);
  EXPECT_TRUE(elsewhere.address_is_choice);
}

TEST_F(RangesPlaceCases, WhenNothingFitsBelowTopTheLowestGapAboveAThirdIsChosen) {
  world.ranges.set_heap(0, 0x20000);
  EXPECT_EQ(ask(0, 0x10000).value, 0x10000u);
  EXPECT_EQ(ask(0, 0x11000).value, 0x2aaaaaaab000u);
  world.ranges.assume({.at = 0x2aaaaaaac000, .length = 4096}, false);
  EXPECT_EQ(ask(0, 0x11000).value, 0x2aaaaaaad000u);
  EXPECT_EQ(ask(0, kX86.user_end - 0x2aaaaaaad000).value, 0x2aaaaaaad000u);
  EXPECT_EQ(ask(0, kX86.user_end - 0x2aaaaaaad000 + 1).refusal, Refusal::kNoMemory);
}

}  // namespace
}  // namespace mmtwin::model
