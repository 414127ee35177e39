#include <gtest/gtest.h>

#include "tests/impl/test_phys_world.h"

namespace mmtwin::impl::test {
namespace {

//  0               16
//  [       4       ]      one block of order 4
TEST(Buddy, BootsIntoTheLargestAlignedBlocks) {
  PhysWorld world(one_zone(0, 16));
  EXPECT_EQ(world.zone().blocks[4], 1u);
  EXPECT_EQ(world.zone().free, 16u);
  world.audit();
}

//  5 6 8      16 18 19
//  [0[1[  3   ][1[0]      unaligned ends: small blocks towards both
TEST(Buddy, UnalignedZoneEndsBecomeSmallBlocks) {
  PhysWorld world(one_zone(5, 14));
  const Zone& zone = world.zone();
  EXPECT_EQ(zone.blocks[0], 2u);
  EXPECT_EQ(zone.blocks[1], 2u);
  EXPECT_EQ(zone.blocks[2], 0u);
  EXPECT_EQ(zone.blocks[3], 1u);
  EXPECT_EQ(zone.managed, 14u);
  world.audit();
}

//  0        8 10 11 12   16
//  [   3    [1]hole[  2  ]
TEST(Buddy, HolesAreInNoBlock) {
  MachineDescription machine = one_zone(0, 16);
  machine.hole[1] = {Pfn(10), PageCount(2)};
  PhysWorld world(machine);
  EXPECT_EQ(world.zone().managed, 14u);
  EXPECT_EQ(world.zone().blocks[3], 1u);
  EXPECT_EQ(world.zone().blocks[1], 1u);
  EXPECT_EQ(world.zone().blocks[2], 1u);
  world.audit();
}

TEST(Buddy, HolesMayTouchEachOtherAndTheZonesEnds) {
  MachineDescription machine = one_zone(0, 4096);
  machine.hole[0] = {Pfn(4000), PageCount(96)};
  machine.hole[1] = {Pfn(0), PageCount(3)};
  machine.hole[2] = {Pfn(3), PageCount(1)};
  PhysWorld world(machine);
  EXPECT_EQ(world.zone().managed, 3996u);
  EXPECT_EQ(world.zone().untouched[0].next, 1024u);
  EXPECT_EQ(world.zone().untouched[0].end, 3072u);
  world.audit();
}

//  0       8       16
//  [   3   [ used  ]  ->  [       4       ]
TEST(Buddy, FreeingTheSecondHalfYieldsTheParentBlock) {
  PhysWorld world(one_zone(0, 16));
  const Pfn a = *world.allocate(3);
  const Pfn b = *world.allocate(3);
  EXPECT_EQ(world.zone().free, 0u);
  world.free(a, 3);
  EXPECT_EQ(world.zone().blocks[3], 1u);
  world.free(b, 3);
  EXPECT_EQ(world.zone().blocks[3], 0u);
  EXPECT_EQ(world.zone().blocks[4], 1u);
  world.audit();
}

TEST(Buddy, BlocksOfTwoZonesNeverMerge) {
  MachineDescription machine = one_zone(4, 4);
  machine.node[0].zones[static_cast<unsigned>(ZoneKind::kDma)] = {Pfn(0), PageCount(4)};
  PhysWorld world(machine);
  const Pfn normal = *world.allocate(2);
  const Pfn dma = *world.allocate(2, kGfpWait | kGfpDma);
  EXPECT_EQ(normal, Pfn(4));
  EXPECT_EQ(dma, Pfn(0));
  world.free(normal, 2);
  world.free(dma, 2);
  world.audit();
  EXPECT_EQ(world.zone().blocks[2], 1u);
  EXPECT_EQ(world.zone(0, ZoneKind::kDma).blocks[2], 1u);
}

TEST(Buddy, ALargeMachineBootsWithoutTouchingItsDescriptors) {
  MachineDescription machine = one_zone(0, std::uint64_t{1} << 28);
  machine.pcp_batch = 63;
  machine.pcp_high = 378;
  PhysWorld world(machine);
  EXPECT_TRUE(world.hardware.changed_frames().empty());
  const Pfn block = *world.allocate(10);
  const Pfn single = *world.allocate(0);
  world.free(single, 0);
  world.free(block, 10);
  world.pages.drain(CpuId(0), CpuId(0));
  EXPECT_EQ(world.zone().free, std::uint64_t{1} << 28);
  EXPECT_EQ(world.zone().blocks[10], 1u << 18);
  world.hardware.marks().reset();
}

TEST(Buddy, DumpsAreStable) {
  PhysWorld a(one_zone(5, 14));
  PhysWorld b(one_zone(5, 14));
  const auto text = [](const PhysWorld& world) {
    char* buffer = nullptr;
    std::size_t size = 0;
    std::FILE* to = open_memstream(&buffer, &size);
    world.pages.dump(to);
    std::fclose(to);
    std::string dumped(buffer, size);
    std::free(buffer);
    return dumped;
  };
  EXPECT_EQ(text(a), text(b));
  const Pfn frame = *a.allocate(0);
  EXPECT_NE(text(a), text(b));
  a.free(frame, 0);
  a.pages.drain(CpuId(0), CpuId(0));
  EXPECT_NE(text(a).find("zone 2 order 3 blocks 1: 8"), std::string::npos) << text(a);
}

}  // namespace
}  // namespace mmtwin::impl::test
