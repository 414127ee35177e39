#include "model/machine/machine.h"

namespace mmtwin::model {

void Machine::start(const MachineDescription& machine) {
  description = machine;
  geometry = &geometry_of(machine.geometry);
  nearest_nodes = order_nodes(machine);
  frames.start(machine);
  pages.clear();
  tables.start(*geometry);
  spaces.resize(1);
  spaces[0] = Space{};
  spare_spaces_.clear();
  space_of_handle.assign(1, 0);
  clock = families_at = 0;
  fail_countdown = live_spaces = mapped_pages = linked_tables = live_ranges = contexts_ = 0;
  objects.fill(0);
  kernel_root = zero_frame = kNoFrame;
  family_lock = kNoLock;
  used_by_role.fill(0);
  slab_frames.fill(0);
  cpus.resize(machine.cpus);
  for (Cpu& cpu : cpus) {
    cpu.asids.fill({});
    cpu.cached.fill(0);
    cpu.filled_at = 0;
    cpu.tlb.assign(machine.tlb_entries, TlbSlot{});
    for (unsigned level = 1; level < geometry->levels; ++level)
      cpu.walk[level].assign(machine.walk_cache_entries, WalkSlot{});
  }
}

void Machine::booted() {
  for (Cpu& cpu : cpus) {
    cpu.root_frame = kernel_root;
    cpu.asid = 0;
    cpu.lazy = true;
    cpu.space = kKernel;
  }
}

// ---- spaces ----

std::uint32_t Machine::make_space(SpaceHandle handle) {
  std::uint32_t number = 0;
  if (!spare_spaces_.empty()) {
    number = spare_spaces_.back();
    spare_spaces_.pop_back();
  } else {
    number = static_cast<std::uint32_t>(spaces.size());
    spaces.emplace_back();
  }
  Space& space = spaces[number];
  space = Space{};
  space.live = true;
  space.context = ++contexts_;
  space.handle = handle;
  return number;
}

void Machine::name_space(std::uint32_t number) {
  Space& space = spaces[number];
  const unsigned handle = space.handle.number();
  ++live_spaces;
  if (space_of_handle.size() <= handle) space_of_handle.resize(handle + 1);
  space_of_handle[handle] = number;
  space.named = true;
}

void Machine::forget_space(std::uint32_t number) {
  Space& space = spaces[number];
  if (space.named) {
    space_of_handle[space.handle.number()] = 0;
    --live_spaces;
  }
  space.handle = SpaceHandle();
  space.live = space.named = false;
  count_ranges(number, 0);
  spare_spaces_.push_back(number);
}

void Machine::count_ranges(std::uint32_t number, std::uint64_t count) {
  live_ranges += count - spaces[number].counted_ranges;
  spaces[number].counted_ranges = count;
}

// ---- tables ----

std::uint32_t Machine::table_number(std::uint64_t frame) const {
  return const_cast<Frames&>(frames).at(frame).object;  // NOLINT: building a section on demand is not a change
}

LeafPlace Machine::leaf(std::uint32_t space, std::uint64_t page) const {
  if (spaces[space].root == 0) return {};
  return tables.find(spaces[space].root, page, [this](std::uint64_t frame) { return table_number(frame); });
}

std::uint64_t Machine::leaf_entry(LeafCursor& cursor, std::uint32_t space, std::uint64_t page) const {
  const std::uint64_t index = geometry->index_of(page, 0);
  if (cursor.space != space || cursor.first_page != page - index)
    cursor = {space, page - index, leaf(space, page).table};
  return cursor.table != 0 ? tables.at(cursor.table).entries[index] : 0;
}

std::uint64_t Machine::entry_above(std::uint32_t space, std::uint64_t page, unsigned level) const {
  std::uint32_t here = spaces[space].root;
  for (unsigned l = geometry->levels - 1; here != 0; --l) {
    const std::uint64_t entry = tables.at(here).entries[geometry->index_of(page, l)];
    if (l == level) return entry;
    if (!present(entry)) return 0;
    here = table_number(frame_in(entry));
  }
  return 0;
}

// ---- what CPUs have cached ----

void Machine::fill(Cpu& cpu, TlbSlot& slot, std::uint64_t page, std::uint64_t entry) {
  drop(cpu, slot);
  slot = {true, cpu.asid, page, entry};
  cpu.filled_at = clock;
  ++cpu.cached[cpu.asid];
  if (!maps_zero_page(entry)) ++frames.at(frame_in(entry)).watchers;
}

void Machine::fill(Cpu& cpu, WalkSlot& slot, std::uint64_t page, std::uint64_t frame) {
  drop(cpu, slot);
  slot = {true, cpu.asid, page, frame};
  cpu.filled_at = clock;
  ++cpu.cached[cpu.asid];
  ++frames.at(frame).watchers;
}

void Machine::drop(Cpu& cpu, TlbSlot& slot) {
  if (!slot.full) return;
  if (!maps_zero_page(slot.entry)) --frames.at(frame_in(slot.entry)).watchers;
  slot.full = false;
  --cpu.cached[slot.asid];
}

void Machine::drop(Cpu& cpu, WalkSlot& slot) {
  if (!slot.full) return;
  --frames.at(slot.frame).watchers;
  slot.full = false;
  --cpu.cached[slot.asid];
}

bool Machine::covers(const WalkSlot& slot, unsigned asid, unsigned level, std::uint64_t page) const {
  const unsigned shift = geometry->bits_per_level * level;
  return slot.full && slot.asid == asid && slot.page >> shift == page >> shift;
}

bool Machine::is_stale(std::uint32_t space, const TlbSlot& slot) const {
  return is_more_permissive(slot.entry, leaf(space, slot.page).entry);
}

// A walk-cache slot names the table that holds the next entry of the walk, one level below `level`.
bool Machine::is_stale(std::uint32_t space, unsigned level, const WalkSlot& slot) const {
  const std::uint64_t entry = entry_above(space, slot.page, level);
  return !present(entry) || frame_in(entry) != slot.frame;
}

// Could a CPU reach the frame through something cached, without loading a root first? User accesses go through the TLB
// of CPUs that run the space; walks, which may happen ahead of any access, also on lazy CPUs.
bool Machine::is_usable_somewhere(std::uint64_t frame, bool is_table) const {
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

bool Machine::recount() const {
  std::uint64_t mapped = 0, links = 0;
  for (std::uint32_t number = 1; number < spaces.size(); ++number) {
    const Space& space = spaces[number];
    if (!space.live || space.root == 0) continue;
    std::uint64_t resident = 0, below = 1;
    for_each_leaf(number, 0, user_pages(), [&](std::uint64_t, std::uint64_t entry) {
      if (!maps_zero_page(entry)) ++resident;
    });
    for_each_table(number, 0, user_pages(), [&](std::uint32_t) { ++below; });
    if (resident != space.resident_anon || below != space.tables) return false;
    mapped += resident;
    links += below - 1;
  }
  return frames.recount() && links == linked_tables && mapped >= mapped_pages;
}

}  // namespace mmtwin::model
