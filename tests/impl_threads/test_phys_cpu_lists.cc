// Real threads, one a CPU, on one page allocator: lists without locks, drained by others all the time.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "impl/phys/frame.h"
#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"

namespace mmtwin::impl {
namespace {

constexpr unsigned kNormalZone = static_cast<unsigned>(ZoneKind::kNormal);  // of node 0

MachineDescription four_cpus(std::uint64_t frames, std::uint16_t batch, std::uint16_t high) {
  MachineDescription machine;
  machine.node[0].zones[static_cast<unsigned>(ZoneKind::kNormal)] = {Pfn(0), PageCount(frames)};
  machine.distance[0][0] = 10;
  machine.cpus = 4;
  machine.watermark_min = 0;
  machine.pcp_batch = batch;
  machine.pcp_high = high;
  return machine;
}

std::uint64_t next(std::uint64_t& random) { return random = random * 6364136223846793005 + 1442695040888963407; }

// Takes and frees blocks at random; marks each as its own while it holds it.
class Worker {
 public:
  Worker(Hardware& hardware, PageAllocator& pages, std::vector<std::atomic<unsigned>>& owners, unsigned cpu)
      : hardware_(hardware), pages_(pages), owners_(owners), cpu_(cpu), random_(cpu + 1) {}

  void run(unsigned steps) {
    for (unsigned step = 0; step < steps; ++step) {
      const std::uint64_t random = next(random_) >> 32;
      if (random % 64 == 0) {
        pages_.drain(CpuId(cpu_), CpuId(static_cast<unsigned>(random >> 8) % 4));
      } else if (held_.size() < 24 && (held_.empty() || random % 2 == 0)) {
        take(random % 16 == 2 ? Order(2) : Order(0));
      } else {
        give((random >> 8) % held_.size());
      }
    }
    while (!held_.empty()) give(held_.size() - 1);
  }
  unsigned collisions() const { return collisions_; }

 private:
  struct Held {
    Pfn head;
    Order order;
  };
  void take(Order order) {
    const Outcome<Pfn> got = pages_.allocate(CpuId(cpu_), {.order = order, .gfp = kGfpWait});
    if (!got) return;
    for (std::uint64_t i = 0; i < pages_in(order).raw(); ++i) {
      if (owners_[got->raw() + i].exchange(cpu_ + 1) != 0) ++collisions_;
      hardware_.ram().write(*got + PageCount(i), 0, 8, cpu_);
    }
    held_.push_back({*got, order});
  }
  void give(std::size_t index) {
    const Held held = held_[index];
    held_[index] = held_.back();
    held_.pop_back();
    for (std::uint64_t i = 0; i < pages_in(held.order).raw(); ++i) {
      if (hardware_.ram().read(held.head + PageCount(i), 0, 8) != cpu_) ++collisions_;
      if (owners_[held.head.raw() + i].exchange(0) != cpu_ + 1) ++collisions_;
    }
    pages_.free(CpuId(cpu_), held.head, held.order);
  }

  Hardware& hardware_;
  PageAllocator& pages_;
  std::vector<std::atomic<unsigned>>& owners_;
  unsigned cpu_;
  std::uint64_t random_;
  unsigned collisions_ = 0;
  std::vector<Held> held_;
};

void run_workers(const MachineDescription& machine, unsigned steps) {
  Hardware hardware(machine);
  PageAllocator pages(hardware);
  std::vector<std::atomic<unsigned>> owners(hardware.frames());
  std::vector<Worker> workers;
  for (unsigned cpu = 0; cpu < 4; ++cpu) workers.emplace_back(hardware, pages, owners, cpu);
  {
    std::vector<std::jthread> threads;
    for (Worker& worker : workers) threads.emplace_back([&worker, steps] { worker.run(steps); });
  }
  for (const Worker& worker : workers) EXPECT_EQ(worker.collisions(), 0u);
  pages.drain_all(CpuId(0));
  EXPECT_EQ(pages.zone(kNormalZone)->zone().free, pages.zone(kNormalZone)->zone().managed);
  std::uint64_t listed = 0;
  for (unsigned cpu = 0; cpu < 4; ++cpu) listed += pages.list(CpuId(cpu), kNormalZone).length();
  EXPECT_EQ(listed, 0u);
}

TEST(CpuLists, NoFrameIsHandedOutTwiceWhileOthersDrain) { run_workers(four_cpus(4096, 8, 16), 20000); }

TEST(CpuLists, NorWhenMemoryIsShortAndEveryRequestDrains) { run_workers(four_cpus(64, 4, 6), 20000); }

TEST(CpuLists, TheLastOfRacingReferencesFreesTheFrame) {
  Hardware hardware(four_cpus(64, 4, 6));
  PageAllocator pages(hardware);
  for (unsigned round = 0; round < 500; ++round) {
    const Pfn frame = *pages.allocate(CpuId(0), {.role = Role::kAnon, .gfp = kGfpWait});
    for (unsigned i = 0; i < 3; ++i) EXPECT_TRUE(pages.try_get(frame));
    std::atomic<unsigned> freed{0};
    {
      std::vector<std::jthread> threads;
      for (unsigned cpu = 0; cpu < 4; ++cpu) {
        threads.emplace_back([&, cpu] { freed += pages.put(CpuId(cpu), frame) ? 1 : 0; });
      }
    }
    ASSERT_EQ(freed.load(), 1u);
  }
}

}  // namespace
}  // namespace mmtwin::impl
