// Translation events: what each CPU has cached, mirrored slot by slot, and whether it may still be used.
#include "model/state.h"

namespace mmtwin::model {

void State::drop_slot(Cpu& cpu, TlbSlot& slot) {
  if (!slot.full) return;
  if (!maps_zero_page(slot.entry)) unwatch(frame_in(slot.entry));
  slot.full = false;
  --cpu.cached[slot.asid];
}
void State::drop_slot(Cpu& cpu, WalkSlot& slot) {
  if (!slot.full) return;
  unwatch(slot.frame);
  slot.full = false;
  --cpu.cached[slot.asid];
}

bool State::slot_is_stale(std::uint32_t space, const TlbSlot& slot) const {
  return is_more_permissive(slot.entry, leaf(space, slot.page).entry);
}

// A walk-cache slot names the table that holds the next entry of the walk, one level below `level`.
bool State::slot_is_stale(std::uint32_t space, unsigned level, const WalkSlot& slot) const {
  std::uint32_t here = spaces[space].root;
  if (here == 0) return true;
  for (unsigned l = geometry->levels - 1; l >= level; --l) {
    const std::uint64_t entry = tables.at(here).entries[geometry->index_of(slot.page, l)];
    if (!present(entry)) return true;
    if (l == level) return frame_in(entry) != slot.frame;
    here = table_number(frame_in(entry));
  }
  return true;
}

// The operation's own space, first of all and unless it runs already; the kernel's where a space ends.
bool State::may_load(const Event& e, const Cpu& cpu, std::uint32_t space) {
  note(Law::kCpu1);
  if (space == kKernel) {
    const bool ends = (is<SpaceExit>() || now.killed) && cpu.space == now.space && now.space != 0;
    if (!ends) find(Law::kCpu1, "loaded root", "no other: no space ends", "the kernel's");
    if (e.cpu.raw() == now.cpu && cpu.lazy) find(Law::kCpu1, "loaded space", "the operation's, first", "none");
    if (e.index != 0 || e.after != 0) find(Law::kTlb1, "ASID of the kernel", 0, e.index);
    return !broken();
  }
  if (space != now.space || e.cpu.raw() != now.cpu || now.acted || (cpu.space == space && !cpu.lazy))
    find(Law::kCpu1, "loaded space", "the operation's, first, unless it runs already", "another");
  else if (e.index == 0 || e.index > geometry->asids)
    find(Law::kTlb1, "ASID", "1 to " + std::to_string(geometry->asids), std::to_string(e.index));
  return !broken();
}

// Software does not see what is cached: it flushes an ASID that it gives anew, or under which the CPU missed a flush.
bool State::needs_flush(const Cpu& cpu, std::uint32_t asid) const {
  const AsidOwner& owner = cpu.asids[asid];
  const Space& space = spaces[now.space];
  return owner.context != space.context || owner.generation != space.generation;
}

// Loading without a flush is legal only if nothing that was missed is still cached.
void State::space_loaded(const Event& e) {
  if (!frames.exists(e.frame.raw()))
    return find(Law::kPt1, "root", "a root table", std::to_string(e.frame.raw()));
  Cpu& cpu = cpus[e.cpu.raw()];
  const FrameRecord& record = frames.at(e.frame.raw());
  if (record.state != FrameState::kUsed || record.role != Role::kRootTable)
    return find(Law::kPt1, "root", "a root table", std::to_string(e.frame.raw()));
  const Table& root = tables.at(record.object);
  if (!may_load(e, cpu, root.space)) return;
  const std::uint32_t bit = 1u << e.cpu.raw();
  spaces[cpu.space].loaded_on &= ~bit;
  if (!parked.empty()) note_loaded(e.cpu.raw(), cpu.space, root.space);
  if (e.cpu.raw() == now.cpu) now.left = cpu.space;
  cpu.root_frame = e.frame.raw();
  cpu.asid = e.index;
  cpu.space = root.space;
  cpu.lazy = cpu.space == kKernel;
  spaces[cpu.space].loaded_on |= bit;
  bool is_due = false;  // the flush that it missed will still reach it
  if (cpu.space != kKernel) {
    note(Law::kTlb1);
    if (e.after == 0 && needs_flush(cpu, cpu.asid)) {
      is_due = cpu.asids[cpu.asid].context == spaces[cpu.space].context && takes_space_down(cpu.space);
      if (!is_due) return find(Law::kTlb1, "load", "with a flush: the ASID was another's, or missed one", "without");
      await_flush(e.cpu.raw(), cpu.space);
    } else {
      cpu.asids[cpu.asid] = {spaces[cpu.space].context, spaces[cpu.space].generation};
    }
  }
  for (TlbSlot& slot : cpu.tlb) {
    if (!slot.full || slot.asid != cpu.asid) continue;
    note(Law::kTlb1);
    if (e.after != 0)
      drop_slot(cpu, slot);
    else if (cpu.space == kKernel || (slot_is_stale(cpu.space, slot) && !is_due))
      return find(Law::kTlb1, "cached page", "flushed before the space runs again",
                  "page " + std::to_string(slot.page));
  }
  for (unsigned level = 0; level < cpu.walk.size(); ++level)
    for (WalkSlot& slot : cpu.walk[level]) {
      if (!slot.full || slot.asid != cpu.asid) continue;
      if (e.after != 0)
        drop_slot(cpu, slot);
      else if (cpu.space == kKernel || (slot_is_stale(cpu.space, level, slot) && !is_due))
        return find(Law::kTlb2, "cached table", "flushed before the space runs again",
                    "frame " + std::to_string(slot.frame));
    }
}

void State::space_unloaded(const Event& e) {
  Cpu& cpu = cpus[e.cpu.raw()];
  const auto* op = std::get_if<CpuSwitchSpace>(&now.operation);
  const bool goes_idle = op != nullptr && op->space.is_none();
  const bool stays_out = now.returns && now.space != 0 && cannot_be_loaded(now.space);
  if ((!goes_idle && !stays_out) || cpu.lazy)
    return find(Law::kCpu1, "cpu", "runs on: nothing made it lazy", "lazy");
  cpu.lazy = true;
  for (Now& other : parked) {
    if (other.space != cpu.space || other.freed_tables) continue;
    other.must_flush &= ~(1u << e.cpu.raw());
    other.pending &= ~(1u << e.cpu.raw());
  }
}

// ---- forgetting ----

// A slot of the loaded ASID is emptied by an operation that says so, or by a flush of what was taken away.
bool State::may_drop(const Event& e, std::uint64_t page, unsigned level) const {
  const unsigned shift = geometry->bits_per_level * level;
  if (is<CpuFlushSpace>()) return true;
  if (const auto* op = std::get_if<CpuFlushPage>(&now.operation))
    return (op->at.value().offset / kPage) >> shift == page >> shift;
  if (const auto* op = std::get_if<CpuEvict>(&now.operation))
    return level == 0 && op->at.value().offset / kPage == page;
  return now.took_rights && cpus[e.cpu.raw()].space == now.space;
}

void State::tlb_dropped(const Event& e) {
  Cpu& cpu = cpus[e.cpu.raw()];
  TlbSlot& slot = cpu.tlb[e.index];
  note(Law::kTlb1);
  if (!slot.full || slot.asid != cpu.asid || !may_drop(e, slot.page, 0))
    return find(Law::kTlb1, "dropped slot", "full, of the loaded ASID, to be dropped", std::to_string(e.index));
  drop_slot(cpu, slot);
}

void State::walk_cache_dropped(const Event& e) {
  Cpu& cpu = cpus[e.cpu.raw()];
  WalkSlot& slot = cpu.walk[e.level][e.index];
  note(Law::kTlb2);
  if (!slot.full || slot.asid != cpu.asid || !may_drop(e, slot.page, e.level))
    return find(Law::kTlb2, "dropped slot", "full, of the loaded ASID, to be dropped", std::to_string(e.index));
  drop_slot(cpu, slot);
}

// ---- walking: docs/RULES.md section 5 ----

// The page that the hardware must translate next, kNoFrame: none.
std::uint64_t State::page_due() const {
  if (const auto* op = std::get_if<CpuSpeculate>(&now.operation)) return op->at.value().offset / kPage;
  if (!is_access() || now.accessed.empty()) return kNoFrame;
  if (now.last_used != now.accessed[0].page) return now.accessed[0].page;
  return now.accessed.size() > 1 ? now.accessed[1].page : kNoFrame;
}

// Does the TLB translate the page for this very access?
bool State::is_hit(const Cpu& cpu, std::uint64_t page) const {
  const TlbSlot& slot = cpu.tlb[page % cpu.tlb.size()];
  if (!slot.full || slot.asid != cpu.asid || slot.page != page) return false;
  if (is<MemoryStore>()) return writable(slot.entry) && dirty(slot.entry);
  return !is<MemoryFetch>() || executable(slot.entry);
}

bool State::covers(const WalkSlot& slot, unsigned asid, unsigned level, std::uint64_t page) const {
  const unsigned shift = geometry->bits_per_level * level;
  return slot.full && slot.asid == asid && slot.page >> shift == page >> shift;
}

// A walk to `page` that starts below a table cached at `cached_level`, or at the root: cached_level == levels.
bool State::begins_walk(const Cpu& cpu, std::uint64_t page, unsigned cached_level) {
  note(Law::kWalk1);
  if (cpu.space == kKernel) {
    find(Law::kIso1, "translation", "none: no space is loaded", "a walk");
  } else if (now.request.open || now.object.open) {
    find(Law::kWalk1, "walk", "none: a request is not answered", "to page " + std::to_string(page));
  } else if ((now.walk.begun && !now.walk.disturbed) || page != page_due()) {
    find(Law::kWalk1, "walk", "to the page that is due, once", "to page " + std::to_string(page));
  } else if (is_hit(cpu, page)) {
    find(Law::kWalk1, "walk", "none: the TLB translates the page", "to page " + std::to_string(page));
  } else {
    for (unsigned level = 1; level < cached_level && level < geometry->levels; ++level) {
      const std::uint64_t index = (page >> (geometry->bits_per_level * level)) % cpu.walk[level].size();
      if (!covers(cpu.walk[level][index], cpu.asid, level, page)) continue;
      find(Law::kWalk1, "level at which the walk starts", level, cached_level);
      return false;
    }
  }
  now.walk = {cached_level - 1, page, true, false, false};
  return !broken();
}

// Is the entry the one that the walk reads next?
bool State::walks_here(const Event& e, const Table& table) {
  const Cpu& cpu = cpus[e.cpu.raw()];
  const bool starts = !now.walk.begun;
  if (starts && !begins_walk(cpu, page_due(), geometry->levels)) return false;
  note(Law::kWalk1);
  const bool is_here = table.space == cpu.space && table.level == now.walk.next_level &&
                       tables.page_at(table, e.index) ==
                           now.walk.page - now.walk.page % geometry->pages_per_entry(table.level);
  now.walk.marked = true;
  if (!is_here) find(Law::kWalk1, "marked entry", "the one that the walk reads", "another");
  return is_here;
}

void State::tlb_filled(const Event& e) {
  Cpu& cpu = cpus[e.cpu.raw()];
  if (e.index != e.place % cpu.tlb.size()) return find(Law::kTlb1, "slot", e.place % cpu.tlb.size(), e.index);
  ++items;
  if (cpu.space == kKernel) return find(Law::kIso1, "translation", "none: no space is loaded", "filled");
  TlbSlot& slot = cpu.tlb[e.index];
  if (slot.full && slot.asid == cpu.asid && slot_is_stale(cpu.space, slot) && !flush_is_due(e.cpu.raw(), cpu.space))
    return find(Law::kTlb1, "stale entry", "dropped by the flush", "kept: page " + std::to_string(slot.page));
  const std::uint64_t current = leaf(cpu.space, e.place).entry;
  if (!present(current) || e.after != current) return find(Law::kTlb1, "filled entry", current, e.after);
  note(Law::kWalk1);
  if (!now.walk.begun || now.walk.next_level != 0 || now.walk.page != e.place)
    return find(Law::kWalk1, "filled page", "at the end of its walk", "page " + std::to_string(e.place));
  const bool is_marked = (current & kBitAccessed) != 0 && (!is<MemoryStore>() || dirty(current));
  if (!is_marked || !user(current)) return find(Law::kWalk1, "filled entry", "marked, user", std::to_string(current));
  now.walk.begun = false;
  drop_slot(cpu, slot);
  slot = {true, cpu.asid, e.place, e.after};
  ++cpu.cached[cpu.asid];
  if (!maps_zero_page(e.after)) watch(frame_in(e.after));
}

void State::tlb_used(const Event& e) {
  const Cpu& cpu = cpus[e.cpu.raw()];
  ++items;
  if (e.index >= cpu.tlb.size()) return find(Law::kTlb1, "slot", "inside the TLB", std::to_string(e.index));
  const TlbSlot& slot = cpu.tlb[e.index];
  if (!slot.full || slot.asid != cpu.asid || slot.page != e.place || cpu.lazy)
    return find(Law::kTlb1, "slot", "holds the page under the loaded ASID", "page " + std::to_string(e.place));
  if (slot_is_stale(cpu.space, slot) && !flush_is_due(e.cpu.raw(), cpu.space))
    return find(Law::kTlb1, "cached entry", leaf(cpu.space, slot.page).entry, slot.entry);
  if (now.walk.begun || e.place != page_due() || !is_access_of_operation(e))
    return find(Law::kPerm1, "access", "one that the operation makes", "page " + std::to_string(e.place));
  now.last_used = e.place;
  for (AccessedPage& accessed : now.accessed)
    if (accessed.page == e.place) accessed.used = slot.entry;
  const Access access = static_cast<Access>(e.access);
  note(Law::kPerm1);
  if (!user(slot.entry)) return find(Law::kPerm1, "access", "denied: not a user page", "allowed");
  if (access == Access::kStore && !writable(slot.entry)) return find(Law::kPerm1, "store", "denied", "allowed");
  if (access == Access::kStore && !dirty(slot.entry)) return find(Law::kTlb1, "store", "sets D first", "D is clear");
  if (access == Access::kFetch && !executable(slot.entry)) return find(Law::kPerm1, "fetch", "denied", "allowed");
  if (e.place != now.accessed.back().page) return;
  now.performed = true;  // the last page was translated: this is when the access happens
  if (is<MemoryStore>()) perform_store();
}

// On its CPU, in its space, of its kind, to one of its pages?
bool State::is_access_of_operation(const Event& e) {
  const bool is_kind = (std::holds_alternative<MemoryLoad>(now.operation) && e.access == unsigned(Access::kLoad)) ||
                       (std::holds_alternative<MemoryStore>(now.operation) && e.access == unsigned(Access::kStore)) ||
                       (std::holds_alternative<MemoryFetch>(now.operation) && e.access == unsigned(Access::kFetch));
  bool is_page = false;
  for (AccessedPage& accessed : now.accessed) {
    if (accessed.page != e.place) continue;
    is_page = true;
  }
  return is_kind && is_page && e.cpu == cpu_of(now.operation) && cpus[e.cpu.raw()].space == now.space;
}

// Each table that the walk passes is cached, its entry marked before.
void State::walk_cache_filled(const Event& e) {
  ++items;
  Cpu& cpu = cpus[e.cpu.raw()];
  if (e.level >= cpu.walk.size() || e.level == 0 || e.level >= geometry->levels)
    return find(Law::kTlb2, "level", "above the leaves", std::to_string(e.level));
  auto& slots = cpu.walk[e.level];
  const std::uint64_t index = (e.place >> (geometry->bits_per_level * e.level)) % slots.size();
  if (e.index != index) return find(Law::kTlb2, "slot", index, e.index);
  if (!now.walk.begun && !begins_walk(cpu, e.place, geometry->levels)) return;
  note(Law::kWalk1);
  if (now.walk.next_level != e.level || now.walk.page != e.place)
    return find(Law::kWalk1, "cached level", now.walk.next_level, e.level);
  WalkSlot& slot = slots[e.index];
  drop_slot(cpu, slot);
  slot = {true, cpu.asid, e.place, e.frame.raw()};
  if (slot_is_stale(cpu.space, e.level, slot)) {
    slot.full = false;
    return find(Law::kTlb2, "cached table", "the one that the tables name", std::to_string(e.frame.raw()));
  }
  const Table& table = tables.at(tables.at(table_number(slot.frame)).parent);
  if ((table.entries[geometry->index_of(e.place, e.level)] & kBitAccessed) == 0)
    return find(Law::kWalk1, "link", "marked before it is cached", "A is clear");
  --now.walk.next_level;
  now.walk.marked = false;
  ++cpu.cached[cpu.asid];
  watch(slot.frame);
}

void State::walk_cache_used(const Event& e) {
  ++items;
  const Cpu& cpu = cpus[e.cpu.raw()];
  if (e.level == 0 || e.level >= geometry->levels || e.index >= cpu.walk[e.level].size())
    return find(Law::kTlb2, "slot", "inside the walk cache", std::to_string(e.index));
  const WalkSlot& slot = cpu.walk[e.level][e.index];
  if (!covers(slot, cpu.asid, e.level, e.place) || cpu.space == kKernel)
    return find(Law::kTlb2, "slot", "full, of the page, under the loaded ASID", "not");
  if (slot_is_stale(cpu.space, e.level, slot) && !flush_is_due(e.cpu.raw(), cpu.space))
    return find(Law::kTlb2, "cached table", "the one that the tables name", "frame " + std::to_string(slot.frame));
  static_cast<void>(begins_walk(cpu, e.place, e.level));
}

// A leaf of the page comes to name the frame: no CPU that runs the space may still use another one there. Elsewhere it
// may be cached: what runs the space there next flushes first.
void State::judge_break_before_make(std::uint32_t space, std::uint64_t page, std::uint64_t frame) {
  if (spaces[space].loaded_on == 0) return;
  for (std::uint32_t number = 0; number < cpus.size(); ++number) {
    const Cpu& cpu = cpus[number];
    const TlbSlot& slot = cpu.tlb[page % cpu.tlb.size()];
    if (!slot.full || slot.page != page || cpu.asids[slot.asid].context != spaces[space].context) continue;
    if (frame_in(slot.entry) == frame) continue;
    note(Law::kTlb1);
    if (cpu.space == space && !cpu.lazy && cpu.asid == slot.asid)
      find(Law::kTlb1, "frame that the leaf names", "none before the old one is flushed",
           "another: CPU " + std::to_string(number) + " uses the old one");
  }
}

// Could a CPU reach the frame through something cached, without loading a root first? User accesses go through the TLB
// of CPUs that run the space; walks, which may happen ahead of any access, also on lazy CPUs.
bool State::usable_somewhere(std::uint64_t frame, bool is_table) const {
  for (const Cpu& cpu : cpus) {
    if (is_table && cpu.root_frame == frame) return true;
    if (cpu.space == kKernel) continue;
    if (is_table) {
      for (const auto& slots : cpu.walk)
        for (const WalkSlot& slot : slots)
          if (slot.full && slot.asid == cpu.asid && slot.frame == frame) return true;
    } else if (!cpu.lazy) {
      for (const TlbSlot& slot : cpu.tlb)
        if (slot.full && slot.asid == cpu.asid && frame_in(slot.entry) == frame) return true;
    }
  }
  return false;
}

}  // namespace mmtwin::model
