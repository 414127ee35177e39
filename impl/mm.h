// Mm: the memory manager of one machine, as whoever runs operations sees it.
//
// Laws: all; each is kept further down. Context: one operation at a time per CPU. Cost: a virtual call a verb; two
// implementations, one for each geometry. Everything but the host's own objects lives in simulated memory, so that
// reset() and a decoder see all of it. It deliberately knows neither handles nor operations: spaces are named by
// SpaceId, blocks by their frames, and every answer is a value or a refusal.
//
// The order of locks, outermost first: space, tables, family, slab, zone.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <span>

#include "impl/anon/anonymous_pages.h"
#include "impl/base/audit.h"
#include "impl/base/geometry.h"
#include "impl/base/outcome.h"
#include "impl/fault/faults.h"
#include "impl/pgtable/loaded_tables.h"
#include "impl/pgtable/page_tables.h"
#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"
#include "impl/platform/mmu.h"
#include "impl/slab/slab.h"
#include "impl/space/families.h"
#include "impl/space/spaces.h"
#include "vocab/events.h"
#include "vocab/flags.h"
#include "vocab/machine.h"
#include "vocab/units.h"

namespace mmtwin::impl {

// Where the space's object lies (impl/space/space.h), in bytes from the start of frame 0. 0: none.
struct SpaceId {
  std::uint64_t offset = 0;
  friend constexpr auto operator<=>(SpaceId, SpaceId) = default;
};

class Mm {
 public:
  Mm() = default;
  Mm(const Mm&) = delete;
  Mm& operator=(const Mm&) = delete;
  virtual ~Mm() = default;

  // Back to what the machine was when it had booted; lockstep builds only, elsewhere nothing. Boot is not narrated
  // again: who needs its events keeps those of the construction.
  virtual void reset() = 0;
  // Nobody hears boot's events but the sink given at construction.
  virtual void connect(EventSink* sink) = 0;
  virtual void begin_operation() = 0;

  // ---- pages ----
  // The first frame. A node that the machine does not have means any. Refusals: kOom.
  virtual Outcome<Pfn> pages_alloc(CpuId cpu, Order order, Gfp gfp, NodeId node) = 0;
  virtual Outcome<Pfn> pages_alloc_exact(CpuId cpu, PageCount pages, Gfp gfp, NodeId node) = 0;
  virtual void pages_free(CpuId cpu, Pfn first, Order order) = 0;
  virtual void pages_free_exact(CpuId cpu, Pfn first, PageCount pages) = 0;
  virtual void pages_drain(CpuId cpu, CpuId target) = 0;
  // Slab frames without objects go back.
  virtual void slab_shrink(CpuId cpu) = 0;

  // ---- spaces. Every verb but exit answers kKilled for a space that was ended for want of memory ----
  // Page aligned, 0: default. Refusals: kInvalid, kOom.
  virtual Outcome<SpaceId> space_create(CpuId cpu, Address heap_start, Address top) = 0;
  virtual Outcome<SpaceId> space_fork(CpuId cpu, SpaceId space) = 0;                      // kOom, kNoMemory
  virtual void space_exit(CpuId cpu, SpaceId space) = 0;
  virtual Outcome<Done> space_assume(CpuId cpu, SpaceId space, const MapRequest& request, bool gone) = 0;

  // ---- ranges: refusals as in impl/space/spaces.h ----
  virtual Outcome<std::uint64_t> range_map(CpuId cpu, SpaceId space, const MapRequest& request) = 0;
  virtual Outcome<Done> range_unmap(CpuId cpu, SpaceId space, Address at, ByteCount length) = 0;
  virtual Outcome<Done> range_protect(CpuId cpu, SpaceId space, Address at, ByteCount length, Prot prot) = 0;
  virtual BreakAnswer range_brk(CpuId cpu, SpaceId space, Address wanted) = 0;

