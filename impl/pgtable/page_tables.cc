#include "impl/pgtable/page_tables.h"

#include <algorithm>
#include <cinttypes>

#include "impl/pgtable/address_rules.h"
#include "impl/pgtable/walk_rules.h"
#include "impl/phys/frame.h"
#include "impl/platform/lock_guard.h"

namespace mmtwin::impl {
namespace {

constexpr unsigned kRootLevel = 3;
constexpr PageRequest kTableRequest{.role = Role::kTable, .gfp = kGfpWait | kGfpZero};
constexpr PageRequest kRootRequest{.role = Role::kRootTable, .gfp = kGfpWait | kGfpZero};

}  // namespace

template <class Geometry>
Outcome<Done> PageTables<Geometry>::create(CpuId cpu, Ref<TableTree> tree) {
  static_assert(Geometry::kLevels == kRootLevel + 1);
  const Outcome<Pfn> root = pages_.allocate(cpu, kRootRequest);
  if (!root) return root.refusal();
  hardware_.ram().edit(tree) = {.root = (*root).raw(), .context = loaded_.new_context(), .generation = 0, .resident = 0,
                                .tables = 1, .loaded_on = 0, .lock = {}};
  return Done{};
}

template <class Geometry>
LeafPlace PageTables<Geometry>::find(Ref<TableTree> tree, Vpn page) const {
  const Ram& ram = hardware_.ram();
  Pfn table(ram.at(tree).root);
  for (unsigned level = kRootLevel; level > 0; --level) {
    const std::uint64_t entry = ram.load_entry(table, static_cast<unsigned>(index_at<Geometry>(page.raw(), level)));
    if (!is_present(entry)) return {false, table, 0};
    table = Pfn(frame_of(entry));
  }
  return {true, table, ram.load_entry(table, static_cast<unsigned>(index_at<Geometry>(page.raw(), 0)))};
}

// The leaf table of the page. Tables are made without the tree's lock, since that may wait, and linked under it; the
// space's lock keeps others from linking one in the same place.
template <class Geometry>
Outcome<Pfn> PageTables<Geometry>::reach(CpuId cpu, Ref<TableTree> tree, Vpn page) {
  Ram& ram = hardware_.ram();
  Pfn table(ram.at(tree).root);
  for (unsigned level = kRootLevel; level > 0; --level) {
    const unsigned index = static_cast<unsigned>(index_at<Geometry>(page.raw(), level));
    const std::uint64_t entry = ram.load_entry(table, index);
    if (is_present(entry)) [[likely]] {
      table = Pfn(frame_of(entry));
      continue;
    }
    const Outcome<Pfn> fresh = pages_.allocate(cpu, kTableRequest);
    if (!fresh) return fresh.refusal();
    const LockGuard guard(hardware_, cpu, LockClass::kTables, tree.offset, ram.edit(tree).lock);
    ram.store_entry(cpu, table, index, make_table<std::uint64_t>((*fresh).raw()));
    ++ram.edit(tree).tables;
    table = *fresh;
  }
  return table;
}

template <class Geometry>
Outcome<Done> PageTables<Geometry>::map(CpuId cpu, Ref<TableTree> tree, const LeafPlace& place, Vpn page,
                                        std::uint64_t entry) {
  Pfn table = place.table;
  if (!place.has_table) {
    const Outcome<Pfn> reached = reach(cpu, tree, page);
    if (!reached) return reached.refusal();
    table = *reached;
  }
  check(place.entry == 0, "PT-3: a page is mapped where nothing was");
  if (!is_special(entry)) ++hardware_.ram().edit(tree).resident;
  hardware_.ram().store_entry(cpu, table, static_cast<unsigned>(index_at<Geometry>(page.raw(), 0)), entry);
  return Done{};
}

template <class Geometry>
void PageTables<Geometry>::widen(CpuId cpu, const LeafPlace& place, Vpn page, std::uint64_t entry) {
  check(!loses_rights(place.entry, entry), "TLB-1: only what takes nothing away needs no flush");
  const unsigned index = static_cast<unsigned>(index_at<Geometry>(page.raw(), 0));
  // The walker may have set A or D since `place` was read.
  hardware_.ram().change_entry(cpu, place.table, index, place.entry & ~entry, entry & ~place.entry);
}

template <class Geometry>
void PageTables<Geometry>::replace(CpuId cpu, Ref<TableTree> tree, const LeafPlace& place, Vpn page,
                                   std::uint64_t entry) {
  const unsigned index = static_cast<unsigned>(index_at<Geometry>(page.raw(), 0));
  // Cleared first: no CPU may read the old frame while another already writes the new one.
  hardware_.ram().exchange_entry(cpu, place.table, index, 0);
  loaded_.flush(cpu, tree, {.whole_space = false, .page = page, .tables_freed = false});
  if (is_special(place.entry)) ++hardware_.ram().edit(tree).resident;
  hardware_.ram().store_entry(cpu, place.table, index, entry);
}

template <class Geometry>
template <class Visit>
void PageTables<Geometry>::for_each_leaf(Pfn table, unsigned level, std::uint64_t base, PageSpan pages,
                                         Visit&& visit) const {
  const std::uint64_t span = span_pages<Geometry>(level);
  const std::uint64_t end = std::min(pages.end.raw(), base + span * Geometry::kEntriesPerTable);
  for (std::uint64_t at = std::max(pages.first.raw(), base); at < end; at = (at / span + 1) * span) {
    const unsigned index = static_cast<unsigned>(index_at<Geometry>(at, level));
    const std::uint64_t entry = hardware_.ram().load_entry(table, index);
    if (!is_present(entry)) continue;
    if (level == 0)
      visit(table, index, at, entry);
    else
      for_each_leaf(Pfn(frame_of(entry)), level - 1, at / span * span, pages, visit);
  }
}

template <class Geometry>
void PageTables<Geometry>::protect(CpuId cpu, Ref<TableTree> tree, PageSpan pages, Prot prot, PendingFlush& pending) {
  const LockGuard guard(hardware_, cpu, LockClass::kTables, tree.offset, hardware_.ram().edit(tree).lock);
  const std::uint64_t wanted = rights_of(prot);
  const auto change = [&](Pfn table, unsigned index, std::uint64_t page, std::uint64_t entry) {
    const bool is_own = !is_special(entry) && is_exclusive(hardware_.frame(Pfn(frame_of(entry))));
    const std::uint64_t narrowed = effective(entry, wanted);
    const std::uint64_t after = with_rights(entry, is_own ? wanted : narrowed);
    if (after == entry) return;
    hardware_.ram().change_entry(cpu, table, index, entry & ~after, after & ~entry);
    if (loses_rights(entry, after)) pending.add_page(Vpn(page));
  };
  for_each_leaf(Pfn(hardware_.ram().at(tree).root), kRootLevel, 0, pages, change);
}

template <class Geometry>
void PageTables<Geometry>::dump(Ref<TableTree> tree, std::FILE* to) const {
  const TableTree& t = hardware_.ram().at(tree);
  std::fprintf(to, "tables root 0x%" PRIx64 " context %" PRIu64 " generation %" PRIu64 " tables %u", t.root, t.context,
               t.generation, t.tables);
  std::fprintf(to, " resident %" PRIu64 "\n", t.resident);
  const auto print = [&](Pfn, unsigned, std::uint64_t page, std::uint64_t entry) {
    std::fprintf(to, "  page 0x%" PRIx64 " entry 0x%" PRIx64 "\n", page, entry);
  };
  for_each_leaf(Pfn(t.root), kRootLevel, 0, {Vpn(0), Vpn(~std::uint64_t{0})}, print);
}

template <class Geometry>
void PageTables<Geometry>::count_below(Audit& audit, Pfn table, unsigned level, Count& into) const {
  if (!audit.claim(is_used_head(hardware_.frame(table)), "PT-1: a table is a used frame")) return;
  ++into.tables;
  for (unsigned index = 0; index < Geometry::kEntriesPerTable; ++index) {
    const std::uint64_t entry = hardware_.ram().load_entry(table, index);
    if (!is_present(entry)) continue;
    if (level > 0) {
      count_below(audit, Pfn(frame_of(entry)), level - 1, into);
      continue;
    }
    if (is_special(entry)) {
      audit.claim(!is_writable(entry), "COW-1: the zero page is writable nowhere");
      continue;
    }
    ++into.resident;
    const FrameDescriptor& d = hardware_.frame(Pfn(frame_of(entry)));
    audit.claim(is_used_head(d) && mappings_of(d) != 0, "FRAME-2: a mapped frame is used and counts its mappings");
    audit.claim(!is_exclusive(d) || mappings_of(d) == 1, "COW-1: an exclusive page is mapped once");
    audit.claim(!is_writable(entry) || mappings_of(d) == 1, "COW-1: a page mapped more than once is writable nowhere");
  }
}

template <class Geometry>
void PageTables<Geometry>::audit(Audit& audit, Ref<TableTree> tree) const {
  const TableTree& t = hardware_.ram().at(tree);
  if (t.root == kNoFrame) return;
  Count count;
  count_below(audit, Pfn(t.root), kRootLevel, count);
  audit.claim(count.tables == t.tables && count.resident == t.resident,
              "ACCT-2: a space counts its tables and its pages");
  loaded_.audit(audit, tree);
}

template class PageTables<X86Geometry>;
template class PageTables<SmallGeometry>;

}  // namespace mmtwin::impl
