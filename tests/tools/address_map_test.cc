#include "tools/import/address_map.h"

#include <gtest/gtest.h>

#include <string>

namespace mmtwin::tools {
namespace {

// One letter an address; '.' holds nothing.
std::string drawn(const AddressMap<char>& map) {
  std::string text(12, '.');
  for (const auto& piece : map.all()) {
    for (std::uint64_t at = piece.start; at < piece.end; ++at) text[at] = piece.value;
  }
  return text;
}

TEST(AddressMap, AssigningCutsWhatWasThere) {
  AddressMap<char> map;
  map.assign(1, 11, 'A');
  map.assign(4, 6, 'B');
  EXPECT_EQ(drawn(map), ".AAABBAAAAA.");
  map.assign(0, 5, 'C');
  EXPECT_EQ(drawn(map), "CCCCCBAAAAA.");
}

TEST(AddressMap, ErasingCutsAndNothingMayBeErased) {
  AddressMap<char> map;
  map.assign(0, 9, 'A');
  map.erase(3, 5);
  map.erase(5, 5);
  map.erase(10, 12);
  EXPECT_EQ(drawn(map), "AAA..AAAA...");
  EXPECT_EQ(map.find(3), nullptr);
  ASSERT_NE(map.find(5), nullptr);
  EXPECT_EQ(*map.find(5), 'A');
}

TEST(AddressMap, PiecesAndHolesOfASpanAreCutToIt) {
  AddressMap<char> map;
  map.assign(2, 4, 'A');
  map.assign(6, 12, 'B');
  EXPECT_EQ(map.inside(3, 8).size(), 2u);
  auto holes = map.holes(1, 8);
  ASSERT_EQ(holes.size(), 2u);
  EXPECT_EQ(holes[0].start, 1u);
  EXPECT_EQ(holes[0].end, 2u);
  EXPECT_EQ(holes[1].start, 4u);
  EXPECT_EQ(holes[1].end, 6u);
}

}  // namespace
}  // namespace mmtwin::tools