  // ---- memory: `width` (1 to 8) bytes, little endian. Refusals: kSegvMapErr, kSegvAccErr, kBus, kOom (the space is
  // ended) ----
  virtual Outcome<std::uint64_t> memory_load(CpuId cpu, SpaceId space, Address at, unsigned width) = 0;
  virtual Outcome<std::uint64_t> memory_fetch(CpuId cpu, SpaceId space, Address at, unsigned width) = 0;
  virtual Outcome<Done> memory_store(CpuId cpu, SpaceId space, Address at, unsigned width, std::uint64_t value) = 0;

  // ---- processors. The last four do nothing on a CPU that runs no user code ----
  virtual Outcome<Done> cpu_switch(CpuId cpu, SpaceId space) = 0;  // none: lazy
  // A thread of the space, in the middle of an operation, has its CPU back from another one.
  virtual void cpu_return(CpuId cpu, SpaceId space) = 0;
  virtual void cpu_flush_page(CpuId cpu, Address at) = 0;
  virtual void cpu_flush_space(CpuId cpu) = 0;
  virtual void cpu_speculate(CpuId cpu, Address at) = 0;
  virtual void cpu_evict(CpuId cpu, Address at) = 0;

  // ---- world ----
  virtual void fail_next(std::uint64_t n) = 0;

  // ---- what the last verb changed, if it came after begin_operation() ----
  // Live or killed spaces whose ranges, tables or counters may have changed; no duplicates, no space that is gone.
  virtual std::span<const SpaceId> changed_spaces() const = 0;

  // ---- for decoders and dumps ----
  virtual Hardware& hardware() = 0;
  virtual const PageAllocator& pages() const = 0;
  virtual const Slab& slab() const = 0;
  virtual Pfn kernel_root() const = 0;
  virtual Pfn zero_page() const = 0;
  // The space loaded on the CPU, lazily or not; none: only the kernel root.
  virtual SpaceId loaded_space(CpuId cpu) const = 0;
  virtual bool runs_user_code(CpuId cpu) const = 0;
  virtual bool is_killed(SpaceId space) const = 0;
  virtual void dump(SpaceId space, std::FILE* to) = 0;
  // What is wrong, nullptr: nothing. Nothing is in flight.
  virtual const char* audit(SpaceId space) = 0;
  virtual const char* audit_machine() = 0;
};

template <class Geometry>
class MmOf final : public Mm {
 public:
  // Boots the machine, which tells `sink` (nullptr: nobody) what it takes.
  explicit MmOf(const MachineDescription& machine, EventSink* sink = nullptr);

