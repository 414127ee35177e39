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
  point(Point::kContextTake);
  touches(last_context_, true, Point::kTouchSequence);
  return add_shared(*last_context_, std::uint64_t{1}) + 1;
}

// False: the tables are about to be freed, and no CPU may load them any more.
template <class Geometry>
bool LoadedTables<Geometry>::join(Ref<TableTree> tree, CpuId cpu) {
  point(Point::kTablesLoad);
  std::uint32_t& word = hardware_.ram().edit(tree).loaded_on;
  touches(&word, true, Point::kTouchSequence);
  std::uint32_t before = load_relaxed(word);
  do {
    if ((before & kClosed) != 0) return false;
  } while (!compare_exchange(word, before, before | std::uint32_t{1} << cpu.raw()));
  return true;
}

template <class Geometry>
void LoadedTables<Geometry>::part(Ref<TableTree> tree, CpuId cpu) {
  std::uint32_t& word = hardware_.ram().edit(tree).loaded_on;
  touches(&word, true, Point::kTouchSequence);
  clear_bits(word, std::uint32_t{1} << cpu.raw());
}

template <class Geometry>
bool LoadedTables<Geometry>::load(CpuId cpu, Ref<TableTree> tree) {
  touches(&hardware_.ram().at(tree).loaded_on, false, Point::kTouchSequence);
  if (loaded(cpu) == tree && mmu_.runs_user_code(cpu)) [[likely]] return true;
  // Visitors wait until all of it is done.
  mmu_.enter(cpu);
  const bool done = load_inside(cpu, tree);
  mmu_.leave(cpu);
  return done;
}

template <class Geometry>
bool LoadedTables<Geometry>::load_inside(CpuId cpu, Ref<TableTree> tree) {
  PerCpu& c = cpus_[cpu.raw()];
  // Before the generation is read, and a full fence: a flush that comes later sees this CPU and interrupts it.
  if (!join(tree, cpu)) return false;
  mmu_.wake(cpu);
  const Ref<TableTree> before = c.tree;
  store_relaxed(c.tree.offset, tree.offset);
  const TableTree& t = hardware_.ram().at(tree);
  touches(&t.loaded_on, false, Point::kTouchSequence);
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
  // Not earlier: who ends that space waits only for CPUs that have it loaded, and then frees its root.
  if (before != tree && !before.is_none()) part(before, cpu);
  return true;
}

template <class Geometry>
void LoadedTables<Geometry>::unload(CpuId cpu) {
  mmu_.enter(cpu);
  // Asked inside: a visitor that was waited for may have taken the tables away.
  if (mmu_.runs_user_code(cpu)) mmu_.unload(cpu);
  mmu_.leave(cpu);
}

template <class Geometry>
void LoadedTables<Geometry>::serve(CpuId at, const Request& request) {
  PerCpu& c = cpus_[at.raw()];
  if (c.tree != request.tree) return;
  if (request.expels) {
    mmu_.load_kernel(at);
    part(c.tree, at);
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
  point(Point::kTablesFlush);
  const Request request{tree, add_shared(t.generation, std::uint64_t{1}) + 1, what, false};
  touches(&t.loaded_on, true, Point::kTouchSequence);  // and the generation beside it
  std::uint32_t asked = load_acquire(t.loaded_on) & ~kClosed;
  for (unsigned i = 0; i < hardware_.machine().cpus && !what.tables_freed; ++i) {
    if (i != cpu.raw() && mmu_.is_lazy(CpuId(i))) asked &= ~(1u << i);
  }
  ask(cpu, asked, request);
}

// Here, if this CPU is one of them, and on the others.
template <class Geometry>
void LoadedTables<Geometry>::ask(CpuId cpu, std::uint32_t cpus, const Request& request) {
  const std::uint32_t own = 1u << cpu.raw();
  if ((cpus & own) != 0) {
    mmu_.enter(cpu);
    serve(cpu, request);
    mmu_.leave(cpu);
  }
  const std::uint32_t others = cpus & ~own;
  if (others == 0) return;
  const InterruptReason reason = request.expels ? InterruptReason::kLeave : InterruptReason::kFlush;
  hardware_.interrupts().send(cpu, others, Interrupt::kFlushTlb, reinterpret_cast<std::uint64_t>(&request),
                              {reason, Pfn(hardware_.ram().at(request.tree).root)});
}

template <class Geometry>
void LoadedTables<Geometry>::expel(CpuId cpu, Ref<TableTree> tree) {
  std::uint32_t& word = hardware_.ram().edit(tree).loaded_on;
  touches(&word, true, Point::kTouchSequence);
  set_bits(word, kClosed);
  ask(cpu, load_acquire(word) & ~kClosed, {tree, 0, {}, true});
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
void LoadedTables<Geometry>::audit(Audit& audit, Ref<TableTree> tree) const {
  const TableTree& t = hardware_.ram().at(tree);
  for (unsigned i = 0; i < hardware_.machine().cpus; ++i) {
    const bool is_loaded = cpus_[i].tree == tree;
    audit.claim(is_loaded == ((t.loaded_on >> i & 1) != 0), "TLB-2: a space knows which CPUs have it loaded");
    audit.claim(!is_loaded || mmu_.root(CpuId(i)).raw() == t.root, "TLB-1: the loaded root is the space's");
  }
}

template class LoadedTables<X86Geometry>;
template class LoadedTables<SmallGeometry>;

}  // namespace mmtwin::impl
