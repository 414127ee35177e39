// Translation and faults: a TLB hit beside the barest table there can be, faults of both kinds, and what ranges cost.
#include <memory>
#include <vector>

#include "bench/measure.h"
#include "impl/mm.h"

namespace mmtwin::bench {
namespace {

using impl::MmOf;
using impl::X86Geometry;

constexpr std::uint64_t kFrames = std::uint64_t{1} << 16;
constexpr std::uint64_t kPages = 512;
constexpr std::uint64_t kBase = 0x10000000;
constexpr std::uint64_t kTlbEntries = 1024;
constexpr std::uint64_t kHits = 1000000;
constexpr CpuId kCpu{0};
constexpr Prot kRw = kProtRead | kProtWrite;

MachineDescription bench_machine() {
  MachineDescription machine;
  machine.geometry = GeometryName::kX86;
  machine.node[0].zones[static_cast<unsigned>(ZoneKind::kNormal)] = {Pfn(0), PageCount(kFrames)};
  machine.distance[0][0] = 10;
  machine.watermark_min = 1024;
  machine.pcp_batch = 63;
  machine.pcp_high = 2048;
  machine.tlb_entries = kTlbEntries;
  machine.walk_cache_entries = 32;
  machine.range_cap = 65530;
  return machine;
}

struct World {
  MmOf<X86Geometry> mm{bench_machine()};
  impl::SpaceId space = mm.space_create(kCpu, Address(0), Address(0)).value();

  World() { map(); }
  void map() {
    const impl::MapRequest request{kBase, kPages * kPageBytes, kRw, kMapFixed, 0, 0};
    keep(mm.range_map(kCpu, space, request).is_ok());
  }
  void unmap() { keep(mm.range_unmap(kCpu, space, Address(kBase), ByteCount(kPages * kPageBytes)).is_ok()); }
  void load_all() {
    for (std::uint64_t n = 0; n < kPages; ++n) keep(mm.memory_load(kCpu, space, page(n), 8).is_ok());
  }
  void store_all(std::uint64_t value) {
    for (std::uint64_t n = 0; n < kPages; ++n) keep(mm.memory_store(kCpu, space, page(n), 8, value).is_ok());
  }
  static Address page(std::uint64_t n) { return Address(kBase + n * kPageBytes); }
};

// The barest software TLB: one tag, one sum, and somebody to call when the tag is another.
struct BareTlb {
  struct Slot {
    std::uint64_t tag, addend;
  };
  std::vector<Slot> memory = std::vector<Slot>(kTlbEntries);
  Slot* slots = memory.data();
  std::uint64_t mask = kTlbEntries - 1;
  std::uint64_t misses = 0;

