// Taking pages and tables away: cleared, flushed, freed, in that order.

#include <algorithm>

#include "impl/pgtable/address_rules.h"
#include "impl/pgtable/page_tables.h"
#include "impl/phys/frame.h"
#include "impl/platform/lock_guard.h"

namespace mmtwin::impl {
namespace {

constexpr unsigned kRootLevel = 3;
constexpr std::uint64_t kTableTag = std::uint64_t{1} << 63;
constexpr unsigned kMostGathered = 64;

}  // namespace

template <class Geometry>
struct PageTables<Geometry>::Sweep {
  // Leaves the batch junk: an unmap of one page should not clear half a kilobyte.
  Sweep(CpuId acting, Ref<TableTree> of, PageSpan span, PageSpan empty, bool may_be_cached)
      : cpu(acting), tree(of), pages(span), hole(empty), flushes(may_be_cached) {}

  CpuId cpu;
  Ref<TableTree> tree;
  PageSpan pages;
  PageSpan hole;
  bool flushes;             // false: no CPU has the tree loaded, nothing is cached
  unsigned count = 0;
  std::uint64_t resident = 0;  // taken away since the tree's counters were last corrected
  std::uint32_t tables = 0;
  PendingFlush pending{};
  std::uint64_t gathered[kMostGathered];  // frame numbers, tables tagged; junk beyond count
};

template <class Geometry>
void PageTables<Geometry>::release(CpuId cpu, std::uint64_t tagged) {
  if ((tagged & kTableTag) != 0)
    pages_.free(cpu, Pfn(tagged & ~kTableTag), Order(0));
  else
    pages_.put(cpu, Pfn(tagged));
}

template <class Geometry>
void PageTables<Geometry>::settle(Sweep& s) {
  if (s.flushes) flush(s.cpu, s.tree, s.pending);
  for (unsigned i = 0; i < s.count; ++i) release(s.cpu, s.gathered[i]);
  s.count = 0;
}

template <class Geometry>
void PageTables<Geometry>::gather(Sweep& s, Pfn frame, bool is_table) {
  const std::uint64_t tagged = frame.raw() | (is_table ? kTableTag : 0);
  if (!s.flushes) {
    release(s.cpu, tagged);
    return;
  }
  s.gathered[s.count++] = tagged;
  if (s.count == batch_) settle(s);
}

template <class Geometry>
void PageTables<Geometry>::clear_leaf(Sweep& s, Pfn table, unsigned index, std::uint64_t page, std::uint64_t entry) {
  if (s.flushes)
    hardware_.ram().exchange_entry(s.cpu, table, index, 0);
  else
    hardware_.ram().store_entry(s.cpu, table, index, 0);
  s.pending.add_page(Vpn(page));
  if (is_special(entry)) return;
  const Pfn frame(frame_of(entry));
  remove_mapping(hardware_, frame);
  ++s.resident;
  gather(s, frame, false);
}

template <class Geometry>
void PageTables<Geometry>::sweep(Sweep& s, Pfn table, unsigned level, std::uint64_t base) {
  const std::uint64_t span = span_pages<Geometry>(level);
  const std::uint64_t end = std::min(s.pages.end.raw(), base + span * Geometry::kEntriesPerTable);
  for (std::uint64_t at = std::max(s.pages.first.raw(), base); at < end; at = (at / span + 1) * span) {
    const unsigned index = static_cast<unsigned>(index_at<Geometry>(at, level));
    const std::uint64_t entry = hardware_.ram().load_entry(table, index);
    if (!is_present(entry)) continue;
    if (level == 0) {
      clear_leaf(s, table, index, at, entry);
      continue;
    }
    const std::uint64_t first = at / span * span;
    const Pfn child(frame_of(entry));
    sweep(s, child, level - 1, first);
    if (first < s.hole.first.raw() || first + span > s.hole.end.raw()) continue;
    hardware_.ram().store_entry(s.cpu, table, index, 0);
    s.pending.add_freed_table();
    ++s.tables;
    gather(s, child, true);
  }
}

template <class Geometry>
void PageTables<Geometry>::finish_sweep(Sweep& s) {
  settle(s);
  if (s.resident == 0 && s.tables == 0) return;
  TableTree& t = hardware_.ram().edit(s.tree);
  t.resident -= s.resident;
  t.tables -= s.tables;
}

template <class Geometry>
void PageTables<Geometry>::unmap(CpuId cpu, Ref<TableTree> tree, PageSpan pages, PageSpan hole) {
  const LockGuard guard(hardware_, cpu, LockClass::kTables, tree.offset, hardware_.ram().edit(tree).lock);
  Sweep s(cpu, tree, pages, hole, true);
  sweep(s, Pfn(hardware_.ram().at(tree).root), kRootLevel, 0);
  finish_sweep(s);
}

template <class Geometry>
void PageTables<Geometry>::destroy(CpuId cpu, Ref<TableTree> tree) {
  const PageSpan all{Vpn(0), Vpn(span_pages<Geometry>(kRootLevel) * Geometry::kEntriesPerTable)};
  const Pfn root(hardware_.ram().at(tree).root);
  check(hardware_.ram().at(tree).loaded_on << 1 == 0, "TLB-2: tables are freed only when no CPU has them loaded");
  {
    const LockGuard guard(hardware_, cpu, LockClass::kTables, tree.offset, hardware_.ram().edit(tree).lock);
    Sweep s(cpu, tree, all, all, false);
    sweep(s, root, kRootLevel, 0);
    finish_sweep(s);
  }
  TableTree& t = hardware_.ram().edit(tree);
  check(t.tables == 1 && t.resident == 0, "ACCT-2: nothing but the root is left of an ended space");
  t.tables = 0;
  t.root = kNoFrame;
  pages_.free(cpu, root, Order(0));
}

template void PageTables<X86Geometry>::unmap(CpuId, Ref<TableTree>, PageSpan, PageSpan);
template void PageTables<X86Geometry>::destroy(CpuId, Ref<TableTree>);
template void PageTables<SmallGeometry>::unmap(CpuId, Ref<TableTree>, PageSpan, PageSpan);
template void PageTables<SmallGeometry>::destroy(CpuId, Ref<TableTree>);

}  // namespace mmtwin::impl
