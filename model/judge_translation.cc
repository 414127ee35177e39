// Translation events: what each CPU has cached, mirrored slot by slot, and whether it may still be used.
#include "model/state.h"

namespace mmtwin::model {

namespace {

// Does `cached` allow something that `current` does not, or name another frame?
bool is_more_permissive(std::uint64_t cached, std::uint64_t current) {
  if (!present(current) || frame_in(cached) != frame_in(current)) return true;
  if (writable(cached) && !writable(current)) return true;
  if (user(cached) && !user(current)) return true;
  if (executable(cached) && !executable(current)) return true;
  return dirty(cached) && !dirty(current);  // a store through it would not set D again
}

}  // namespace

void State::drop_slot(TlbSlot& slot) {
  if (!slot.full) return;
  if (!maps_zero_page(slot.entry)) unwatch(frame_in(slot.entry));
  slot.full = false;
}
void State::drop_slot(WalkSlot& slot) {
  if (!slot.full) return;
  unwatch(slot.frame);
  slot.full = false;
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

// Loading without a flush is legal only if nothing that was missed is still cached.
void State::space_loaded(const Event& e) {
  if (e.cpu.raw() >= cpus.size() || !frames.exists(e.frame.raw()))
    return find(Law::kPt1, "root", "a root table", std::to_string(e.frame.raw()));
  Cpu& cpu = cpus[e.cpu.raw()];
  const FrameRecord& record = frames.at(e.frame.raw());
  if (record.state != FrameState::kUsed || record.role != Role::kRootTable)
    return find(Law::kPt1, "root", "a root table", std::to_string(e.frame.raw()));
  const Table& root = tables.at(record.object);
  cpu.root_frame = e.frame.raw();
  cpu.asid = e.index;
  cpu.space = root.space;
  cpu.lazy = cpu.space == kKernel;
  for (TlbSlot& slot : cpu.tlb) {
    if (!slot.full || slot.asid != cpu.asid) continue;
    note(Law::kTlb1);
    if (e.after != 0)
      drop_slot(slot);
    else if (cpu.space == kKernel || slot_is_stale(cpu.space, slot))
      return find(Law::kTlb1, "cached page", "flushed before the space runs again",
                  "page " + std::to_string(slot.page));
  }
  for (unsigned level = 0; level < cpu.walk.size(); ++level)
    for (WalkSlot& slot : cpu.walk[level]) {
      if (!slot.full || slot.asid != cpu.asid) continue;
      if (e.after != 0)
        drop_slot(slot);
      else if (cpu.space == kKernel || slot_is_stale(cpu.space, level, slot))
        return find(Law::kTlb2, "cached table", "flushed before the space runs again",
                    "frame " + std::to_string(slot.frame));
    }
}

void State::tlb_filled(const Event& e) {
  Cpu& cpu = cpus[e.cpu.raw()];
  if (e.index >= cpu.tlb.size()) return find(Law::kTlb1, "slot", "inside the TLB", std::to_string(e.index));
  TlbSlot& slot = cpu.tlb[e.index];
  drop_slot(slot);
  ++items;
  if (cpu.space == kKernel) return find(Law::kIso1, "translation", "none: no space is loaded", "filled");
  const std::uint64_t current = leaf(cpu.space, e.place).entry;
  if (is_more_permissive(e.after, current) || frame_in(e.after) != frame_in(current))
    return find(Law::kTlb1, "filled entry", current, e.after);
  slot = {true, cpu.asid, e.place, e.after};
  if (!maps_zero_page(e.after)) watch(frame_in(e.after));
}

void State::tlb_used(const Event& e) {
  const Cpu& cpu = cpus[e.cpu.raw()];
  ++items;
  if (e.index >= cpu.tlb.size()) return find(Law::kTlb1, "slot", "inside the TLB", std::to_string(e.index));
  const TlbSlot& slot = cpu.tlb[e.index];
  if (!slot.full || slot.asid != cpu.asid || slot.page != e.place || cpu.lazy)
    return find(Law::kTlb1, "slot", "holds the page under the loaded ASID", "page " + std::to_string(e.place));
  if (slot_is_stale(cpu.space, slot))
    return find(Law::kTlb1, "cached entry", leaf(cpu.space, slot.page).entry, slot.entry);
  if (!is_access_of_operation(e))
    return find(Law::kPerm1, "access", "one that the operation makes", "page " + std::to_string(e.place));
  const Access access = static_cast<Access>(e.access);
  note(Law::kPerm1);
  if (!user(slot.entry)) return find(Law::kPerm1, "access", "denied: not a user page", "allowed");
  if (access == Access::kStore && !writable(slot.entry)) return find(Law::kPerm1, "store", "denied", "allowed");
  if (access == Access::kStore && !dirty(slot.entry)) return find(Law::kTlb1, "store", "sets D first", "D is clear");
  if (access == Access::kFetch && !executable(slot.entry)) return find(Law::kPerm1, "fetch", "denied", "allowed");
}

// On its CPU, in its space, of its kind, to one of its pages?
bool State::is_access_of_operation(const Event& e) {
  const bool is_kind = (std::holds_alternative<MemoryLoad>(now.operation) && e.access == unsigned(Access::kLoad)) ||
                       (std::holds_alternative<MemoryStore>(now.operation) && e.access == unsigned(Access::kStore)) ||
                       (std::holds_alternative<MemoryFetch>(now.operation) && e.access == unsigned(Access::kFetch));
  bool is_page = false;
  for (AccessedPage& accessed : now.accessed) {
    if (accessed.page != e.place) continue;
    is_page = accessed.used = true;
  }
  return is_kind && is_page && e.cpu == cpu_of(now.operation) && cpus[e.cpu.raw()].space == now.space;
}

void State::walk_cache_filled(const Event& e) {
  Cpu& cpu = cpus[e.cpu.raw()];
  if (e.level >= cpu.walk.size() || e.level == 0 || e.level >= geometry->levels)
    return find(Law::kTlb2, "level", "above the leaves", std::to_string(e.level));
  auto& slots = cpu.walk[e.level];
  if (e.index >= slots.size()) return find(Law::kTlb2, "slot", "inside the walk cache", std::to_string(e.index));
  WalkSlot& slot = slots[e.index];
  drop_slot(slot);
  slot = {true, cpu.asid, e.place, e.frame.raw()};
  if (cpu.space == kKernel || slot_is_stale(cpu.space, e.level, slot)) {
    slot.full = false;
    return find(Law::kTlb2, "cached table", "the one that the tables name", std::to_string(e.frame.raw()));
  }
  watch(slot.frame);
}

void State::walk_cache_used(const Event& e) {
  const Cpu& cpu = cpus[e.cpu.raw()];
  if (e.level >= cpu.walk.size() || e.index >= cpu.walk[e.level].size())
    return find(Law::kTlb2, "slot", "inside the walk cache", std::to_string(e.index));
  const WalkSlot& slot = cpu.walk[e.level][e.index];
  if (!slot.full || slot.asid != cpu.asid || cpu.space == kKernel)
    return find(Law::kTlb2, "slot", "full, under the loaded ASID", "not");
  WalkSlot asked = slot;
  asked.page = e.place;
  if (slot_is_stale(cpu.space, e.level, asked))
    find(Law::kTlb2, "cached table", "the one that the tables name", "frame " + std::to_string(slot.frame));
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
