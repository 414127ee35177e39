#include "tools/reports/words.h"

#include <gtest/gtest.h>

namespace mmtwin::tools {
namespace {

RangeObservation range(std::uint64_t start, std::uint64_t end, Prot prot) {
  RangeObservation range;
  range.start = Address(start);
  range.end = Address(end);
  range.prot = prot;
  return range;
}

TEST(MapsLine, AnonymousMemoryHasNoFileAndShowsNoOffset) {
  RangeObservation anonymous = range(0x10000, 0x14000, kProtRead | kProtWrite);
  anonymous.offset = 0x10000;
  EXPECT_EQ(maps_line(anonymous), "00010000-00014000 rw-p 00000000");
}

TEST(MapsLine, AFileIsNamedByItsNumberAndItsOffsetIsHexadecimal) {
  RangeObservation file = range(0x7fffdeadb000, 0x7fffdeadf000, kProtRead | kProtExec);
  file.file = FileId(12);
  file.offset = 0x2a000;
  EXPECT_EQ(maps_line(file), "7fffdeadb000-7fffdeadf000 r-xp 0002a000 file 12");
}

TEST(MapsLine, OnlySharingIsShownOfTheFlags) {
  RangeObservation shared = range(0x10000, 0x11000, kProtNone);
  shared.file = FileId(1);
  shared.flags = kMapShared | kMapNoReserve;
  shared.accounted = true;
  EXPECT_EQ(maps_line(shared), "00010000-00011000 ---s 00000000 file 1");
}

}  // namespace
}  // namespace mmtwin::tools
