// Page tables as the model sees them: which frames are tables of which space, and what every entry holds.
//
// Laws: PT-1, PT-2, PT-3, PERM-2, ISO-1. Context: one thread. Cost: one array of entries a table; a walk reads one
// entry a level. It deliberately decodes entries with its own constants (Intel SDM volume 3, 4-level paging) and
// learns of every store from events.
#pragma once

#include <cstdint>
#include <vector>

#include "model/contract/geometry.h"

namespace mmtwin::model {

// Bits of an entry.
inline constexpr std::uint64_t kBitPresent = 0x1, kBitWritable = 0x2, kBitUser = 0x4, kBitAccessed = 0x20,
                               kBitDirty = 0x40, kBitHuge = 0x80, kBitNoExecute = 0x8000000000000000;
// Bit 9 is software's: the entry maps the shared zero page (Linux: pte_special).
inline constexpr std::uint64_t kBitSpecial = 0x200, kFrameBits = 0x000ffffffffff000;
inline constexpr std::uint64_t kLinkBits = kBitPresent | kBitWritable | kBitUser;  // a link denies nothing
inline constexpr std::uint64_t kLeafBits = kLinkBits | kBitAccessed | kBitDirty | kBitNoExecute;
constexpr bool present(std::uint64_t entry) { return (entry & kBitPresent) != 0; }
constexpr bool writable(std::uint64_t entry) { return (entry & kBitWritable) != 0; }
constexpr bool user(std::uint64_t entry) { return (entry & kBitUser) != 0; }
constexpr bool executable(std::uint64_t entry) { return (entry & kBitNoExecute) == 0; }
constexpr bool dirty(std::uint64_t entry) { return (entry & kBitDirty) != 0; }
constexpr std::uint64_t frame_in(std::uint64_t entry) { return (entry & kFrameBits) / 4096; }
// Does `cached` allow something that `current` does not, or name another frame?
constexpr bool is_more_permissive(std::uint64_t cached, std::uint64_t current) {
  if (!present(current) || frame_in(cached) != frame_in(current)) return true;
  if (writable(cached) && !writable(current)) return true;
  if (user(cached) && !user(current)) return true;
  if (executable(cached) && !executable(current)) return true;
  return dirty(cached) && !dirty(current);  // a store through it would not set D again
}

inline constexpr std::uint32_t kKernel = 0;  // space number of the kernel's own root

struct Table {
  std::uint64_t frame = 0;
  std::uint32_t space = 0;   // number of the space (Machine::spaces), kKernel for the kernel root
  unsigned level = 0;        // 0 holds leaves
  std::uint64_t first = 0;   // first page of its span
  std::uint32_t parent = 0;  // table number, 0 for a root
  std::uint32_t present = 0; // entries that are
  std::vector<std::uint64_t> entries;
};

// Where a page's leaf is, or where the walk ended.
struct LeafPlace {
  std::uint32_t table = 0;  // 0: the walk ended above level 0
  std::uint64_t index = 0;
  std::uint64_t entry = 0;  // 0 if there is no leaf table
};

// The last leaf that somebody asked for: its neighbours share its table. Good until a table comes or goes.
struct LeafCursor {
  std::uint32_t space = 0;
  std::uint64_t first_page = ~std::uint64_t{0};  // of the leaf table's span
  std::uint32_t table = 0;                       // 0: no leaf table there
};

class Tables {
 public:
  explicit Tables(const Geometry* geometry = &kSmall) : geometry_(geometry) {}
  void start(const Geometry& geometry);

  std::uint32_t make(std::uint64_t frame);
  void drop(std::uint32_t table);
  Table& at(std::uint32_t table) { return tables_[table]; }
  const Table& at(std::uint32_t table) const { return tables_[table]; }
  // Gives a table its place in a tree.
  void place(std::uint32_t table, std::uint32_t space, unsigned level, std::uint64_t first, std::uint32_t parent);
  std::uint64_t span_pages(const Table& table) const {
    return geometry_->pages_per_entry(table.level) * geometry_->entries_per_table();
  }
  std::uint64_t page_at(const Table& table, std::uint64_t index) const {
    return table.first + index * geometry_->pages_per_entry(table.level);
  }

  // `number_of` names the table number of a table's frame.
  template <class NumberOf>
  LeafPlace find(std::uint32_t root, std::uint64_t page, NumberOf&& number_of) const {
    std::uint32_t here = root;
    for (unsigned level = geometry_->levels - 1;; --level) {
      const Table& table = tables_[here];
      const std::uint64_t index = geometry_->index_of(page, level);
      const std::uint64_t entry = table.entries[index];
      if (level == 0) return {here, index, entry};
      if (!present(entry)) return {};
      here = number_of(frame_in(entry));
    }
  }

  // Calls visit(page, entry, table number, index) for every present leaf in [from, to), in order.
  template <class NumberOf, class Visit>
  void for_each_leaf(std::uint32_t at, std::uint64_t from, std::uint64_t to, NumberOf&& number_of,
                     Visit&& visit) const {
    const Table& table = tables_[at];
    const std::uint64_t step = geometry_->pages_per_entry(table.level);
    const std::uint64_t entries = geometry_->entries_per_table();
    std::uint64_t index = from > table.first ? (from - table.first) / step : 0;
    for (; index < entries && table.first + index * step < to; ++index) {
      const std::uint64_t entry = table.entries[index];
      if (!present(entry)) continue;
      if (table.level == 0)
        visit(table.first + index, entry, at, index);
      else
        for_each_leaf(number_of(frame_in(entry)), from, to, number_of, visit);
    }
  }

  // Calls visit(table number) for every table below `at` whose span meets [from, to).
  template <class NumberOf, class Visit>
  void for_each_table(std::uint32_t at, std::uint64_t from, std::uint64_t to, NumberOf&& number_of,
                      Visit&& visit) const {
    const Table& table = tables_[at];
    if (table.level == 0) return;
    const std::uint64_t step = geometry_->pages_per_entry(table.level);
    std::uint64_t index = from > table.first ? (from - table.first) / step : 0;
    for (; index < geometry_->entries_per_table() && table.first + index * step < to; ++index) {
      if (!present(table.entries[index])) continue;
      const std::uint32_t below = number_of(frame_in(table.entries[index]));
      visit(below);
      for_each_table(below, from, to, number_of, visit);
    }
  }

 private:
  const Geometry* geometry_;
  std::vector<Table> tables_{1};
  std::vector<std::uint32_t> spare_;
  std::uint32_t used_ = 0;
};

}  // namespace mmtwin::model