  BareTlb() {
    for (std::uint64_t n = 0; n < kPages; ++n) {
      const std::uint64_t at = kBase + n * kPageBytes;
      slots[at >> kPageShift & mask] = {at, 0x1000};
    }
  }
  [[gnu::noinline]] std::uint64_t miss(std::uint64_t at) {
    slots[at >> kPageShift & mask] = {at & ~(kPageBytes - 1), 0x1000};
    return ++misses;
  }
  std::uint64_t translate(std::uint64_t at) {
    const Slot& slot = slots[at >> kPageShift & mask];
    if (slot.tag == (at & ~(kPageBytes - 1))) [[likely]] return at + slot.addend;
    return miss(at);
  }
};

constexpr std::uint64_t next_address(std::uint64_t at) {
  return kBase + ((at + 0x9e3779b9) & (kPages * kPageBytes - 1));
}

std::vector<Measured> run_hits(const Settings& settings) {
  const auto world = std::make_unique<World>();
  world->store_all(1);
  auto& mmu = world->mm.mmu();
  const auto bare_table = std::make_unique<BareTlb>();
  BareTlb& bare = *bare_table;
  const auto ours = [&] {
    std::uint64_t sum = 0, at = kBase;
    for (std::uint64_t i = 0; i < kHits; ++i) {
      at = next_address(at);
      const std::optional<Pfn> frame = mmu.translate(kCpu, page_of(Address(at)), Access::kLoad);
      if (frame) sum += frame->raw() << kPageShift | (at & (kPageBytes - 1));
    }
    keep(sum);
  };
  const auto theirs = [&] {
    std::uint64_t sum = 0, at = kBase;
    for (std::uint64_t i = 0; i < kHits; ++i) {
      at = next_address(at);
      sum += bare.translate(at);
    }
    keep(sum);
  };
  std::vector<Measured> lines = {compare(settings, "tlb_hit", "bare_table", kHits, ours, theirs)};
  const auto whole_load = [&] {
    std::uint64_t sum = 0, at = kBase;
    for (std::uint64_t i = 0; i < kHits; ++i) {
      at = next_address(at);
      // One cache line a page: the data is not what is measured.
      const std::uint64_t page = at & ~(kPageBytes - 1);
      sum += world->mm.memory_load(kCpu, world->space, Address(page | (page >> 6 & 0xfc0)), 8).value();
    }
    keep(sum);
  };
  lines.push_back(compare(settings, "memory_load_hit", "bare_table", kHits, whole_load, theirs));
  return lines;
}

// Medians of what `step` takes per page; `prepare` is not counted.
template <class Prepare, class Step>
double per_page(const Settings& settings, Prepare&& prepare, Step&& step) {
  std::vector<double> times;
  for (unsigned round = 0; round < settings.rounds() * 4; ++round) {
    prepare();
    times.push_back(nanoseconds(step) / static_cast<double>(kPages));
  }
  return median(times);
}

Measured line(const char* name, double value) { return {name, value, "ns", {}, 0}; }

std::vector<Measured> run_faults(const Settings& settings) {
  const auto world = std::make_unique<World>();
  World& w = *world;
  const auto fresh = [&] {
    w.unmap();
    w.map();
  };
  const double read = per_page(settings, fresh, [&] { w.load_all(); });
  const double write = per_page(settings, fresh, [&] { w.store_all(1); });
  std::vector<Pfn> frames;
  for (std::uint64_t n = 0; n < kPages; ++n)
    frames.push_back(w.mm.pages_alloc(kCpu, Order(0), kGfpWait, kAnyNode).value());
  const double clear = per_page(settings, [] {}, [&] {
    for (const Pfn frame : frames) w.mm.hardware().ram().zero(kCpu, frame);
  });
  for (const Pfn frame : frames) w.mm.pages_free(kCpu, frame, Order(0));
  const double unmap = per_page(settings, [&] { w.map(), w.store_all(1); }, [&] { w.unmap(); });
  w.map();
  w.store_all(1);
  std::vector<double> forks, exits;
  for (unsigned round = 0; round < settings.rounds() * 4; ++round) {
    w.store_all(round);
    impl::SpaceId child;
    forks.push_back(nanoseconds([&] { child = w.mm.space_fork(kCpu, w.space).value(); }) / kPages);
    keep(w.mm.cpu_switch(kCpu, child).is_ok());
    exits.push_back(nanoseconds([&] { w.mm.space_exit(kCpu, child); }) / kPages);
  }
  return {line("fault_read_zero_page", read),   line("fault_write", write),
          line("fault_write_less_clear", write - clear), line("clear_4096_bytes", clear),
          line("unmap_per_page", unmap),        line("fork_per_page", median(forks)),
          line("exit_per_shared_page", median(exits))};
}

std::vector<Measured> run_ranges(const Settings& settings) {
  const auto world = std::make_unique<World>();
  World& w = *world;
  // Ranges that never merge: their offsets do not go on.
  for (std::uint64_t n = 0; n < 1000; ++n) {
    const impl::MapRequest request{0x20000000 + n * 2 * kPageBytes, kPageBytes, kRw, kMapFixed, 0, 0};
    keep(w.mm.range_map(kCpu, w.space, request).is_ok());
  }
  const double pair = per_page(settings, [] {}, [&] {
    for (std::uint64_t n = 0; n < kPages; ++n) {
      const auto at = w.mm.range_map(kCpu, w.space, {0, 4 * kPageBytes, kProtRead, {}, 0, 0});
      keep(w.mm.range_unmap(kCpu, w.space, Address(*at), ByteCount(4 * kPageBytes)).is_ok());
    }
  });
  const double protect = per_page(settings, [] {}, [&] {
    for (std::uint64_t n = 0; n < kPages; ++n) {
      const Prot prot = n % 2 == 0 ? kProtRead : kRw;
      keep(w.mm.range_protect(kCpu, w.space, World::page(7), ByteCount(kPageBytes), prot).is_ok());
    }
  });
  return {line("map_unmap_pair_1000_ranges", pair), line("protect_one_page", protect)};
}

const Registered kHitMeasures("tlb", run_hits);
const Registered kFaultMeasures("faults", run_faults);
const Registered kRangeMeasures("ranges", run_ranges);

}  // namespace
}  // namespace mmtwin::bench
