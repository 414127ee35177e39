#include "model/judges/walks.h"

#include <algorithm>

#include "model/court.h"
#include "model/rows/event_rows.h"

namespace mmtwin::model {

// What the hardware does at once, software does not come in between of.
void WalkJudge::judge_amid_access(const Event& e, unsigned traits) {
  if ((traits & kLoadsSpace) == 0 && machine.cpus[now.cpu].space == now.space && !broken())
    violated(Law::kWalk1, "access", "goes on, or faults", std::string(name_of(e.kind)));
}

void WalkJudge::faulted(const Event& e) {
  const bool is_again =
      now.access.in_fault && e.place == now.access.fault_page && !others_stored_since(now.access.faulted_at);
  if (!is_access_of_operation(e) || e.place != page_due() || is_again)
    return violated(Law::kWalk1, "fault", "of the page that is due", "page " + std::to_string(e.place));
  judge_fault();
  now.access.walk = Walk{};
  now.access.last_used = kNoFrame;
}

// The access was not translated: its walk went as far as it could and found no entry, or one that does not permit it.
void WalkJudge::judge_fault() {
  now.access.in_fault = true;
  now.access.faulted_at = machine.clock;
  const std::uint64_t page = page_due();
  const Cpu& cpu = machine.cpus[now.cpu];
  now.access.fault_page = page;
  if (page == kNoFrame || cpu.space == kKernel || broken()) return;
  note(Law::kWalk1);
  unsigned level = machine.geometry->levels - 1;
  if (now.access.walk.begun) {
    level = now.access.walk.next_level;
  } else if (!begin_walk(cpu, page, machine.geometry->levels)) {
    return;
  }
  const std::uint64_t entry = machine.entry_above(cpu.space, page, level);
  bool stops = !present(entry) && !now.access.walk.marked;
  if (level == 0)
    stops = stops || !user(entry) || (now.row.has(kStores) && !writable(entry)) ||
            (now.row.has(kFetches) && !executable(entry));
  if (!stops) violated(Law::kWalk1, "walk", "goes on: the entry permits it", "a fault at page " + std::to_string(page));
}

// An operation on a space runs as a thread of it. A walk ahead of the program goes as far as one for an access; beside
// others that change entries it may have started anew, and where it ended nobody saw.
void WalkJudge::judge_end() {
  const std::uint64_t last_step = std::max(now.began_at, now.access.walk.at);
  if (now.row.has(kSpeculates) && !others_stored_since(last_step) && page_due() < machine.geometry->user_end / kPage &&
      !is_hit(machine.cpus[now.cpu], page_due()))
    return judge_fault();
  if (broken() || now.space == 0 || now.row.has(kEndsSpace) || now.row.has(kSwitches) ||
      court.commits.is_ending(now.space))
    return;
  if (!claims.has(Claim::kTranslations)) return;
  const Cpu& cpu = machine.cpus[now.cpu];
  if (cpu.lazy || cpu.space != now.space) violated(Law::kCpu1, "loaded space", "the operation's", "another");
}

// The page that the hardware must translate next, kNoFrame: none.
std::uint64_t WalkJudge::page_due() const {
  if (now.row.has(kSpeculates)) return now.named.at / kPage;
  if (!now.row.has(kIsAccess) || now.access.pages.empty()) return kNoFrame;
  if (now.access.last_used != now.access.pages[0].page) return now.access.pages[0].page;
  return now.access.pages.size() > 1 ? now.access.pages[1].page : kNoFrame;
}

// Does the TLB translate the page for this very access?
bool WalkJudge::is_hit(const Cpu& cpu, std::uint64_t page) const {
  const TlbSlot& slot = cpu.tlb[page % cpu.tlb.size()];
  if (!slot.full || slot.asid != cpu.asid || slot.page != page) return false;
  if (now.row.has(kStores)) return writable(slot.entry) && dirty(slot.entry);
  return !now.row.has(kFetches) || executable(slot.entry);
}

// Has another operation changed entries of the space that the CPU runs? Then a walk may start anew, and a page that was
// mapped fault again.
bool WalkJudge::others_stored_since(std::uint64_t at) const {
  const Space& space = machine.spaces[machine.cpus[now.cpu].space];
  return space.stored_at > at && space.stored_by != now.step;
}

// A walk to `page` begins, below a table cached at `cached_level`, or at the root: cached_level == levels.
bool WalkJudge::begin_walk(const Cpu& cpu, std::uint64_t page, unsigned cached_level) {
  note(Law::kWalk1);
  if (cpu.space == kKernel) {
    violated(Law::kIso1, "translation", "none: no space is loaded", "a walk");
  } else if (act().asking.request.open || act().objects.asked.open) {
    violated(Law::kWalk1, "walk", "none: a request is not answered", "to page " + std::to_string(page));
  } else if ((now.access.walk.begun && !others_stored_since(now.access.walk.at)) || page != page_due()) {
    violated(Law::kWalk1, "walk", "to the page that is due, once", "to page " + std::to_string(page));
  } else if (is_hit(cpu, page)) {
    violated(Law::kWalk1, "walk", "none: the TLB translates the page", "to page " + std::to_string(page));
  } else {
    for (unsigned level = 1; level < cached_level && level < machine.geometry->levels; ++level) {
      const std::uint64_t index = (page >> (machine.geometry->bits_per_level * level)) % cpu.walk[level].size();
      if (!machine.covers(cpu.walk[level][index], cpu.asid, level, page)) continue;
      violated(Law::kWalk1, "level at which the walk starts", level, cached_level);
      return false;
    }
  }
  now.access.walk = {cached_level - 1, page, true, false, machine.clock};
  return !broken();
}

// The walk comes to the entry, which is the one that it reads next. False: it is not.
bool WalkJudge::pass_entry(const Event& e, const Table& table) {
  const Cpu& cpu = machine.cpus[e.cpu.raw()];
  const bool starts = !now.access.walk.begun;
  if (starts && !begin_walk(cpu, page_due(), machine.geometry->levels)) return false;
  note(Law::kWalk1);
  const bool is_here = table.space == cpu.space && table.level == now.access.walk.next_level &&
                       machine.tables.page_at(table, e.index) ==
                           now.access.walk.page - now.access.walk.page % machine.geometry->pages_per_entry(table.level);
  now.access.walk.marked = true;
  now.access.walk.at = machine.clock;
  if (!is_here) violated(Law::kWalk1, "marked entry", "the one that the walk reads", "another");
  return is_here;
}

void WalkJudge::tlb_filled(const Event& e) {
  Cpu& cpu = machine.cpus[e.cpu.raw()];
  if (e.index != e.place % cpu.tlb.size()) return violated(Law::kTlb1, "slot", e.place % cpu.tlb.size(), e.index);
  report.count_item();
  if (cpu.space == kKernel) return violated(Law::kIso1, "translation", "none: no space is loaded", "filled");
  TlbSlot& slot = cpu.tlb[e.index];
  if (slot.full && slot.asid == cpu.asid && machine.is_stale(cpu.space, slot) &&
      !court.flushes.is_due(e.cpu.raw(), cpu.space))
    return violated(Law::kTlb1, "stale entry", "dropped by the flush", "kept: page " + std::to_string(slot.page));
  const std::uint64_t current = machine.leaf(cpu.space, e.place).entry;
  if (!present(current) || e.after != current) return violated(Law::kTlb1, "filled entry", current, e.after);
  note(Law::kWalk1);
  if (!now.access.walk.begun || now.access.walk.next_level != 0 || now.access.walk.page != e.place)
    return violated(Law::kWalk1, "filled page", "at the end of its walk", "page " + std::to_string(e.place));
  const bool is_marked = (current & kBitAccessed) != 0 && (!now.row.has(kStores) || dirty(current));
  if (!is_marked || !user(current))
    return violated(Law::kWalk1, "filled entry", "marked, user", std::to_string(current));
  now.access.walk.begun = false;
  machine.fill(cpu, slot, e.place, e.after);
}

void WalkJudge::tlb_used(const Event& e) {
  const Cpu& cpu = machine.cpus[e.cpu.raw()];
  report.count_item();
  if (e.index >= cpu.tlb.size()) return violated(Law::kTlb1, "slot", "inside the TLB", std::to_string(e.index));
  const TlbSlot& slot = cpu.tlb[e.index];
  if (!slot.full || slot.asid != cpu.asid || slot.page != e.place || cpu.lazy)
    return violated(Law::kTlb1, "slot", "holds the page under the loaded ASID", "page " + std::to_string(e.place));
  if (machine.is_stale(cpu.space, slot) && !court.flushes.is_due(e.cpu.raw(), cpu.space))
    return violated(Law::kTlb1, "cached entry", machine.leaf(cpu.space, slot.page).entry, slot.entry);
  if (now.access.walk.begun || e.place != page_due() || !is_access_of_operation(e))
    return violated(Law::kPerm1, "access", "one that the operation makes", "page " + std::to_string(e.place));
  now.access.last_used = e.place;
  for (AccessedPage& accessed : now.access.pages)
    if (accessed.page == e.place) accessed.used = slot.entry;
  const Access access = static_cast<Access>(e.access);
  note(Law::kPerm1);
  if (!user(slot.entry)) return violated(Law::kPerm1, "access", "denied: not a user page", "allowed");
  if (access == Access::kStore && !writable(slot.entry)) return violated(Law::kPerm1, "store", "denied", "allowed");
  if (access == Access::kStore && !dirty(slot.entry))
    return violated(Law::kTlb1, "store", "sets D first", "D is clear");
  if (access == Access::kFetch && !executable(slot.entry)) return violated(Law::kPerm1, "fetch", "denied", "allowed");
  if (e.place != now.access.pages.back().page) return;
  now.access.performed = true;  // the last page was translated: this is when the access happens
  if (now.row.has(kStores)) court.leaves.perform_store();
}

// On its CPU, in its space, of its kind, to one of its pages?
bool WalkJudge::is_access_of_operation(const Event& e) const {
  const Access made = now.row.has(kStores) ? Access::kStore : now.row.has(kFetches) ? Access::kFetch : Access::kLoad;
  const auto& pages = now.access.pages;
  const bool is_page =
      std::any_of(pages.begin(), pages.end(), [&](const AccessedPage& accessed) { return accessed.page == e.place; });
  return now.row.has(kIsAccess) && e.access == static_cast<unsigned>(made) && is_page && e.cpu.raw() == now.cpu &&
         machine.cpus[e.cpu.raw()].space == now.space;
}

// Each table that the walk passes is cached, its entry marked before.
void WalkJudge::walk_cache_filled(const Event& e) {
  report.count_item();
  Cpu& cpu = machine.cpus[e.cpu.raw()];
  if (e.level >= cpu.walk.size() || e.level == 0 || e.level >= machine.geometry->levels)
    return violated(Law::kTlb2, "level", "above the leaves", std::to_string(e.level));
  WalkSlot& slot = machine.slot_of(cpu, e.level, e.place);
  const auto index = static_cast<std::uint64_t>(&slot - cpu.walk[e.level].data());
  if (e.index != index) return violated(Law::kTlb2, "slot", index, e.index);
  if (!now.access.walk.begun && !begin_walk(cpu, e.place, machine.geometry->levels)) return;
  note(Law::kWalk1);
  if (now.access.walk.next_level != e.level || now.access.walk.page != e.place)
    return violated(Law::kWalk1, "cached level", now.access.walk.next_level, e.level);
  const std::uint64_t link = machine.entry_above(cpu.space, e.place, e.level);
  if (!present(link) || frame_in(link) != e.frame.raw())
    return violated(Law::kTlb2, "cached table", "the one that the tables name", std::to_string(e.frame.raw()));
  if ((link & kBitAccessed) == 0) return violated(Law::kWalk1, "link", "marked before it is cached", "A is clear");
  --now.access.walk.next_level;
  now.access.walk.marked = false;
  now.access.walk.at = machine.clock;
  machine.fill(cpu, slot, e.place, e.frame.raw());
}

void WalkJudge::walk_cache_used(const Event& e) {
  report.count_item();
  const Cpu& cpu = machine.cpus[e.cpu.raw()];
  if (e.level == 0 || e.level >= machine.geometry->levels || e.index >= cpu.walk[e.level].size())
    return violated(Law::kTlb2, "slot", "inside the walk cache", std::to_string(e.index));
  const WalkSlot& slot = cpu.walk[e.level][e.index];
  if (!machine.covers(slot, cpu.asid, e.level, e.place) || cpu.space == kKernel)
    return violated(Law::kTlb2, "slot", "full, of the page, under the loaded ASID", "not");
  if (machine.is_stale(cpu.space, e.level, slot) && !court.flushes.is_due(e.cpu.raw(), cpu.space))
    return violated(Law::kTlb2, "cached table", "the one that the tables name", "frame " + std::to_string(slot.frame));
  static_cast<void>(begin_walk(cpu, e.place, e.level));
}

}  // namespace mmtwin::model
