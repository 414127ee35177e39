// Reset and snapshots: what was written is undone, exactly, and only that is visited.
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "impl/platform/tracked_array.h"
#include "tests/impl/test_phys_world.h"

namespace mmtwin::impl::test {
namespace {

constexpr unsigned kNormalZone = static_cast<unsigned>(ZoneKind::kNormal);  // of node 0

constexpr CpuId kCpu{0};

// A boot that leaves a written frame, a listed frame and a tracked array behind.
struct BootedWorld {
  BootedWorld() : hardware(one_zone(0, 64)), pages(hardware), array(hardware, 300) {
    boot_frame = *pages.allocate(kCpu, {.role = Role::kZeroPage, .gfp = kGfpWait | kGfpZero});
    array.edit(7) = 77;
    hardware.finish_boot();
  }
  // Everything a program can do to a machine, derived from `seed`.
  void run_program(std::uint64_t seed) {
    for (unsigned step = 0; step < 60; ++step) {
      seed = seed * 6364136223846793005 + 1442695040888963407;
      hardware.begin_operation();
      const auto choice = static_cast<unsigned>(seed >> 60);
      if (choice < 8 || held.empty()) {
        const Gfp gfp = choice < 4 ? kGfpWait | kGfpZero : kGfpWait;
        const Outcome<Pfn> got = pages.allocate(kCpu, {.role = Role::kAnon, .gfp = gfp});
        if (!got) continue;
        held.push_back(*got);
        hardware.ram().write(*got, static_cast<unsigned>(seed >> 33) % 4089, 8, seed);
        array.edit(seed % 300) = seed;
      } else {
        pages.free(kCpu, held.back(), Order(0));
        held.pop_back();
      }
    }
  }
  // Every byte that there is: descriptors, contents of used frames, lists, the array. Stamps are marking, not state.
  std::vector<std::uint64_t> state() const {
    std::vector<std::uint64_t> all;
    for (std::uint64_t f = 0; f < 64; ++f) {
      const FrameDescriptor& d = hardware.frame(Pfn(f));
      all.insert(all.end(), {d.tag, d.next, d.prev, d.references, d.mappings, d.owner});
      if (!is_used_head(d)) continue;
      for (unsigned at = 0; at < 4096; at += 8) all.push_back(hardware.ram().read(Pfn(f), at, 8));
    }
    for (unsigned i = 0; i < 300; ++i) all.push_back(array.at(i));
    all.push_back(pages.zone(kNormalZone)->zone().free);
    all.push_back(pages.list(kCpu, kNormalZone).length());
    return all;
  }

