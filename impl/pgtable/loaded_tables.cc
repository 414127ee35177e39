#include "impl/pgtable/loaded_tables.h"

#include <cinttypes>

#include "version/point.h"
#include "version/shared_word.h"

namespace mmtwin::impl {

template <class Geometry>
LoadedTables<Geometry>::LoadedTables(Hardware& hardware, Mmu<Geometry>& mmu)
    : hardware_(hardware),
      mmu_(mmu),
      cpus_(hardware.boot_memory().place<PerCpu>(hardware.machine().cpus)),
      last_context_(hardware.boot_memory().place<std::uint64_t>()) {
  hardware.interrupts().connect(Interrupt::kFlushTlb, *this);
}

template <class Geometry>
std::uint64_t LoadedTables<Geometry>::new_context() {
  return add_shared(*last_context_, std::uint64_t{1}) + 1;
}

template <class Geometry>
void LoadedTables<Geometry>::set_loaded(Ref<TableTree> tree, CpuId cpu, bool is_loaded) {
  std::uint32_t& word = hardware_.ram().edit(tree).loaded_on;
  const std::uint32_t bit = std::uint32_t{1} << cpu.raw();
  std::uint32_t before = load_relaxed(word);
  while (!compare_exchange(word, before, is_loaded ? before | bit : before & ~bit)) {
  }
}

template <class Geometry>
void LoadedTables<Geometry>::load(CpuId cpu, Ref<TableTree> tree) {
  if (loaded(cpu) == tree && mmu_.runs_user_code(cpu)) [[likely]] return;
  // Visitors wait until all of it is done.
  mmu_.enter(cpu);
  load_inside(cpu, tree);
  mmu_.leave(cpu);
}

template <class Geometry>
void LoadedTables<Geometry>::load_inside(CpuId cpu, Ref<TableTree> tree) {
  PerCpu& c = cpus_[cpu.raw()];
  if (c.tree != tree && !c.tree.is_none()) set_loaded(c.tree, cpu, false);
  store_relaxed(c.tree.offset, tree.offset);
  mmu_.wake(cpu);
  // Before the generation is read, and a full fence: a flush that comes later sees this CPU and interrupts it.
  set_loaded(tree, cpu, true);
  point("tables.load");
  const TableTree& t = hardware_.ram().at(tree);
  const std::uint64_t generation = load_acquire(t.generation);
  unsigned slot = 0;
  while (slot < Geometry::kAsids && c.slots[slot].context != t.context) ++slot;
  bool flush = false;
  if (slot == Geometry::kAsids) {
    slot = c.next;
    c.next = (slot + 1) % Geometry::kAsids;
    flush = true;
  } else {
    flush = c.slots[slot].generation != generation;
  }
  c.slots[slot] = {t.context, generation};
  mmu_.load(cpu, Pfn(t.root), slot + 1, flush);
}

template <class Geometry>
void LoadedTables<Geometry>::unload(CpuId cpu) {
  if (!mmu_.runs_user_code(cpu)) return;
  mmu_.enter(cpu);
  mmu_.unload(cpu);
  mmu_.leave(cpu);
}

template <class Geometry>
void LoadedTables<Geometry>::serve(CpuId at, const Request& request) {
  PerCpu& c = cpus_[at.raw()];
  if (c.tree != request.tree) return;
  if (request.expels) {
    mmu_.load_kernel(at);
    set_loaded(c.tree, at, false);
    store_relaxed(c.tree.offset, std::uint64_t{0});
    return;
  }
  Slot& slot = c.slots[mmu_.asid(at) - 1];
  // A CPU that missed a flush while it was lazy catches up.
  if (request.what.whole_space || slot.generation + 1 != request.generation)
    mmu_.drop_all(at);
  else
    mmu_.drop_page(at, request.what.page);
  slot.generation = request.generation;
}

template <class Geometry>
void LoadedTables<Geometry>::on_interrupt(CpuId, CpuId at, std::uint64_t argument) {
  mmu_.visit(at);
  serve(at, *reinterpret_cast<const Request*>(argument));
  mmu_.end_visit(at);
}

template <class Geometry>
void LoadedTables<Geometry>::flush(CpuId cpu, Ref<TableTree> tree, const Flush& what) {
  TableTree& t = hardware_.ram().edit(tree);
  const Request request{tree, add_shared(t.generation, std::uint64_t{1}) + 1, what, false};
  point("tables.flush");
  const std::uint32_t loaded_on = load_acquire(t.loaded_on);
  for (unsigned i = 0; loaded_on >> i != 0; ++i) {
    if ((loaded_on >> i & 1) == 0) continue;
    const CpuId at(i);
    if (at == cpu) {
      mmu_.enter(cpu);
      serve(cpu, request);
      mmu_.leave(cpu);
    } else if (what.tables_freed || !mmu_.is_lazy(at)) {
      hardware_.interrupts().send(cpu, at, Interrupt::kFlushTlb, reinterpret_cast<std::uint64_t>(&request));
    }
  }
}

template <class Geometry>
void LoadedTables<Geometry>::expel(CpuId cpu, Ref<TableTree> tree) {
  const Request request{tree, 0, {}, true};
  const std::uint32_t loaded_on = load_acquire(hardware_.ram().at(tree).loaded_on);
  for (unsigned i = 0; loaded_on >> i != 0; ++i) {
    if ((loaded_on >> i & 1) == 0) continue;
    const CpuId at(i);
    if (at == cpu) {
      mmu_.enter(cpu);
      serve(cpu, request);
      mmu_.leave(cpu);
    } else {
      hardware_.interrupts().send(cpu, at, Interrupt::kFlushTlb, reinterpret_cast<std::uint64_t>(&request));
    }
  }
}

template <class Geometry>
void LoadedTables<Geometry>::dump(std::FILE* to) const {
  for (unsigned i = 0; i < hardware_.machine().cpus; ++i) {
    const PerCpu& c = cpus_[i];
    std::fprintf(to, "cpu %u tree 0x%" PRIx64 "\n", i, c.tree.offset);
    for (unsigned slot = 0; slot < Geometry::kAsids; ++slot)
      std::fprintf(to, "  asid %u context %" PRIu64 " generation %" PRIu64 "\n", slot + 1, c.slots[slot].context,
                   c.slots[slot].generation);
  }
}

template <class Geometry>
void LoadedTables<Geometry>::audit(Ref<TableTree> tree) const {
  const TableTree& t = hardware_.ram().at(tree);
  for (unsigned i = 0; i < hardware_.machine().cpus; ++i) {
    const bool is_loaded = cpus_[i].tree == tree;
    check(is_loaded == ((t.loaded_on >> i & 1) != 0), "TLB-2: a space knows which CPUs have it loaded");
    check(!is_loaded || mmu_.root(CpuId(i)).raw() == t.root, "TLB-1: the loaded root is the space's");
  }
}

template class LoadedTables<X86Geometry>;
template class LoadedTables<SmallGeometry>;

}  // namespace mmtwin::impl
