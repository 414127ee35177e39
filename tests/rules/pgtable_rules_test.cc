// Address and entry rules: the small geometry enumerated, the real one at its edges.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "impl/pgtable/address_rules.h"
#include "impl/pgtable/entry_rules.h"
#include "model/specs/address_laws.h"
#include "model/specs/entry_laws.h"

namespace mmtwin {
namespace {

using impl::SmallGeometry;
using impl::X86Geometry;

constexpr std::uint64_t kSmallPages = 1 << 16;

std::uint64_t sign_filled(std::uint64_t page) {
  return page < kSmallPages / 2 ? page : page + (1ULL << 52) - kSmallPages;
}

TEST(AddressRules, EverySmallPageIsItsFourIndices) {
  for (std::uint64_t low = 0; low < kSmallPages; ++low) {
    const std::uint64_t vpn = sign_filled(low);
    std::uint64_t index[4];
    for (unsigned level = 0; level < 4; ++level) {
      index[level] = impl::index_at<SmallGeometry>(vpn, level);
      ASSERT_EQ(index[level], specs::table_index(vpn, 16, level));
      const std::uint64_t base = impl::table_base<SmallGeometry>(vpn, level);
      ASSERT_TRUE(specs::lies_in_aligned_range(vpn, base, specs::pages_of_an_entry(16, level + 1)));
    }
    ASSERT_EQ(impl::vpn_from_indices<SmallGeometry>(index), vpn);
  }
}

TEST(AddressRules, EverySmallPageOfTwiceTheRangeIsCanonicalAsSpecified) {
  for (std::uint64_t page = 0; page < 2 * kSmallPages; ++page) {
    for (const std::uint64_t vpn : {page, (std::uint64_t{1} << 52) - 1 - page}) {
      const std::uint64_t address = vpn * 4096 + 123;
      ASSERT_EQ(impl::is_canonical<SmallGeometry>(address), specs::is_canonical_address(address, 16, 4)) << address;
    }
  }
}

TEST(AddressRules, TheRealHoleBeginsAfter47Bits) {
  for (const std::uint64_t edge : {0x0ULL, 0x7fff'ffff'f000ULL, 0x8000'0000'0000ULL, 0xffff'7fff'ffff'f000ULL,
                                   0xffff'8000'0000'0000ULL, 0xffff'ffff'ffff'f000ULL}) {
    for (const std::uint64_t address : {edge, edge + 4095, edge - 1})
      ASSERT_EQ(impl::is_canonical<X86Geometry>(address), specs::is_canonical_address(address, 512, 4)) << address;
  }
  EXPECT_TRUE(impl::is_canonical<X86Geometry>(std::uint64_t{0x7fff'ffff'ffff}));
  EXPECT_FALSE(impl::is_canonical<X86Geometry>(std::uint64_t{0x8000'0000'0000}));
}

TEST(AddressRules, AnEntrySpansATableOfTheLevelBelow) {
  for (unsigned level = 0; level < 4; ++level) {
    EXPECT_EQ(impl::span_pages<X86Geometry>(level), specs::pages_of_an_entry(512, level));
    EXPECT_EQ(impl::span_pages<SmallGeometry>(level), specs::pages_of_an_entry(16, level));
  }
}

// Every combination of the twelve low bits and NX, around frames at the edges of their field.
std::vector<std::uint64_t> entries() {
  std::vector<std::uint64_t> all;
  for (const std::uint64_t frame : {0ULL, 1ULL, 0x5555'5555'55ULL, (1ULL << 40) - 1})
    for (std::uint64_t low = 0; low < 4096; ++low)
      for (const std::uint64_t no_execute : {0ULL, 1ULL}) all.push_back(frame << 12 | low | no_execute << 63);
  return all;
}

TEST(EntryRules, EveryChangeTouchesOneFlagOnly) {
  using specs::EntryFlag;
  for (const std::uint64_t entry : entries()) {
    ASSERT_TRUE(specs::only_drops(entry, impl::write_protected(entry), EntryFlag::kWritable)) << entry;
    ASSERT_TRUE(specs::only_adds(entry, impl::with_accessed(entry), EntryFlag::kAccessed)) << entry;
    ASSERT_TRUE(specs::only_adds(entry, impl::with_dirty(entry), EntryFlag::kDirty)) << entry;
    ASSERT_TRUE(specs::only_adds(entry, impl::with_special(entry), EntryFlag::kSpecial)) << entry;
    ASSERT_EQ(impl::frame_of(entry), specs::named_frame(entry)) << entry;
  }
}

TEST(EntryRules, ALeafIsItsFrameAndItsRights) {
  for (unsigned rights = 0; rights < 8; ++rights) {
    const bool writable = rights & 1, user = rights & 2, executable = rights & 4;
    for (const std::uint64_t pfn : {0ULL, 1ULL, 0x1234'5678ULL, (1ULL << 40) - 1}) {
      const std::uint64_t leaf = impl::make_leaf(pfn, writable, user, executable);
      ASSERT_EQ(leaf, specs::fresh_leaf(pfn, writable, user, executable));
      ASSERT_EQ(impl::frame_of(leaf), pfn);
      ASSERT_EQ(impl::is_writable(leaf), writable);
      ASSERT_EQ(impl::is_user(leaf), user);
      ASSERT_EQ(impl::is_executable(leaf), executable);
    }
  }
}

// Two levels with every combination of RW, US, NX each, and every kind of access.
TEST(EntryRules, AnAccessNeedsBothLevels) {
  const auto entry_with = [](unsigned bits) { return impl::make_leaf(std::uint64_t{7}, bits & 1, bits & 2, bits & 4); };
  for (unsigned bits = 0; bits < 64; ++bits) {
    const std::uint64_t upper = entry_with(bits % 8), lower = entry_with(bits / 8);
    const std::uint64_t rights = impl::effective(impl::effective(impl::kAllRights, upper), lower);
    for (unsigned access = 0; access < 8; ++access) {
      const bool write = access & 1, fetch = access & 2, user = access & 4;
      ASSERT_EQ(impl::permits(rights, write, fetch, user),
                specs::level_allows(upper, write, fetch, user) && specs::level_allows(lower, write, fetch, user))
          << bits << " access " << access;
    }
  }
}

}  // namespace
}  // namespace mmtwin
