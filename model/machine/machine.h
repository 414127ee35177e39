// Machine: everything that is true of the system under test, as far as events told.
//
// Laws: none; judges compare against it and adopt into it. Context: one thread. Cost: values and arrays, reset by what
// was touched. It deliberately has no opinion: what may happen, and to whom it may, judges know.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/contract/geometry.h"
#include "model/contract/zones.h"
#include "model/machine/cpu.h"
#include "model/machine/frames.h"
#include "model/machine/pages.h"
#include "model/machine/space.h"
#include "model/machine/tables.h"
#include "vocab/events.h"
#include "vocab/machine.h"

namespace mmtwin::model {

inline constexpr unsigned kCaches = static_cast<unsigned>(kCacheNames.size());
inline constexpr std::uint64_t kNoFrame = ~std::uint64_t{0};

class Machine {
 public:
  void start(const MachineDescription& machine);
  void booted();  // every CPU is lazy in the kernel's tables

  // -- spaces --
  std::uint32_t make_space(SpaceHandle handle);
  void name_space(std::uint32_t number);
  void forget_space(std::uint32_t number);
  std::uint32_t space_number(SpaceHandle handle) const {
    return handle.number() < space_of_handle.size() ? space_of_handle[handle.number()] : 0;
  }
  void count_ranges(std::uint32_t number, std::uint64_t count);  // it has so many now

  // -- tables --
  std::uint32_t table_number(std::uint64_t frame) const;
  LeafPlace leaf(std::uint32_t space, std::uint64_t page) const;
  std::uint64_t leaf_entry(LeafCursor& cursor, std::uint32_t space, std::uint64_t page) const;
  // The entry of the table at `level` that leads to the page; 0 if there is no such table.
  std::uint64_t entry_above(std::uint32_t space, std::uint64_t page, unsigned level) const;
  bool maps_zero_page(std::uint64_t entry) const { return frame_in(entry) == zero_frame; }
  // Every present leaf of the space in pages [from, to), in order: visit(page, entry).
  template <class Visit>
  void for_each_leaf(std::uint32_t space, std::uint64_t from, std::uint64_t to, Visit&& visit) const {
    if (spaces[space].root == 0) return;
    tables.for_each_leaf(
        spaces[space].root, from, to, [this](std::uint64_t frame) { return table_number(frame); },
        [&](std::uint64_t page, std::uint64_t entry, std::uint32_t, std::uint64_t) { visit(page, entry); });
  }
  // Every table below the root whose span meets pages [from, to): visit(number).
  template <class Visit>
  void for_each_table(std::uint32_t space, std::uint64_t from, std::uint64_t to, Visit&& visit) const {
    if (spaces[space].root == 0) return;
    const auto number_of = [this](std::uint64_t frame) { return table_number(frame); };
    tables.for_each_table(spaces[space].root, from, to, number_of, visit);
  }
  std::uint64_t user_pages() const { return geometry->user_end / 4096; }

  // -- what CPUs have cached --
  void fill(Cpu& cpu, TlbSlot& slot, std::uint64_t page, std::uint64_t entry);
  void fill(Cpu& cpu, WalkSlot& slot, std::uint64_t page, std::uint64_t frame);
  void drop(Cpu& cpu, TlbSlot& slot);
  void drop(Cpu& cpu, WalkSlot& slot);
  TlbSlot& slot_of(Cpu& cpu, std::uint64_t page) const { return cpu.tlb[page % cpu.tlb.size()]; }
  WalkSlot& slot_of(Cpu& cpu, unsigned level, std::uint64_t page) const {
    return cpu.walk[level][(page >> (geometry->bits_per_level * level)) % cpu.walk[level].size()];
  }
  bool covers(const WalkSlot& slot, unsigned asid, unsigned level, std::uint64_t page) const;
  bool is_stale(std::uint32_t space, const TlbSlot& slot) const;
  bool is_stale(std::uint32_t space, unsigned level, const WalkSlot& slot) const;
  bool is_usable_somewhere(std::uint64_t frame, bool is_table) const;

  // Recounts every counter; false: the model is broken.
  bool recount() const;

  MachineDescription description;
  std::uint64_t clock = 0;  // events so far: stamps of when a thing was so last
  NodeOrders nearest_nodes{};
  const Geometry* geometry = &kSmall;
  Frames frames;
  Pages pages;
  Tables tables;
  std::vector<Space> spaces{1};                // by number; 0: the kernel, no ranges
  std::vector<std::uint32_t> space_of_handle;  // 0: empty
  std::vector<Cpu> cpus;
  std::uint64_t zero_frame = kNoFrame;
  std::uint64_t kernel_root = kNoFrame;
  std::uint64_t fail_countdown = 0;
  std::uint64_t live_spaces = 0;
  std::uint64_t live_ranges = 0;                                // of all spaces
  std::uint64_t families_at = 0;        // clock when a family may have gained or lost a range last
  std::uint64_t family_lock = kNoLock;                          // its instance, known once it was taken
  std::array<std::uint64_t, kCaches> objects{};                 // handed out
  std::uint64_t mapped_pages = 0;                               // pages with a mapping
  std::uint64_t linked_tables = 0;                              // roots not included
  std::array<std::uint64_t, kRoleNames.size()> used_by_role{};  // frames, boot not included
  std::array<std::uint64_t, kCaches> slab_frames{};

 private:
  std::vector<std::uint32_t> spare_spaces_;
  std::uint64_t contexts_ = 0;  // spaces made so far
};

}  // namespace mmtwin::model
