// Walking, mapping and unmapping in worlds small enough to try everything, judged by a map from page to leaf.
#include "impl/pgtable/walk_rules.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "model/specs/walk_laws.h"

namespace mmtwin {
namespace {

// Eight pages under three levels of two-entry tables: every tree of this machine can be built.
struct TinyGeometry {
  static constexpr int kBitsPerLevel = 1;
  static constexpr int kLevels = 3;
  static constexpr int kEntriesPerTable = 2;
};

template <int kEntries>
struct Tables {
  std::vector<std::array<std::uint64_t, kEntries>> table{1};  // table 0 is the root
  std::size_t limit = SIZE_MAX;

  std::uint64_t load(std::uint64_t t, std::uint64_t i) const { return table.at(t).at(i); }
  void store(std::uint64_t t, std::uint64_t i, std::uint64_t entry) { table.at(t).at(i) = entry; }
  impl::NewTable<std::uint64_t> allocate() {
    if (table.size() == limit) return {false, 0};
    table.push_back({});
    return {true, table.size() - 1};
  }
};

using Leaves = std::map<std::uint64_t, std::uint64_t>;

template <class Geometry, class Memory>
void expect_translations(Memory& memory, const Leaves& leaves, std::uint64_t pages) {
  for (std::uint64_t vpn = 0; vpn < pages; ++vpn) {
    const auto found = impl::walk<Geometry>(memory, std::uint64_t{0}, vpn);
    const auto expected = leaves.find(vpn);
    ASSERT_EQ(found.present, expected != leaves.end()) << "page " << vpn;
    if (found.present) {
      ASSERT_EQ(found.entry, expected->second) << "page " << vpn;
    }
  }
}

std::uint64_t leaf_number(std::uint64_t n) { return impl::make_leaf(1000 + n, n % 2 == 0, true, n % 3 == 0); }

// Each step maps (even) or unmaps (odd) one of eight pages; half of the worlds run out of tables.
TEST(WalkRules, EveryProgramOfFourStepsAgreesWithAMapFromPageToLeaf) {
  constexpr std::uint64_t kPages = 8, kChoices = 2 * kPages, kPrograms = kChoices * kChoices * kChoices * kChoices;
  for (std::uint64_t program = 0; program < 2 * kPrograms; ++program) {
    Tables<2> memory;
    if (program >= kPrograms) memory.limit = 4;
    Leaves leaves;
    std::uint64_t rest = program % kPrograms;
    for (std::uint64_t step = 0; step < 4; ++step, rest /= kChoices) {
      const std::uint64_t vpn = rest % kChoices / 2, leaf = leaf_number(step);
      if (rest % 2 == 1) {
        const auto was = impl::unmap_page<TinyGeometry>(memory, std::uint64_t{0}, vpn);
        ASSERT_EQ(was.present, leaves.erase(vpn) == 1);
        continue;
      }
      const auto mapped =
          impl::map_page<TinyGeometry>(memory, std::uint64_t{0}, vpn, leaf, [&] { return memory.allocate(); });
      if (mapped.outcome == impl::MapOutcome::kMapped) leaves[vpn] = leaf;
    }
    expect_translations<TinyGeometry>(memory, leaves, kPages);
    if (HasFatalFailure()) FAIL() << "program " << program;
  }
}

TEST(WalkRules, AllPagesOfTheSmallGeometryAreMappedAndUnmappedOneByOne) {
  constexpr std::uint64_t kPages = 1 << 16;
  Tables<16> memory;
  for (std::uint64_t vpn = 0; vpn < kPages; ++vpn)
    impl::map_page<impl::SmallGeometry>(memory, std::uint64_t{0}, vpn, leaf_number(vpn),
                                        [&] { return memory.allocate(); });
  EXPECT_EQ(memory.table.size(), 1 + 16 + 16 * 16 + 16 * 16 * 16) << "no table more than the mappings justify";
  for (std::uint64_t vpn = 0; vpn < kPages; vpn += 2)
    impl::unmap_page<impl::SmallGeometry>(memory, std::uint64_t{0}, vpn);
  for (std::uint64_t vpn = 0; vpn < kPages; ++vpn) {
    const auto found = impl::walk<impl::SmallGeometry>(memory, std::uint64_t{0}, vpn);
    const auto said = specs::translation_of(memory, std::uint64_t{0}, vpn, 16, 4);
    ASSERT_EQ(found.present, vpn % 2 == 1);
    ASSERT_EQ(said.present, found.present);
    if (!found.present) continue;
    ASSERT_EQ(found.entry, leaf_number(vpn));
    ASSERT_EQ(said.frame, impl::frame_for<impl::SmallGeometry>(found, vpn));
    ASSERT_EQ(said.writable, impl::permits(found.rights, true, false, true));
    ASSERT_EQ(said.executable, impl::permits(found.rights, false, true, true));
  }
}

// pages   0 1 2 3 | 4 5 6 7      a huge page of two at level 1 covers 2 and 3
TEST(WalkRules, APageInsideAHugePageIsFoundButNeitherMappedNorUnmapped) {
  Tables<2> memory;
  const auto allocate = [&] { return memory.allocate(); };
  impl::map_page<TinyGeometry>(memory, std::uint64_t{0}, std::uint64_t{0}, leaf_number(0), allocate);
  const std::uint64_t middle = impl::frame_of(memory.load(0, 0));
  memory.store(middle, 1, impl::make_leaf(std::uint64_t{64}, true, true, true) | impl::kEntryHuge);
  const auto before = memory.table;
  for (const std::uint64_t vpn : {2, 3}) {
    const auto found = impl::walk<TinyGeometry>(memory, std::uint64_t{0}, vpn);
    EXPECT_TRUE(found.present);
    EXPECT_EQ(found.level, 1U);
    EXPECT_EQ(impl::frame_for<TinyGeometry>(found, vpn), 62 + vpn);
    const auto mapped = impl::map_page<TinyGeometry>(memory, std::uint64_t{0}, vpn, leaf_number(1), allocate);
    EXPECT_EQ(mapped.outcome, impl::MapOutcome::kHuge);
    EXPECT_EQ(impl::unmap_page<TinyGeometry>(memory, std::uint64_t{0}, vpn).level, 1U);
  }
  EXPECT_EQ(memory.table, before);
}

// Each number of available tables below the three that a page needs.
TEST(WalkRules, AFailedMapLeavesOnlyEmptyTables) {
  for (std::size_t available = 0; available < 3; ++available) {
    Tables<16> memory;
    memory.limit = 1 + available;
    const auto mapped = impl::map_page<impl::SmallGeometry>(memory, std::uint64_t{0}, std::uint64_t{0x1234},
                                                            leaf_number(1), [&] { return memory.allocate(); });
    EXPECT_EQ(mapped.outcome, impl::MapOutcome::kNoMemory);
    expect_translations<impl::SmallGeometry>(memory, {}, 1 << 16);
    EXPECT_EQ(memory.table.back(), (std::array<std::uint64_t, 16>{})) << "the last table is empty";
  }
}

}  // namespace
}  // namespace mmtwin
