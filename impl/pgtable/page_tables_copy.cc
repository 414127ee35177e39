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
  Ref<TableTree> parent;
  Ref<TableTree> child;
  PageSpan pages;
  PendingFlush& pending;
  std::uint64_t resident = 0;
};

template <class Geometry>
Outcome<Done> PageTables<Geometry>::copy_leaf(Copy& c, Pfn table, Pfn child_table, std::uint64_t page) {
  Ram& ram = hardware_.ram();
  const unsigned index = static_cast<unsigned>(index_at<Geometry>(page, 0));
  const std::uint64_t entry = ram.load_entry(table, index);
  if (!is_present(entry)) return Done{};
  if (is_special(entry)) {
    ram.store_entry(c.cpu, child_table, index, entry & ~kEntryAccessed);
    return Done{};
  }
  const Pfn frame(frame_of(entry));
  if (!pages_.try_get(frame)) return Refusal::kNoMemory;
  std::uint64_t shared = write_protected(entry);
  if (is_writable(entry)) {
    shared = write_protected(ram.change_entry(c.cpu, table, index, kEntryWritable, 0));
    c.pending.add_page(Vpn(page));
  }
  set_exclusive(hardware_, frame, false);
  add_mapping(hardware_, frame);
  ++c.resident;
  ram.store_entry(c.cpu, child_table, index, shared & ~kEntryAccessed);
  return Done{};
}

// What lies in the span of one leaf table of the parent. The child's table is made before the parent's lock is taken,
// since that may wait.
template <class Geometry>
Outcome<Done> PageTables<Geometry>::copy_leaves(Copy& c, Pfn table, PageSpan pages) {
  std::uint64_t page = pages.first.raw();
  const auto is_mapped = [&] {
    return is_present(hardware_.ram().load_entry(table, static_cast<unsigned>(index_at<Geometry>(page, 0))));
  };
  while (page < pages.end.raw() && !is_mapped()) ++page;
  if (page == pages.end.raw()) return Done{};
  const Outcome<Pfn> child_table = reach(c.cpu, c.child, Vpn(page));
  if (!child_table) return child_table.refusal();
  const LockGuard guard(hardware_, c.cpu, LockClass::kTables, c.parent.offset, hardware_.ram().edit(c.parent).lock);
  for (; page < pages.end.raw(); ++page) {
    const Outcome<Done> copied = copy_leaf(c, table, *child_table, page);
    if (!copied) return copied;
  }
  return Done{};
}

template <class Geometry>
Outcome<Done> PageTables<Geometry>::copy_table(Copy& c, Pfn table, unsigned level, std::uint64_t base) {
  const std::uint64_t span = span_pages<Geometry>(level);
  const std::uint64_t end = std::min(c.pages.end.raw(), base + span * Geometry::kEntriesPerTable);
  const std::uint64_t first = std::max(c.pages.first.raw(), base);
  if (level == 0) return copy_leaves(c, table, {Vpn(first), Vpn(end)});
  for (std::uint64_t at = first; at < end; at = (at / span + 1) * span) {
    const unsigned index = static_cast<unsigned>(index_at<Geometry>(at, level));
    const std::uint64_t entry = hardware_.ram().load_entry(table, index);
    if (!is_present(entry)) continue;
    const Outcome<Done> copied = copy_table(c, Pfn(frame_of(entry)), level - 1, at / span * span);
    if (!copied) return copied;
  }
  return Done{};
}

template <class Geometry>
Outcome<Done> PageTables<Geometry>::copy(CpuId cpu, Ref<TableTree> parent, Ref<TableTree> child, PageSpan pages,
                                         PendingFlush& pending) {
  Copy c{.cpu = cpu, .parent = parent, .child = child, .pages = pages, .pending = pending};
  const Outcome<Done> copied = copy_table(c, Pfn(hardware_.ram().at(parent).root), kRootLevel, 0);
  if (c.resident != 0) hardware_.ram().edit(child).resident += c.resident;
  return copied;
}

template Outcome<Done> PageTables<X86Geometry>::copy(CpuId, Ref<TableTree>, Ref<TableTree>, PageSpan, PendingFlush&);
template Outcome<Done> PageTables<SmallGeometry>::copy(CpuId, Ref<TableTree>, Ref<TableTree>, PageSpan, PendingFlush&);

}  // namespace mmtwin::impl
