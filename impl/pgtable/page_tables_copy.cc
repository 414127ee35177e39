// Copying a parent's pages to its child: shared, and writable by neither.

#include <algorithm>

#include "impl/pgtable/address_rules.h"
#include "impl/pgtable/page_tables.h"
#include "impl/phys/frame.h"
#include "impl/platform/lock_guard.h"

namespace mmtwin::impl {
namespace {

constexpr unsigned kRootLevel = 3;

}  // namespace

template <class Geometry>
struct PageTables<Geometry>::Copy {
  CpuId cpu;
  Ref<TableTree> child;
  PageSpan pages;
  PendingFlush& pending;
  Pfn child_table{};             // leaf table of the child for the leaf table being read
  bool has_child_table = false;
  std::uint64_t resident = 0;
};

template <class Geometry>
Outcome<Done> PageTables<Geometry>::copy_leaf(Copy& c, Pfn table, unsigned index, std::uint64_t page,
                                              std::uint64_t entry) {
  Ram& ram = hardware_.ram();
  if (!c.has_child_table) {
    const Outcome<Pfn> reached = reach(c.cpu, c.child, Vpn(page));
    if (!reached) return reached.refusal();
    c.child_table = *reached;
    c.has_child_table = true;
  }
  if (is_special(entry)) {
    ram.store_entry(c.cpu, c.child_table, index, entry & ~kEntryAccessed);
    return Done{};
  }
  const Pfn frame(frame_of(entry));
  if (!pages_.try_get(frame)) return Refusal::kNoMemory;
  std::uint64_t shared = write_protected(entry);
  if (is_writable(entry)) {
    shared |= ram.exchange_entry(c.cpu, table, index, shared) & (kEntryAccessed | kEntryDirty);
    c.pending.add_page(Vpn(page));
  }
  set_exclusive(hardware_, frame, false);
  add_mapping(hardware_, frame);
  ++c.resident;
  ram.store_entry(c.cpu, c.child_table, index, shared & ~kEntryAccessed);
  return Done{};
}

template <class Geometry>
Outcome<Done> PageTables<Geometry>::copy_table(Copy& c, Pfn table, unsigned level, std::uint64_t base) {
  const std::uint64_t span = span_pages<Geometry>(level);
  const std::uint64_t end = std::min(c.pages.end.raw(), base + span * Geometry::kEntriesPerTable);
  if (level == 0) c.has_child_table = false;
  for (std::uint64_t at = std::max(c.pages.first.raw(), base); at < end; at = (at / span + 1) * span) {
    const unsigned index = static_cast<unsigned>(index_at<Geometry>(at, level));
    const std::uint64_t entry = hardware_.ram().load_entry(table, index);
    if (!is_present(entry)) continue;
    const Outcome<Done> copied = level == 0 ? copy_leaf(c, table, index, at, entry)
                                            : copy_table(c, Pfn(frame_of(entry)), level - 1, at / span * span);
    if (!copied) return copied;
  }
  return Done{};
}

template <class Geometry>
Outcome<Done> PageTables<Geometry>::copy(CpuId cpu, Ref<TableTree> parent, Ref<TableTree> child, PageSpan pages,
                                         PendingFlush& pending) {
  const LockGuard guard(hardware_.ram().edit(parent).lock);
  Copy c{.cpu = cpu, .child = child, .pages = pages, .pending = pending};
  const Outcome<Done> copied = copy_table(c, Pfn(hardware_.ram().at(parent).root), kRootLevel, 0);
  if (c.resident != 0) hardware_.ram().edit(child).resident += c.resident;
  return copied;
}

template Outcome<Done> PageTables<X86Geometry>::copy(CpuId, Ref<TableTree>, Ref<TableTree>, PageSpan, PendingFlush&);
template Outcome<Done> PageTables<SmallGeometry>::copy(CpuId, Ref<TableTree>, Ref<TableTree>, PageSpan, PendingFlush&);

}  // namespace mmtwin::impl
