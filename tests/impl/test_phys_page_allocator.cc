#include <gtest/gtest.h>

#include <set>

#include "impl/phys/frame.h"
#include "tests/impl/test_phys_world.h"

namespace mmtwin::impl::test {
namespace {

constexpr CpuId kCpu0{0}, kCpu1{1};

// DMA [0, 16), NORMAL [16, 64) on node 0; NORMAL [64, 128) on node 1; node 2 has CPUs but no memory.
MachineDescription three_nodes() {
  MachineDescription machine = one_zone(16, 48);
  machine.nodes = 3;
  machine.cpus = 3;
  machine.node[0].zones[static_cast<unsigned>(ZoneKind::kDma)] = {Pfn(0), PageCount(16)};
  machine.node[1].zones[static_cast<unsigned>(ZoneKind::kNormal)] = {Pfn(64), PageCount(64)};
  machine.distance[0] = {10, 20, 30, 0};
  machine.distance[1] = {20, 10, 15, 0};
  machine.distance[2] = {30, 15, 10, 0};
  machine.cpu_node = {0, 1, 2};
  return machine;
}

TEST(PageAllocator, NarratesARequestInTheOrderOfTheRules) {
  PhysWorld world(one_zone(0, 64));
  (void)world.allocate(0);
  EXPECT_EQ(world.recorder.names(), "page_requested list_filled list_filled frame_taken");
  const Pfn second = *world.allocate(0, kGfpWait | kGfpZero);
  EXPECT_EQ(world.recorder.names(), "page_requested frame_taken frame_zeroed");
  world.free(second, 0);
  EXPECT_EQ(world.recorder.names(), "frame_returned");
  (void)world.allocate(6);
  EXPECT_EQ(world.recorder.names(), "page_requested list_drained page_refused");
}

TEST(PageAllocator, AHandedOutBlockHasOneReferenceAndNoMappings) {
  PhysWorld world(one_zone(0, 64));
  const Pfn block = *world.allocate(2);
  const FrameDescriptor& d = world.hardware.frame(block);
  EXPECT_EQ(state_of(d.tag), BlockState::kUsedHead);
  EXPECT_EQ(order_of(d.tag), 2u);
  EXPECT_EQ(d.references, 1u);
  EXPECT_EQ(mappings_of(d), 0u);
  EXPECT_FALSE(is_exclusive(d));
}

TEST(PageAllocator, AListGivesABatchBackWhenItIsLongerThanHigh) {
  MachineDescription machine = one_zone(0, 64);
  machine.pcp_batch = 3;
  machine.pcp_high = 4;
  PhysWorld world(machine);
  std::vector<Pfn> held;
  for (int i = 0; i < 9; ++i) held.push_back(*world.allocate(0));
  for (int i = 0; i < 4; ++i) {
    world.free(held[i], 0);
    EXPECT_EQ(world.recorder.count(EventKind::kListDrained), 0u);
  }
  world.free(held[4], 0);
  EXPECT_EQ(world.recorder.count(EventKind::kListDrained), 3u);
  EXPECT_EQ(world.list().length(), 2u);
  world.audit();
}

TEST(PageAllocator, ExactFramesAreBlocksOfTheirOwnAndTheTailGoesBackAtOnce) {
  PhysWorld world(one_zone(0, 64));
  world.recorder.events.clear();
  const Pfn first = *world.pages.allocate_exact(kCpu0, PageCount(5), {.gfp = kGfpWait | kGfpZero});
  EXPECT_EQ(world.recorder.count(EventKind::kFrameTaken), 1u);
  EXPECT_EQ(world.recorder.count(EventKind::kFrameReturned), 3u);
  EXPECT_EQ(world.recorder.count(EventKind::kFrameZeroed), 5u);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(is_used_head_of_order(world.hardware.frame(first + PageCount(i)).tag, 0));
    EXPECT_EQ(world.hardware.frame(first + PageCount(i)).references, 1u);
  }
  world.audit();
  world.pages.free_exact(kCpu0, first, PageCount(5));
  world.pages.drain(kCpu0, kCpu0);
  EXPECT_EQ(world.zone().blocks[6], 1u);
  world.audit();
}

TEST(PageAllocator, ARequestMayNotDigBelowTheWatermark) {
  MachineDescription machine = one_zone(0, 16);
  machine.watermark_min = 5;
  PhysWorld world(machine);
  EXPECT_FALSE(world.allocate(3, kGfpHigh).is_ok() && world.allocate(3, kGfpHigh).is_ok());
  // free 8: 8 - 3 > 5 does not hold, 8 - 1 > 5 does.
  EXPECT_EQ(world.zone().free, 8u);
  EXPECT_EQ(world.allocate(2, kGfpWait).refusal(), Refusal::kOom);
  EXPECT_TRUE(world.allocate(2, kGfpWait | kGfpHigh).is_ok()) << "half of the watermark";
  EXPECT_EQ(world.allocate(0, kGfpWait).refusal(), Refusal::kOom);
  EXPECT_EQ(world.allocate(1, kGfpHigh).refusal(), Refusal::kOom);
  EXPECT_TRUE(world.allocate(2, kGfpNofail).is_ok()) << "all of it";
  EXPECT_EQ(world.allocate(0, kGfpNofail).refusal(), Refusal::kOom);
  world.audit();
}

TEST(PageAllocator, TheFastPathStopsAtTheWatermarkToo) {
  MachineDescription machine = one_zone(0, 16);
  machine.watermark_min = 8;
  machine.pcp_batch = 4;
  machine.pcp_high = 6;
  PhysWorld world(machine);
  std::vector<Pfn> held;
  for (Outcome<Pfn> got = world.allocate(0, Gfp{}); got.is_ok(); got = world.allocate(0, Gfp{})) held.push_back(*got);
  // 16 - 4 = 12 and 12 - 4 = 8 free: then the list still has frames, but the zone may not give.
  EXPECT_EQ(world.zone().free, 8u);
  EXPECT_EQ(held.size(), 5u);
  EXPECT_EQ(world.recorder.names(), "page_requested page_refused");
  EXPECT_TRUE(world.allocate(0, kGfpWait).is_ok()) << "a request that waits drains the lists first";
  world.audit();
}

TEST(PageAllocator, ReserveKeepsDmaFromNormalRequests) {
  MachineDescription machine = three_nodes();
  machine.lowmem_ratio = 4;  // 48 / 4 = 12 of 16 frames
  PhysWorld world(machine);
  while (world.zone().free != 0) (void)*world.allocate(4, Gfp{}, kCpu0, NodeId(0));
  EXPECT_TRUE(world.allocate(2, kGfpThisNode, kCpu0, NodeId(0)).is_ok()) << "16 - 3 > 12";
  EXPECT_EQ(world.allocate(0, kGfpThisNode, kCpu0, NodeId(0)).refusal(), Refusal::kOom) << "12 > 12 does not hold";
  EXPECT_TRUE(world.allocate(2, kGfpThisNode | kGfpDma, kCpu0, NodeId(0)).is_ok());
}

TEST(PageAllocator, ZonesAreAskedByDistanceNormalFirst) {
  PhysWorld world(three_nodes());
  EXPECT_GE(world.allocate(4, Gfp{}, kCpu1)->raw(), 64u);
  const Pfn from_memoryless = *world.allocate(4, Gfp{}, CpuId(2));
  EXPECT_GE(from_memoryless.raw(), 64u) << "node 1 is nearer to node 2 than node 0";
  EXPECT_EQ(world.allocate(0, kGfpThisNode, CpuId(2)).refusal(), Refusal::kOom) << "a memoryless node has no zones";
  EXPECT_LT(world.allocate(3, kGfpDma, kCpu1)->raw(), 16u);
  for (int i = 0; i < 3; ++i) EXPECT_GE(world.allocate(4, Gfp{}, kCpu0)->raw(), 16u);
  EXPECT_EQ(world.allocate(3, Gfp{}, kCpu0)->raw() / 16, 0u) << "then DMA of the own node";
  world.audit();
}

// DMA [0, 16), DMA32 [16, 32), NORMAL [32, 64), MOVABLE [64, 128).
MachineDescription four_kinds() {
  MachineDescription machine = one_zone(32, 32);
  machine.node[0].zone(ZoneKind::kDma) = {Pfn(0), PageCount(16)};
  machine.node[0].zone(ZoneKind::kDma32) = {Pfn(16), PageCount(16)};
  machine.node[0].zone(ZoneKind::kMovable) = {Pfn(64), PageCount(64)};
  return machine;
}

TEST(PageAllocator, ARequestGoesDownFromTheHighestZoneItMayHave) {
  const auto order = [](Gfp gfp) {
    PhysWorld world(four_kinds());
    std::string zones;
    for (Outcome<Pfn> got = world.allocate(4, gfp); got.is_ok(); got = world.allocate(4, gfp))
      zones += std::to_string(got->raw() / 16);
    return zones;
  };
  EXPECT_EQ(order(kGfpMovable), "45672310");
  EXPECT_EQ(order(Gfp{}), "2310");
  EXPECT_EQ(order(kGfpDma32), "10");
  EXPECT_EQ(order(kGfpDma32 | kGfpMovable), "10");
  EXPECT_EQ(order(kGfpDma), "0");
  EXPECT_EQ(order(kGfpDma | kGfpDma32), "0");
}

TEST(PageAllocator, TheFastPathKnowsTheZonesOfMovablePages) {
  PhysWorld world(four_kinds());
  EXPECT_GE(world.allocate(0, kGfpWait | kGfpMovable)->raw(), 64u);
  const Pfn kernel = *world.allocate(0, kGfpWait);
  EXPECT_LT(kernel.raw(), 64u);
  EXPECT_GE(world.allocate(0, kGfpWait | kGfpMovable)->raw(), 64u);
  world.free(kernel, 0);
  EXPECT_EQ(*world.allocate(0, kGfpWait), kernel);
  world.audit();
}

TEST(PageAllocator, EachZoneIsKeptFromWhoCouldHaveHadAHigherOne) {
  MachineDescription machine = four_kinds();
  machine.lowmem_ratio = 8;  // NORMAL keeps 64 / 8 = 8 from movable requests, DMA32 (32 + 64) / 8 = 12 from these
  PhysWorld world(machine);
  for (int i = 0; i < 4; ++i) EXPECT_GE(world.allocate(4, kGfpMovable)->raw(), 64u);
  EXPECT_EQ(world.allocate(4, kGfpMovable)->raw() / 16, 2u) << "32 - 15 > 8";
  EXPECT_EQ(world.allocate(3, kGfpMovable)->raw() / 16, 3u) << "16 - 7 > 8";
  EXPECT_EQ(world.allocate(2, kGfpMovable)->raw() / 16, 1u) << "NORMAL: 8 > 8 does not hold; DMA32: 16 - 3 > 12";
  EXPECT_EQ(world.allocate(3, Gfp{})->raw() / 16, 3u) << "kept from nobody who may have NORMAL at most";
  EXPECT_EQ(world.allocate(1, kGfpMovable)->raw() / 16, 0u) << "DMA keeps (16 + 32 + 64) / 8: 16 - 1 > 14";
  EXPECT_EQ(world.allocate(0, kGfpMovable).refusal(), Refusal::kOom) << "14 > 14 does not hold";
}

TEST(PageAllocator, BlocksOfTheTopOrderDoNotMerge) {
  MachineDescription machine = one_zone(0, 64);
  machine.top_order = 3;
  PhysWorld world(machine);
  EXPECT_EQ(world.zone().blocks[3], 8u);
  EXPECT_EQ(world.allocate(4).refusal(), Refusal::kOom);
  std::vector<Pfn> held;
  for (int i = 0; i < 8; ++i) held.push_back(*world.allocate(3));
  world.audit();
  for (const Pfn block : held) world.free(block, 3);
  EXPECT_EQ(world.zone().blocks[3], 8u);
  EXPECT_EQ(world.zone().blocks[4], 0u);
  world.audit();
}

//  0.......  8.......  16......
//  FFFRRRRR  RFFFFHHF  FFFFFFFF
TEST(PageAllocator, ReservedFramesAndHolesAreNeverHandedOut) {
  MachineDescription machine = one_zone(0, 24);
  machine.reserved[0] = {Pfn(3), PageCount(6)};
  machine.hole[0] = {Pfn(13), PageCount(2)};
  PhysWorld world(machine);
  EXPECT_EQ(world.zone().managed, 16u);
  world.audit();
  std::set<std::uint64_t> held;
  for (Outcome<Pfn> got = world.allocate(0); got.is_ok(); got = world.allocate(0)) held.insert(got->raw());
  EXPECT_EQ(held, (std::set<std::uint64_t>{0, 1, 2, 9, 10, 11, 12, 15, 16, 17, 18, 19, 20, 21, 22, 23}));
}

TEST(PageAllocator, ABlockingRequestDrainsEveryListBeforeItIsRefused) {
  MachineDescription machine = one_zone(0, 8);
  machine.cpus = 2;
  PhysWorld world(machine);
  const Pfn mine = *world.allocate(0, kGfpWait, kCpu0);
  const Pfn other = *world.allocate(0, kGfpWait, kCpu1);
  world.free(other, 0, kCpu1);
  world.free(mine, 0, kCpu0);
  EXPECT_EQ(world.allocate(3, kGfpHigh, kCpu0).refusal(), Refusal::kOom);
  EXPECT_EQ(world.recorder.names(), "page_requested page_refused");
  EXPECT_TRUE(world.allocate(3, kGfpWait, kCpu0).is_ok());
  EXPECT_EQ(world.recorder.names(),
            "page_requested list_drained list_drained interrupt_sent interrupted list_drained list_drained "
            "interrupt_answered frame_taken");
  world.audit();
}

TEST(PageAllocator, ADrainOfAnotherCpuIsAnInterruptToIt) {
  MachineDescription machine = one_zone(0, 64);
  machine.cpus = 2;
  PhysWorld world(machine);
  (void)world.allocate(0, kGfpWait, kCpu1);
  world.recorder.events.clear();
  world.pages.drain(kCpu0, kCpu1);
  EXPECT_EQ(world.recorder.names(), "interrupt_sent interrupted list_drained interrupt_answered");
  for (const Event& event : world.recorder.events) {
    EXPECT_EQ(event.cpu, event.kind == EventKind::kListDrained ? kCpu1 : kCpu0);
    EXPECT_EQ(event.index, 1u);
  }
  world.recorder.events.clear();
  world.pages.drain(kCpu0, kCpu0);
  EXPECT_EQ(world.recorder.names(), "");
}

TEST(PageAllocator, AnInjectedFailureNeitherDrainsNorRetries) {
  PhysWorld world(one_zone(0, 64));
  const Pfn held = *world.allocate(0);
  world.free(held, 0);
  world.hardware.failures().fail_next(2);
  EXPECT_TRUE(world.allocate(0).is_ok());
  EXPECT_TRUE(world.allocate(0, kGfpNofail).is_ok()) << "not counted";
  EXPECT_EQ(world.allocate(0).refusal(), Refusal::kOom);
  EXPECT_EQ(world.recorder.names(), "page_requested failure_injected page_refused");
  EXPECT_TRUE(world.allocate(0).is_ok());
  world.hardware.failures().fail_next(1);
  world.hardware.failures().fail_next(0);
  EXPECT_TRUE(world.allocate(0).is_ok());
}

TEST(PageAllocator, TheLastReferenceFreesTheFrame) {
  PhysWorld world(one_zone(0, 64));
  const Pfn frame = *world.allocate(0);
  EXPECT_TRUE(world.pages.try_get(frame));
  EXPECT_FALSE(world.pages.put(kCpu0, frame));
  add_mapping(world.hardware, frame);
  set_exclusive(world.hardware, frame, true);
  EXPECT_EQ(mappings_of(world.hardware.frame(frame)), 1u);
  EXPECT_TRUE(is_exclusive(world.hardware.frame(frame)));
  EXPECT_EQ(remove_mapping(world.hardware, frame), 0u);
  EXPECT_TRUE(world.pages.put(kCpu0, frame));
  EXPECT_EQ(state_of(world.hardware.frame(frame).tag), BlockState::kListed);
  world.audit();
}

TEST(PageAllocator, AFrameGetsNoMoreReferencesThanItMayHaveAndIsFreeAfterTheLast) {
  PhysWorld world(one_zone(0, 64));
  const Pfn frame = *world.allocate(0);
  for (int i = 1; i < 63; ++i) EXPECT_TRUE(world.pages.try_get(frame));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(world.pages.try_get(frame));
  EXPECT_EQ(world.hardware.frame(frame).references, 63u);
  for (int i = 1; i < 63; ++i) EXPECT_FALSE(world.pages.put(kCpu0, frame));
  EXPECT_TRUE(world.pages.put(kCpu0, frame));
  world.audit();
}

TEST(PageAllocator, NoFrameIsHandedOutTwice) {
  PhysWorld world(three_nodes());
  std::set<std::uint64_t> held;
  for (Outcome<Pfn> got = world.allocate(0); got.is_ok(); got = world.allocate(0)) {
    EXPECT_TRUE(held.insert(got->raw()).second);
    world.audit();
  }
  EXPECT_EQ(held.size(), 128u);
}

}  // namespace
}  // namespace mmtwin::impl::test
