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
constexpr CpuId kCpu{0};

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
        for (std::uint64_t i = 0; i < kPairs; ++i) {
          const impl::Outcome<Pfn> frame = both.pages.allocate(kCpu, request_of(order));
          keep(frame.value());
          both.pages.free(kCpu, frame.value(), Order(order));
        }
      },
      [&] {
        for (std::uint64_t i = 0; i < kPairs; ++i) {
          const std::uint64_t frame = both.yardstick.allocate(order, 0);
          keep(frame);
          both.yardstick.free(frame, order, 0);
        }
      });
}

// `burst` single frames taken, then all freed in the same order; counted per pair.
Measured bursts(const Settings& settings, Both& both, std::string name, std::uint64_t burst) {
  const std::uint64_t rounds = kPairs / 4 / burst;
  return compare(settings, std::move(name), "linux_like", rounds * burst,
      [&] {
        for (std::uint64_t round = 0; round < rounds; ++round) {
          for (std::uint64_t i = 0; i < burst; ++i) {
            both.held[i] = both.pages.allocate(kCpu, request_of(0)).value().raw();
          }
          for (std::uint64_t i = 0; i < burst; ++i) both.pages.free(kCpu, Pfn(both.held[i]), Order(0));
        }
      },
      [&] {
        for (std::uint64_t round = 0; round < rounds; ++round) {
          for (std::uint64_t i = 0; i < burst; ++i) both.held[i] = both.yardstick.allocate(0, 0);
          for (std::uint64_t i = 0; i < burst; ++i) both.yardstick.free(both.held[i], 0, 0);
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
