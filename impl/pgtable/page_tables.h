// PageTables: makes, changes, copies and frees the tables of a space.
//
// Laws: PT-1 (zeroed, then linked, then filled), PT-2 (a table goes with the last range in its span), TLB-2 (cleared,
// then flushed, then freed), COW-1, FRAME-2, ACCT-2. Context: the caller holds the space's lock, which protects entries
// and counters; the tree's own lock is taken inside to link tables and to change many entries. Lock order: space,
// tables, family, slab, zone. Cost: one load a level to find an entry; ranges are
// walked table by table, absent tables are skipped. It deliberately does not decide who may have which page.
//
// Frames and tables that are taken away are gathered, at most flush_batch of the machine, so that one flush covers
// many of them; a full batch is flushed and freed before the walk goes on.
#pragma once

#include <cstdint>
#include <cstdio>

#include "impl/base/audit.h"
#include "impl/base/outcome.h"
#include "impl/pgtable/entry_rules.h"
#include "impl/pgtable/loaded_tables.h"
#include "impl/pgtable/pending_flush.h"
#include "impl/pgtable/table_tree.h"
#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"
#include "vocab/flags.h"
#include "vocab/units.h"

namespace mmtwin::impl {

// Pages [first, end).
struct PageSpan {
  Vpn first;
  Vpn end;
};

// Where the entry of a page is. has_table=false: some table on the way is missing, and so is the entry.
struct LeafPlace {
  bool has_table;
  Pfn table;
  std::uint64_t entry;
};

template <class Geometry>
class PageTables {
 public:
  PageTables(Hardware& hardware, PageAllocator& pages, LoadedTables<Geometry>& loaded)
      : hardware_(hardware), pages_(pages), loaded_(loaded), batch_(hardware.machine().flush_batch) {}

  // Fills in all fields of `tree`, whose bytes are junk. Refusals: kOom.
  Outcome<Done> create(CpuId cpu, Ref<TableTree> tree);
  // Everything is unmapped and the root freed. No CPU may have the tree loaded.
  void destroy(CpuId cpu, Ref<TableTree> tree);

  LeafPlace find(Ref<TableTree> tree, Vpn page) const;
  // Makes `entry` the translation of a page that has none, and the tables on the way that `place` lacks. Refusals:
  // kOom, which leaves nothing behind but tables that the page's range justifies.
  Outcome<Done> map(CpuId cpu, Ref<TableTree> tree, const LeafPlace& place, Vpn page, std::uint64_t entry);
  // Changes rights or marks of the present entry at `place`, to the wider: nothing to flush.
  void widen(CpuId cpu, const LeafPlace& place, Vpn page, std::uint64_t entry);
  // Puts another frame where one was: cleared, flushed, set.
  void replace(CpuId cpu, Ref<TableTree> tree, const LeafPlace& place, Vpn page, std::uint64_t entry);

  // Takes away all pages of the span, and the tables whose span lies inside `hole`, where no range is.
  void unmap(CpuId cpu, Ref<TableTree> tree, PageSpan pages, PageSpan hole);
  // Entries lose the rights that `prot` does not give; exclusive pages gain those it gives. The caller flushes.
  void protect(CpuId cpu, Ref<TableTree> tree, PageSpan pages, Prot prot, PendingFlush& pending);
  // The child gets what the parent has in the span; both lose the right to write. The caller flushes the parent.
  // Refusals, in the middle, what was copied stays: kOom; kNoMemory, a page has as many references as one may have.
  Outcome<Done> copy(CpuId cpu, Ref<TableTree> parent, Ref<TableTree> child, PageSpan pages, PendingFlush& pending);

  void flush(CpuId cpu, Ref<TableTree> tree, PendingFlush& pending) {
    if (!pending.is_empty()) loaded_.flush(cpu, tree, pending.take());
  }

  void dump(Ref<TableTree> tree, std::FILE* to) const;
  // Counts tables and resident pages again; every mapped frame is a used one.
  void audit(Audit& audit, Ref<TableTree> tree) const;

 private:
  struct Sweep;
  struct Copy;
  struct Count {
    std::uint64_t resident = 0;
    std::uint32_t tables = 0;
  };

  Outcome<Pfn> reach(CpuId cpu, Ref<TableTree> tree, Vpn page);
  void sweep(Sweep& s, Pfn table, unsigned level, std::uint64_t base);
  void clear_leaf(Sweep& s, Pfn table, unsigned index, std::uint64_t page, std::uint64_t entry);
  void gather(Sweep& s, Pfn frame, bool is_table);
  void settle(Sweep& s);
  void release(CpuId cpu, std::uint64_t tagged);
  void finish_sweep(Sweep& s);
  template <class Visit>
  void for_each_leaf(Pfn table, unsigned level, std::uint64_t base, PageSpan pages, Visit&& visit) const;
  Outcome<Done> copy_table(Copy& c, Pfn table, unsigned level, std::uint64_t base);
  Outcome<Done> copy_leaves(Copy& c, Pfn table, PageSpan pages);
  Outcome<Done> copy_leaf(Copy& c, Pfn table, Pfn child_table, std::uint64_t page);
  void count_below(Audit& audit, Pfn table, unsigned level, Count& into) const;

  Hardware& hardware_;
  PageAllocator& pages_;
  LoadedTables<Geometry>& loaded_;
  unsigned batch_;  // frames that wait for one flush, at most
};

// Rights of a leaf for a page of a range with `prot`, before any doubt about sharing. A range without rights keeps its
// pages, out of the user's reach.
constexpr std::uint64_t rights_of(Prot prot) {
  return (prot.empty() ? 0 : kEntryUser) | (prot.has(kProtWrite) ? kEntryWritable : 0) |
         (prot.has(kProtExec) ? 0 : kEntryNoExecute);
}
inline constexpr std::uint64_t kRightsMask = kEntryUser | kEntryWritable | kEntryNoExecute;

// `entry` with just the rights `rights`.
constexpr std::uint64_t with_rights(std::uint64_t entry, std::uint64_t rights) {
  return (entry & ~kRightsMask) | rights;
}
// Does `after` deny something that `before` allowed?
constexpr bool loses_rights(std::uint64_t before, std::uint64_t after) {
  return (before & ~after & (kEntryUser | kEntryWritable)) != 0 || (after & ~before & kEntryNoExecute) != 0;
}
static_assert(loses_rights(kEntryUser, kEntryUser | kEntryNoExecute) && !loses_rights(kEntryNoExecute, kEntryUser));

}  // namespace mmtwin::impl