  Hardware hardware;
  PageAllocator pages;
  TrackedArray<std::uint64_t> array;
  Pfn boot_frame;
  std::vector<Pfn> held;
};

TEST(Marks, ResetGoesBackToTheBootByteForByte) {
  BootedWorld world;
  const auto at_boot = world.state();
  for (std::uint64_t seed = 1; seed < 2500; ++seed) {
    world.run_program(seed);
    world.hardware.ram().write(world.boot_frame, 100, 4, seed);
    world.held.clear();
    world.hardware.marks().reset();
    if (seed % 100 != 0) continue;
    world.hardware.marks().audit_reset(Pfn(0), 64);
    ASSERT_EQ(world.state(), at_boot);
  }
}

TEST(Marks, RestoreGoesBackToTheSnapshotAsOftenAsWanted) {
  BootedWorld world;
  for (std::uint64_t seed = 1; seed < 50; ++seed) {
    world.run_program(seed);
    const auto held = world.held;
    const auto then = world.state();
    world.hardware.marks().snapshot();
    for (std::uint64_t again = 0; again < 3; ++again) {
      world.run_program(seed * 100 + again);
      world.hardware.marks().restore();
      world.held = held;
      ASSERT_EQ(world.state(), then);
      Audit audit;
      world.pages.audit_buddy(audit);
      world.pages.audit_lists(audit);
      ASSERT_STREQ(audit.complaint(), nullptr);
    }
    world.run_program(seed + 1000);
    world.held.clear();
    world.hardware.marks().reset();
    world.hardware.marks().audit_reset(Pfn(0), 64);
  }
}

TEST(Marks, AnOperationListsEachFrameItChangedOnce) {
  BootedWorld world;
  world.hardware.begin_operation();
  const Pfn frame = *world.pages.allocate(kCpu, {.role = Role::kAnon, .gfp = kGfpWait});
  world.hardware.ram().write(frame, 0, 8, 1);
  world.hardware.ram().write(frame, 8, 8, 2);
  EXPECT_EQ(std::count(world.hardware.changed_frames().begin(), world.hardware.changed_frames().end(), frame), 1);
  world.hardware.begin_operation();
  EXPECT_TRUE(world.hardware.changed_frames().empty());
  world.hardware.ram().write(frame, 8, 8, 3);
  ASSERT_EQ(world.hardware.changed_frames().size(), 1u);
  EXPECT_EQ(world.hardware.changed_frames()[0], frame);
}

TEST(Ram, TakenFramesHoldJunkAndReturnedOnesDoAgain) {
  BootedWorld world;
  const Pfn frame = *world.pages.allocate(kCpu, {.role = Role::kAnon, .gfp = kGfpWait});
  const std::uint64_t junk = world.hardware.ram().read(frame, 0, 8);
  EXPECT_EQ(junk, junk_byte(frame) * std::uint64_t{0x0101010101010101});
  world.hardware.ram().write(frame, 0, 8, 0);
  world.pages.free(kCpu, frame, Order(0));
  const Pfn again = *world.pages.allocate(kCpu, {.role = Role::kAnon, .gfp = kGfpWait});
  ASSERT_EQ(again, frame);
  EXPECT_EQ(world.hardware.ram().read(again, 0, 8), junk);
}

TEST(Ram, EntriesAreStoredMarkedAndNarrated) {
  BootedWorld world;
  Recorder recorder;
  const Pfn table = *world.pages.allocate(kCpu, {.role = Role::kTable, .gfp = kGfpWait | kGfpZero});
  EXPECT_EQ(world.hardware.ram().load_entry(table, 15), 0u);
  EXPECT_NE(world.hardware.ram().load_entry(table, 16), 0u) << "the small geometry uses 16 entries, the rest is junk";
  world.hardware.connect(&recorder);
  world.hardware.ram().store_entry(kCpu, table, 3, 0x1001);
  EXPECT_TRUE(world.hardware.ram().mark_entry(kCpu, table, 3, 0x1001, 0x1021));
  EXPECT_FALSE(world.hardware.ram().mark_entry(kCpu, table, 3, 0x1001, 0x1061)) << "it is not what the walker saw";
  EXPECT_EQ(world.hardware.ram().exchange_entry(kCpu, table, 3, 0), 0x1021u);
  ASSERT_EQ(recorder.names(), "table_store table_mark table_store");
  EXPECT_EQ(recorder.events[1].before, 0x1001u);
  EXPECT_EQ(recorder.events[1].after, 0x1021u);
  EXPECT_EQ(recorder.events[2].before, 0x1021u);
}

TEST(HardwareDeathTest, AFrameIsFreedOnce) {
  BootedWorld world;
  const Pfn frame = *world.pages.allocate(kCpu, {.gfp = kGfpWait});
  world.pages.free(kCpu, frame, Order(0));
  EXPECT_DEATH(world.pages.free(kCpu, frame, Order(0)), "FRAME-1: only a used frame is freed, once");
}

TEST(HardwareDeathTest, AWritePastTheMarksIsFound) {
  BootedWorld world;
  const Pfn frame = *world.pages.allocate(kCpu, {.role = Role::kAnon, .gfp = kGfpWait});
  const_cast<FrameDescriptor&>(world.hardware.frame(Pfn(40))).owner = 1;
  EXPECT_DEATH(
      {
        world.hardware.marks().reset();
        world.hardware.marks().audit_reset(Pfn(0), 64);
      },
      "every write of a descriptor is marked");
  (void)frame;
}

// What only an address sanitizer sees, so these bodies are empty without one.
TEST(HardwareDeathTest, UseAfterFreeOfAFrameAborts) {
  if constexpr (kPoisons) {
    BootedWorld world;
    const Pfn frame = *world.pages.allocate(kCpu, {.role = Role::kAnon, .gfp = kGfpWait});
    world.pages.free(kCpu, frame, Order(0));
    EXPECT_DEATH(world.hardware.ram().write(frame, 0, 8, 1), "use-after-poison");
  }
}

TEST(HardwareDeathTest, PoisonFollowsResetAndRestore) {
  if constexpr (kPoisons) {
    BootedWorld world;
    const Pfn before = *world.pages.allocate(kCpu, {.role = Role::kAnon, .order = Order(2), .gfp = kGfpWait});
    world.hardware.marks().snapshot();
    const Pfn after = *world.pages.allocate(kCpu, {.role = Role::kAnon, .order = Order(2), .gfp = kGfpWait});
    world.pages.free(kCpu, before, Order(2));
    world.hardware.marks().restore();
    world.hardware.ram().write(before + PageCount(3), 0, 8, 1);
    EXPECT_DEATH(world.hardware.ram().write(after + PageCount(3), 0, 8, 1), "use-after-poison");
    world.hardware.marks().reset();
    EXPECT_DEATH(world.hardware.ram().write(before + PageCount(3), 0, 8, 1), "use-after-poison");
    world.hardware.ram().write(world.boot_frame, 0, 8, 1);
  }
}

}  // namespace
}  // namespace mmtwin::impl::test
