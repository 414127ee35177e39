// LoadedTables: which CPU has which tables loaded under which ASID, and how what it cached of them is flushed.
//
// Laws: TLB-1, TLB-2. Context: a CPU loads and unloads for itself; flush() is called by whoever changed entries, with
// the tree's lock held, and returns when every CPU that could use an old translation has dropped it. Cost: loading is a
// scan of the CPU's ASIDs; a flush is one interrupt per CPU that runs the space's code. It deliberately does not know
// why something is flushed. Source of the scheme: Linux Documentation/arch/x86/pti.rst and tlb.rst (ASIDs,
// generations).
//
// A lazy CPU is not interrupted unless tables are freed: it runs no user code, and before it does again it compares
// generations. A CPU that loaded another space keeps entries under the old ASID; the same comparison guards them.
#pragma once

#include <cstdint>
#include <cstdio>

#include "impl/base/audit.h"
#include "impl/pgtable/table_tree.h"
#include "impl/platform/hardware.h"
#include "impl/platform/mmu.h"
#include "version/shared_word.h"
#include "vocab/units.h"

namespace mmtwin::impl {

// What is to be dropped.
struct Flush {
  bool whole_space;   // everything of the ASID; else the page alone
  Vpn page;
  bool tables_freed;  // lazy CPUs must drop their walk caches too
};

template <class Geometry>
class LoadedTables final : public InterruptHandler {
 public:
  // Handles Interrupt::kFlushTlb from then on.
  LoadedTables(Hardware& hardware, Mmu<Geometry>& mmu);

  // A number for a new tree.
  std::uint64_t new_context();

  // User code of the tree's space may run on the CPU. Nothing happens if it already may. False: the tree was expelled.
  [[nodiscard]] bool load(CpuId cpu, Ref<TableTree> tree);
  // Lazy: keeps the tables loaded. Nothing happens if no user code runs.
  void unload(CpuId cpu);
  // The tree is about to be freed: every CPU that has it loaded loads the kernel root, and none loads it again.
  void expel(CpuId cpu, Ref<TableTree> tree);
  void flush(CpuId cpu, Ref<TableTree> tree, const Flush& what);

  // The tables that are loaded on the CPU, lazily or not; none: the kernel root.
  Ref<TableTree> loaded(CpuId cpu) const { return {load_relaxed(cpus_[cpu.raw()].tree.offset)}; }

  void on_interrupt(CpuId from, CpuId at, std::uint64_t argument) override;

  void dump(std::FILE* to) const;
  // `loaded_on` of the tree names just the CPUs that have it loaded.
  void audit(Audit& audit, Ref<TableTree> tree) const;

 private:
  struct Slot {
    std::uint64_t context;  // 0: never given
    std::uint64_t generation;
  };
  struct PerCpu {
    Ref<TableTree> tree;
    std::uint32_t next;  // slot to be given next
    Slot slots[Geometry::kAsids];  // of ASID 1, 2, ...
  };
  struct Request {
    Ref<TableTree> tree;
    std::uint64_t generation;
    Flush what;
    bool expels;
  };

  static constexpr std::uint32_t kClosed = 1u << 31;  // of TableTree::loaded_on, beside the CPUs' bits

  bool load_inside(CpuId cpu, Ref<TableTree> tree);
  void ask(CpuId cpu, std::uint32_t cpus, const Request& request);
  void serve(CpuId at, const Request& request);
  bool join(Ref<TableTree> tree, CpuId cpu);
  void part(Ref<TableTree> tree, CpuId cpu);

  Hardware& hardware_;
  Mmu<Geometry>& mmu_;
  PerCpu* cpus_;                 // in boot memory
  std::uint64_t* last_context_;  // in boot memory
};

}  // namespace mmtwin::impl
