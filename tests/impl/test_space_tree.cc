// The tree of ranges against a sorted vector: same order, same neighbours, same placement.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "impl/space/range_tree.h"
#include "tests/impl/test_mm_world.h"

namespace mmtwin::impl {
namespace {

struct Forest {
  Forest() : hardware(World::description()), ram(hardware.ram()), tree(ram, {kPage}) {
    hardware.take_frames(kCpu0, Pfn(1), Order(3), Role::kSlab, CacheName::kRange);
    ram.edit(Ref<RangeIndex>{kPage}) = {};
  }
  Ref<Range> node(unsigned i) { return {2 * kPage + i * sizeof(Range)}; }
  void insert(unsigned i, std::uint64_t start, std::uint64_t end) {
    Range& r = ram.edit(node(i));
    r = {};
    r.start = start;
    r.end = end;
    tree.insert(node(i));
    ranges.push_back({start, end, i});
    std::sort(ranges.begin(), ranges.end());
  }
  void remove(std::size_t at) {
    tree.remove(node(ranges[at].node));
    ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(at));
  }

  struct Known {
    std::uint64_t start, end;
    unsigned node;
    auto operator<=>(const Known&) const = default;
  };
  Hardware hardware;
  Ram& ram;
  RangeTree tree;
  std::vector<Known> ranges;
};

std::optional<std::uint64_t> naive_highest(const Forest& f, std::uint64_t low, std::uint64_t high,
                                                std::uint64_t length) {
  for (std::uint64_t at = high; at >= low + length; at -= kPage) {
    const bool free = std::none_of(f.ranges.begin(), f.ranges.end(),
                                   [&](const auto& r) { return r.start < at && at - length < r.end; });
    if (free) return at - length;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> naive_lowest(const Forest& f, std::uint64_t low, std::uint64_t high,
                                               std::uint64_t length) {
  for (std::uint64_t at = low; at + length <= high; at += kPage) {
    const bool free = std::none_of(f.ranges.begin(), f.ranges.end(),
                                   [&](const auto& r) { return r.start < at + length && at < r.end; });
    if (free) return at;
  }
  return std::nullopt;
}

TEST(RangeTree, AgreesWithASortedVectorThroughThousandsOfChanges) {
  Forest f;
  std::mt19937 random(7);
  std::vector<unsigned> spare;
  for (unsigned i = 0; i < 200; ++i) spare.push_back(i);
  for (int step = 0; step < 6000; ++step) {
    const std::uint64_t start = random() % 400 * kPage, end = start + (1 + random() % 3) * kPage;
    const bool free = std::none_of(f.ranges.begin(), f.ranges.end(),
                                   [&](const auto& r) { return r.start < end && start < r.end; });
    const bool grows = step / 1000 % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0;
    if (grows && free && !spare.empty()) {
      f.insert(spare.back(), start, end);
      spare.pop_back();
    } else if (!f.ranges.empty()) {
      const std::size_t at = random() % f.ranges.size();
      spare.push_back(f.ranges[at].node);
      f.remove(at);
    }
    Audit audit;
    ASSERT_EQ(f.tree.audit(audit), f.ranges.size());
    ASSERT_STREQ(audit.complaint(), nullptr);
    std::size_t n = 0;
    for (Ref<Range> r = f.tree.first(); !r.is_none(); r = f.tree.next(r)) {
      ASSERT_EQ(r, f.node(f.ranges[n].node));
      ASSERT_EQ(f.tree.prev(r), n == 0 ? Ref<Range>{} : f.node(f.ranges[n - 1].node));
      ++n;
    }
    const std::uint64_t probe = random() % 410 * kPage;
    const auto after = std::find_if(f.ranges.begin(), f.ranges.end(), [&](const auto& r) { return r.end > probe; });
    ASSERT_EQ(f.tree.find(probe), after == f.ranges.end() ? Ref<Range>{} : f.node(after->node));
    if (step % 10 != 0) continue;
    const std::uint64_t low = random() % 100 * kPage, high = low + random() % 320 * kPage;
    const std::uint64_t length = (1 + random() % 12) * kPage;
    ASSERT_EQ(f.tree.highest_gap(low, high, length), naive_highest(f, low, high, length));
    ASSERT_EQ(f.tree.lowest_gap(low, high, length), naive_lowest(f, low, high, length));
  }
}

TEST(Placement, TakesTheHighestGapThatFits) {
  World w;
  const SpaceId s = w.create();
  const std::uint64_t top = UserLayout<SmallGeometry>::kTop;
  const auto place = [&](std::uint64_t pages, std::uint64_t hint = 0) {
    return w.mm.range_map(kCpu0, s, {hint, pages * kPage, kRw | kProtExec, kMapStack, 0, 0}).value();
  };
  EXPECT_EQ(place(3), top - 3 * kPage);
  EXPECT_EQ(place(2), top - 5 * kPage);
  ASSERT_EQ(w.mm.range_unmap(kCpu0, s, Address(top - 4 * kPage), ByteCount(2 * kPage)).refusal(), Refusal::kNone);
  EXPECT_EQ(place(3), top - 8 * kPage) << "the hole is too small";
  EXPECT_EQ(place(2), top - 4 * kPage) << "the hole fits just";
  EXPECT_EQ(place(1, 0x5001), 0x10000u) << "a hint below the lowest address means the lowest address";
  EXPECT_EQ(place(1, 0x300fff), 0x300000u);
  EXPECT_EQ(place(1, 0x300000), top - 9 * kPage) << "a hint that is taken is ignored";
}

TEST(Placement, WholeHugePagesAreAligned) {
  World w;
  const SpaceId s = w.create();
  const std::uint64_t top = UserLayout<SmallGeometry>::kTop, huge = UserLayout<SmallGeometry>::kHugeBytes;
  const auto place = [&](std::uint64_t bytes) {
    return w.mm.range_map(kCpu0, s, {0, bytes, kProtRead, {}, 0, 0}).value();
  };
  EXPECT_EQ(place(huge), top - huge) << "an aligned gap leaves room for the next aligned address";
  EXPECT_EQ(place(huge + kPage), top - 2 * huge - kPage) << "not whole huge pages";
  EXPECT_EQ(place(huge) % huge, 0u);
}

TEST(Placement, GoesUpwardsFromAThirdWhenNothingFitsBelowTheTop) {
  World w;
  const SpaceId s = w.mm.space_create(kCpu0, Address(0), Address(0x20000)).value();
  EXPECT_EQ(w.mm.range_map(kCpu0, s, {0, 0x10000 - kPage, kRw, {}, 0, 0}).value(), 0x11000u);
  EXPECT_EQ(w.mm.range_map(kCpu0, s, {0, 2 * kPage, kRw, {}, 0, 0}).value(), UserLayout<SmallGeometry>::kBottomUp);
  EXPECT_EQ(w.mm.range_map(kCpu0, s, {0, kPage, kProtRead, {}, 0, 0}).value(), 0x10000u);
}

}  // namespace
}  // namespace mmtwin::impl
