// Every sequence of a few operations on a few frames, each step audited, each end compared with the boot.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/impl/test_phys_world.h"

namespace mmtwin::impl::test {
namespace {

struct Held {
  Pfn first;
  PageCount pages;  // exact blocks
  unsigned order = 0;
  bool is_exact = false;
};

// Plays a sequence given as digits, one operation each, on one machine that is reset in between.
class SmallWorld {
 public:
  static constexpr unsigned kOperations = 9;

  explicit SmallWorld(const MachineDescription& machine) : world_(machine) { world_.hardware.connect(nullptr); }

  void play(unsigned sequence, unsigned length) {
    held_.clear();
    for (unsigned step = 0; step < length; ++step, sequence /= kOperations) {
      world_.hardware.begin_operation();
      apply(sequence % kOperations);
      world_.audit();
      expect_frames_add_up();
    }
    while (!held_.empty()) release(held_.size() - 1);
    for (unsigned cpu = 0; cpu < world_.hardware.machine().cpus; ++cpu) world_.pages.drain(CpuId(0), CpuId(cpu));
    world_.audit();
    expect_frames_add_up();
    world_.hardware.marks().reset();
    world_.hardware.marks().audit_reset(Pfn(0), world_.hardware.frames());
  }

 private:
  void apply(unsigned operation) {
    const CpuId cpu(operation % world_.hardware.machine().cpus);
    switch (operation) {
      case 0: case 1: return take(cpu, 0, Gfp{});
      case 2: return take(cpu, 1, kGfpHigh);
      case 3: return take(cpu, 2, kGfpWait);
      case 4: {
        const Outcome<Pfn> got = world_.pages.allocate_exact(cpu, PageCount(3), {.gfp = kGfpWait});
        if (got) held_.push_back({*got, PageCount(3), 0, true});
        return;
      }
      case 5: return release(0);
      case 6: return release(held_.size() - 1);
      case 7: return world_.pages.drain(CpuId(0), CpuId(world_.hardware.machine().cpus - 1));
      default: return take(cpu, 3, Gfp{});
    }
  }
  void take(CpuId cpu, unsigned order, Gfp gfp) {
    const Outcome<Pfn> got = world_.pages.allocate(cpu, {.order = Order(order), .gfp = gfp});
    if (got) held_.push_back({*got, PageCount(0), order, false});
  }
  void release(std::size_t index) {
    if (index >= held_.size()) return;
    const Held held = held_[index];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
    const CpuId cpu(static_cast<unsigned>(held.first.raw() % world_.hardware.machine().cpus));
    if (held.is_exact) return world_.pages.free_exact(cpu, held.first, held.pages);
    world_.pages.free(cpu, held.first, Order(held.order));
  }
  void expect_frames_add_up() {
    std::uint64_t all = 0;
    for (const Held& held : held_) all += held.is_exact ? held.pages.raw() : std::uint64_t{1} << held.order;
    std::uint64_t managed = 0;
    for (unsigned zone = 0; zone < kMaxZones; ++zone) {
      if (world_.pages.zone(zone) == nullptr) continue;
      managed += world_.pages.zone(zone)->zone().managed;
      all += world_.pages.zone(zone)->zone().free;
      for (unsigned cpu = 0; cpu < world_.hardware.machine().cpus; ++cpu) {
        all += world_.pages.list(CpuId(cpu), zone).length();
      }
    }
    ASSERT_EQ(all, managed);
  }

  PhysWorld world_;
  std::vector<Held> held_;
};

void play_all(const MachineDescription& machine, unsigned length) {
  SmallWorld world(machine);
  unsigned sequences = 1;
  for (unsigned i = 0; i < length; ++i) sequences *= SmallWorld::kOperations;
  for (unsigned sequence = 0; sequence < sequences; ++sequence) {
    world.play(sequence, length);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(SmallWorlds, SixteenFramesOneCpu) { play_all(one_zone(0, 16), 5); }

TEST(SmallWorlds, ThirteenUnalignedFramesTwoCpusAndAWatermark) {
  MachineDescription machine = one_zone(3, 13);
  machine.cpus = 2;
  machine.watermark_min = 3;
  play_all(machine, 4);
}

TEST(SmallWorlds, ListsOfOneFrame) {
  MachineDescription machine = one_zone(0, 16);
  machine.pcp_batch = 1;
  machine.pcp_high = 1;
  play_all(machine, 4);
}

TEST(SmallWorlds, TwoNodesWithDmaAndAHole) {
  MachineDescription machine = one_zone(8, 24);
  machine.nodes = 2;
  machine.cpus = 2;
  machine.cpu_node = {0, 1};
  machine.node[0].zones[static_cast<unsigned>(ZoneKind::kDma)] = {Pfn(0), PageCount(8)};
  machine.node[1].zones[static_cast<unsigned>(ZoneKind::kNormal)] = {Pfn(32), PageCount(32)};
  machine.distance[0] = {10, 20, 0, 0};
  machine.distance[1] = {20, 10, 0, 0};
  machine.hole[0] = {Pfn(18), PageCount(3)};
  machine.lowmem_ratio = 8;
  play_all(machine, 4);
}

// The same answers from a machine that was reset and from a new one: nothing of the last program is left.
TEST(SmallWorlds, ResetMachinesAnswerLikeNewOnes) {
  const MachineDescription machine = one_zone(0, 24);
  PhysWorld used(machine);
  for (unsigned seed = 0; seed < 200; ++seed) {
    PhysWorld fresh(machine);
    std::uint64_t random = seed * 0x9e3779b97f4a7c15 + 1;
    std::vector<Pfn> held;
    for (unsigned step = 0; step < 40; ++step) {
      random = random * 6364136223846793005 + 1442695040888963407;
      if (random >> 63 == 0 || held.empty()) {
        const Outcome<Pfn> a = used.allocate(0);
        const Outcome<Pfn> b = fresh.allocate(0);
        ASSERT_EQ(a.is_ok(), b.is_ok());
        if (!a) continue;
        ASSERT_EQ(*a, *b);
        held.push_back(*a);
      } else {
        const std::size_t index = (random >> 32) % held.size();
        used.free(held[index], 0);
        fresh.free(held[index], 0);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(index));
      }
      ASSERT_EQ(used.recorder.names(), fresh.recorder.names());
    }
    used.hardware.marks().reset();
  }
}

}  // namespace
}  // namespace mmtwin::impl::test
