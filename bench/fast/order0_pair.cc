// Page allocation beside the Linux-like yardstick: single frames, bursts that reach the zone, larger blocks.
#include <memory>
#include <vector>

#include "bench/measure.h"
#include "bench/yardstick/linux_like.h"
#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"

namespace mmtwin::bench {
namespace {

constexpr std::uint64_t kFrames = std::uint64_t{1} << 18;
constexpr std::uint64_t kPairs = 200000;

// One node and zone of 1 GiB, batches as the yardstick has them.
MachineDescription bench_machine() {
  MachineDescription machine;
  machine.geometry = GeometryName::kX86;
  machine.node[0].zones[static_cast<unsigned>(ZoneKind::kNormal)] = {Pfn(0), PageCount(kFrames)};
  machine.distance[0][0] = 10;
  machine.watermark_min = 1024;
  machine.pcp_batch = 63;
  machine.pcp_high = 378;
  return machine;
}

struct Both {
  impl::Hardware hardware{bench_machine()};
  impl::PageAllocator pages{hardware};
  LinuxLike yardstick{kFrames};
  std::vector<std::uint64_t> held = std::vector<std::uint64_t>(4096);
};

impl::PageRequest request_of(unsigned order) { return {.order = Order(order), .gfp = kGfpKernel}; }

// One block at a time, taken and freed. The order is a constant, as it is for those who call the allocator.
template <unsigned order>
Measured pairs(const Settings& settings, Both& both, std::string name) {
  return compare(settings, std::move(name), "linux_like", kPairs,
      [&] {
        impl::PageAllocator& pages = both.pages;
        const CpuId cpu(hidden(0u));
        for (std::uint64_t i = 0; i < kPairs; ++i) {
          const impl::Outcome<Pfn> frame = pages.allocate(cpu, request_of(order));
          keep(frame.value());
          pages.free(cpu, frame.value(), Order(order));
        }
      },
      [&] {
        LinuxLike& yardstick = both.yardstick;
        const unsigned cpu = hidden(0u);
        for (std::uint64_t i = 0; i < kPairs; ++i) {
          const std::uint64_t frame = yardstick.allocate(order, cpu);
          keep(frame);
          yardstick.free(frame, order, cpu);
        }
      });
}

// `burst` single frames taken, then all freed in the same order; counted per pair.
Measured bursts(const Settings& settings, Both& both, std::string name, std::uint64_t burst) {
  const std::uint64_t rounds = kPairs / 4 / burst;
  return compare(settings, std::move(name), "linux_like", rounds * burst,
      [&] {
        const CpuId cpu(hidden(0u));
        for (std::uint64_t round = 0; round < rounds; ++round) {
          for (std::uint64_t i = 0; i < burst; ++i) {
            both.held[i] = both.pages.allocate(cpu, request_of(0)).value().raw();
          }
          for (std::uint64_t i = 0; i < burst; ++i) both.pages.free(cpu, Pfn(both.held[i]), Order(0));
        }
      },
      [&] {
        const unsigned cpu = hidden(0u);
        for (std::uint64_t round = 0; round < rounds; ++round) {
          for (std::uint64_t i = 0; i < burst; ++i) both.held[i] = both.yardstick.allocate(0, cpu);
          for (std::uint64_t i = 0; i < burst; ++i) both.yardstick.free(both.held[i], 0, cpu);
        }
      });
}

std::vector<Measured> run(const Settings& settings) {
  const auto both = std::make_unique<Both>();
  return {pairs<0>(settings, *both, "order0_pair"), bursts(settings, *both, "order0_burst_32", 32),
          bursts(settings, *both, "order0_burst_4096", 4096), pairs<3>(settings, *both, "order3_pair"),
          pairs<9>(settings, *both, "order9_pair")};
}

const Registered kPages("pages", run);

}  // namespace
}  // namespace mmtwin::bench