  void reset() override;
  void connect(EventSink* sink) override { hardware_.connect(sink); }
  void begin_operation() override;
  Outcome<Pfn> pages_alloc(CpuId cpu, Order order, Gfp gfp, NodeId node) override;
  Outcome<Pfn> pages_alloc_exact(CpuId cpu, PageCount pages, Gfp gfp, NodeId node) override;
  void pages_free(CpuId cpu, Pfn first, Order order) override { pages_.free(cpu, first, order); }
  void pages_free_exact(CpuId cpu, Pfn first, PageCount pages) override { pages_.free_exact(cpu, first, pages); }
  void pages_drain(CpuId cpu, CpuId target) override { pages_.drain(cpu, target); }
  void slab_shrink(CpuId cpu) override { slab_.shrink(cpu); }
  Outcome<SpaceId> space_create(CpuId cpu, Address heap_start, Address top) override;
  Outcome<SpaceId> space_fork(CpuId cpu, SpaceId space) override;
  void space_exit(CpuId cpu, SpaceId space) override;
  Outcome<Done> space_assume(CpuId cpu, SpaceId space, const MapRequest& request, bool gone) override;
  Outcome<std::uint64_t> range_map(CpuId cpu, SpaceId space, const MapRequest& request) override;
  Outcome<Done> range_unmap(CpuId cpu, SpaceId space, Address at, ByteCount length) override;
  Outcome<Done> range_protect(CpuId cpu, SpaceId space, Address at, ByteCount length, Prot prot) override;
  BreakAnswer range_brk(CpuId cpu, SpaceId space, Address wanted) override;
  Outcome<std::uint64_t> memory_load(CpuId cpu, SpaceId space, Address at, unsigned width) override;
  Outcome<std::uint64_t> memory_fetch(CpuId cpu, SpaceId space, Address at, unsigned width) override;
  Outcome<Done> memory_store(CpuId cpu, SpaceId space, Address at, unsigned width, std::uint64_t value) override;
  Outcome<Done> cpu_switch(CpuId cpu, SpaceId space) override;
  void cpu_return(CpuId cpu, SpaceId space) override;
  void cpu_flush_page(CpuId cpu, Address at) override;
  void cpu_flush_space(CpuId cpu) override;
  void cpu_speculate(CpuId cpu, Address at) override;
  void cpu_evict(CpuId cpu, Address at) override;
  void fail_next(std::uint64_t n) override { hardware_.failures().fail_next(n); }
  std::span<const SpaceId> changed_spaces() const override { return {changed_.data(), changed_count_}; }
  Hardware& hardware() override { return hardware_; }
  const PageAllocator& pages() const override { return pages_; }
  const Slab& slab() const override { return slab_; }
  Pfn kernel_root() const override { return kernel_root_; }
  Pfn zero_page() const override { return zero_page_; }
  SpaceId loaded_space(CpuId cpu) const override { return {loaded_.loaded(cpu).offset}; }
  bool runs_user_code(CpuId cpu) const override { return mmu_.runs_user_code(cpu); }
  bool is_killed(SpaceId space) const override { return spaces_.at({space.offset}).killed != 0; }
  void dump(SpaceId space, std::FILE* to) override { spaces_.dump({space.offset}, to); }
  const char* audit(SpaceId space) override;
  const char* audit_machine() override;

  Mmu<Geometry>& mmu() { return mmu_; }

 private:
  static constexpr unsigned kMostChanged = 2;  // fork: parent and child

  static Ref<Space> ref(SpaceId space) { return {space.offset}; }
  // The CPU runs as a thread of the space from here on. Refusals: kKilled.
  Outcome<Done> enter(CpuId cpu, SpaceId space);
  // `space` is the `count`-th that the verb changes. Only lockstep builds compare: elsewhere CPUs run at the same time.
  void set_changed(unsigned count, SpaceId space) {
    if constexpr (!kNarrates) return;
    changed_[count - 1] = space;
    changed_count_ = count;
  }
  void forget_changed() {
    if constexpr (kNarrates) changed_count_ = 0;
  }
  // One try: false, and `missing` is the page that faults. Otherwise the bytes were read into or written from `value`.
  bool try_access(CpuId cpu, Address at, unsigned width, Access access, std::uint64_t& value, Vpn& missing);
  bool try_straddling(CpuId cpu, Address at, unsigned width, Access access, std::uint64_t& value, Vpn& missing);
  Outcome<std::uint64_t> access(CpuId cpu, SpaceId space, Address at, unsigned width, Access access,
                                std::uint64_t value);
  void transfer(Pfn frame, unsigned offset, unsigned width, Access access, std::uint64_t& value);

  Hardware hardware_;
  PageAllocator pages_;
  Slab slab_;
  Mmu<Geometry> mmu_;
  LoadedTables<Geometry> loaded_;
  PageTables<Geometry> tables_;
  Families families_;
  Spaces<Geometry> spaces_;
  AnonymousPages anonymous_;
  Faults<Geometry> faults_;
  Pfn kernel_root_;
  Pfn zero_page_;
  std::array<SpaceId, kMostChanged> changed_{};
  unsigned changed_count_ = 0;
};

}  // namespace mmtwin::impl
