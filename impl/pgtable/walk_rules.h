// Walking a page-table tree: find, map and unmap one page, as loops over a one-level step.
//
// Laws: PT (tree shape), PERM (rights are the AND over the levels), CONTENT (no other page's translation changes);
// props/smt proves each step and the induction over levels. Context: the caller holds the space's table lock; hardware
// walks use `walk` alone. Cost: one load a level, one store a change; nothing is copied. It deliberately neither
// flushes a TLB nor frees a table, and does not split huge pages: a page inside one is refused.
//
// `Memory` is anything with `Word load(Word table, Word index)` and `void store(Word table, Word index, Word entry)`,
// where `table` is the frame of a table. `Allocate` returns `NewTable<Word>` when called: a frame whose entries are all
// zero and that no tree uses yet, or the news that there is none.
#pragma once

#include <cstdint>

#include "impl/pgtable/address_rules.h"
#include "impl/pgtable/entry_rules.h"

namespace mmtwin::impl {

template <class Word>
struct NewTable {
  bool ok;
  Word table;  // meaningful only when ok
};

// What one loaded entry says about the way on.
enum class Step : std::uint8_t {
  kAbsent,   // nothing below: a walk ends here, a mapping needs a new table (or, at level 0, its leaf)
  kDescend,  // it names the next lower table
  kLeaf,     // it maps memory: a page at level 0, a huge page above
};

// PS in an entry of the root is reserved on x86-64; nothing here ever writes one.
template <class Word>
constexpr Step step_of(Word entry, unsigned level) {
  if (!is_present(entry)) return Step::kAbsent;
  if (level == 0 || is_huge(entry)) return Step::kLeaf;
  return Step::kDescend;
}

template <class Word>
struct WalkStep {
  Step step;
  Word entry;  // as loaded from the table
};

template <class Geometry, class Memory, class Word>
constexpr WalkStep<Word> walk_step(Memory& memory, Word table, Word vpn, unsigned level) {
  const Word entry = memory.load(table, index_at<Geometry>(vpn, level));
  return {step_of(entry, level), entry};
}

// Where a walk ended.
template <class Word>
struct Walk {
  bool present;
  unsigned level;  // of the table that holds `entry`; above 0 for a huge page or a missing table
  Word entry;      // the leaf, or the entry without P that ended the walk
  Word table;      // frame of the table that holds `entry`
  Word rights;     // gathered over all levels down to the leaf, for `permits`; meaningful only when present
};

template <class Geometry, class Memory, class Word>
constexpr Walk<Word> walk(Memory& memory, Word root, Word vpn) {
  Word table = root;
  Word rights(kAllRights);
  for (unsigned level = Geometry::kLevels - 1;; --level) {
    const WalkStep<Word> here = walk_step<Geometry>(memory, table, vpn, level);
    if (here.step == Step::kAbsent) return {false, level, here.entry, table, Word(0)};
    rights = effective(rights, here.entry);
    if (here.step == Step::kLeaf) return {true, level, here.entry, table, rights};
    table = frame_of(here.entry);
  }
}

// The frame that translates `vpn`, for a walk that is present: inside a huge page, the page's own frame.
template <class Geometry, class Word>
constexpr Word frame_for(const Walk<Word>& found, Word vpn) {
  const Word inside(span_pages<Geometry>(found.level) - 1);
  return (frame_of(found.entry) & ~inside) | (vpn & inside);
}

enum class MapOutcome : std::uint8_t {
  kMapped,    // for map_step: the next lower table is there
  kNoMemory,  // no table could be allocated
  kHuge,      // a huge page covers the address: split it first
};

template <class Word>
struct MapResult {
  MapOutcome outcome;
  Word table;  // kMapped: map_step: the next lower table; map_page: the table that holds the leaf
};

// One level down on the way to a mapping; `level` is at least 1. Makes the next lower table if there is none.
template <class Geometry, class Memory, class Word, class Allocate>
constexpr MapResult<Word> map_step(Memory& memory, Word table, Word vpn, unsigned level, Allocate& allocate) {
  const WalkStep<Word> here = walk_step<Geometry>(memory, table, vpn, level);
  if (here.step == Step::kDescend) return {MapOutcome::kMapped, frame_of(here.entry)};
  if (here.step == Step::kLeaf) return {MapOutcome::kHuge, table};
  const NewTable<Word> fresh = allocate();
  if (!fresh.ok) return {MapOutcome::kNoMemory, table};
  memory.store(table, index_at<Geometry>(vpn, level), make_table(fresh.table));
  return {MapOutcome::kMapped, fresh.table};
}

// Makes `leaf` the translation of `vpn`, replacing what was there; the caller flushes. A failed map changes no
// translation: it leaves behind, at most, empty tables that hang in the tree, to be used by the next attempt or freed
// with the space.
template <class Geometry, class Memory, class Word, class Allocate>
constexpr MapResult<Word> map_page(Memory& memory, Word root, Word vpn, Word leaf, Allocate&& allocate) {
  Word table = root;
  for (unsigned level = Geometry::kLevels - 1; level > 0; --level) {
    const MapResult<Word> below = map_step<Geometry>(memory, table, vpn, level, allocate);
    if (below.outcome != MapOutcome::kMapped) return below;
    table = below.table;
  }
  memory.store(table, index_at<Geometry>(vpn, 0), leaf);
  return {MapOutcome::kMapped, table};
}

// Ends the translation of `vpn` and says what it was. Only a present leaf at level 0 is cleared: an absent page has
// nothing to clear, and a huge page (level above 0 in the result) would take its neighbours along.
template <class Geometry, class Memory, class Word>
constexpr Walk<Word> unmap_page(Memory& memory, Word root, Word vpn) {
  const Walk<Word> found = walk<Geometry>(memory, root, vpn);
  if (found.present && found.level == 0) memory.store(found.table, index_at<Geometry>(vpn, 0), Word(0));
  return found;
}

namespace walk_rules_example {

struct FiveTables {
  std::uint64_t cell[5][SmallGeometry::kEntriesPerTable] = {};
  constexpr std::uint64_t load(std::uint64_t table, std::uint64_t index) const { return cell[table][index]; }
  constexpr void store(std::uint64_t table, std::uint64_t index, std::uint64_t entry) { cell[table][index] = entry; }
};

constexpr bool a_mapped_page_is_found_until_it_is_unmapped() {
  FiveTables memory;
  std::uint64_t next_table = 1;
  const auto allocate = [&] { return NewTable<std::uint64_t>{true, next_table++}; };
  const std::uint64_t root = 0, vpn = 0x1234, leaf = make_leaf<std::uint64_t>(77, true, true, false);
  const auto mapped = map_page<SmallGeometry>(memory, root, vpn, leaf, allocate);
  const auto found = walk<SmallGeometry>(memory, root, vpn);
  const bool neighbour = walk<SmallGeometry>(memory, root, vpn + 1).present;
  unmap_page<SmallGeometry>(memory, root, vpn);
  const bool after = walk<SmallGeometry>(memory, root, vpn).present;
  return mapped.outcome == MapOutcome::kMapped && mapped.table == 3 && found.present && found.level == 0 &&
         frame_for<SmallGeometry>(found, vpn) == 77 && found.rights == (kAllRights | kEntryNoExecute) && !neighbour &&
         !after;
}
static_assert(a_mapped_page_is_found_until_it_is_unmapped());

}  // namespace walk_rules_example

}  // namespace mmtwin::impl
