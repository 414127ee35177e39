// The frame conditions of map and unmap by induction over levels: no other page's translation changes.
//
// Laws: PT, CONTENT. Context: bodies of theorems, run by a PathExplorer. Cost: milliseconds, whatever the number of
// levels, where the whole tree at once (theorems_walk.h) takes seconds for four. Both are kept: this is the argument
// that carries over to five levels, the other needs no argument. It deliberately treats everything below one table as
// an arbitrary function.
//
// Claim S(L), for the subtree of a table t at level L, where `low` is the part of a page number below level L + 1:
//   map:   if it succeeds, reading `low(a)` in t gives the leaf, and reading any other `low` gives what it gave before;
//          if it fails, reading any `low` gives what it gave before;
//   unmap: reading `low(a)` gives absence or the huge page that was there, any other `low` what it gave before;
//   both store only into tables of t's subtree on the way to a, and into new tables.
// Base: S(0). The code that runs is map_page and unmap_page of a machine with one level, that is, their last step.
// Step: S(L - 1) implies S(L), for L = 1, 2, 3. The code that runs is map_step and walk_step, the bodies of the loops.
//   What the loop does after that step is S(L - 1) for the next table, taken as hypothesis: `Below` is an arbitrary
//   reading of everything under level L, changed exactly as S(L - 1) allows. Because tables form a tree, the other
//   subtrees of t and t itself share no table with that one, so a later store cannot reach them.
// The root is a table at level kLevels - 1, so S(kLevels - 1) is the frame condition of map_page and unmap_page.
#pragma once

#include <string>
#include <vector>

#include "props/smt/theorems_walk.h"

namespace mmtwin::smt {

// The same entries per table, one level: the last step of every walk.
template <class WholeGeometry>
struct LastLevelOf {
  static constexpr int kBitsPerLevel = WholeGeometry::kBitsPerLevel;
  static constexpr int kLevels = 1;
  static constexpr int kEntriesPerTable = WholeGeometry::kEntriesPerTable;
};

// `Rules` are those of LastLevelOf a geometry.
template <class Rules>
Theorem map_frame_base(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {
      geometry + ".map.frame_base", "induction base: storing a leaf changes no other page of its table",
      [](PathExplorer& explorer) {
        SymbolicMemory memory(explorer, Geometry::kBitsPerLevel), before = memory;
        const SymbolicWord table = explorer.input("table", kFrameBits), leaf = explorer.input("leaf");
        const SymbolicWord vpn = explorer.input("vpn", 52), other = explorer.input("other", 52);
        const SymbolicWord range(Geometry::kEntriesPerTable);
        explorer.assume(vpn % range != other % range && specs::has_flag(leaf, specs::EntryFlag::kPresent));
        unsigned asked = 0;
        auto allocate = [&] { return ++asked, impl::NewTable<SymbolicWord>{false, SymbolicWord(0)}; };
        const auto mapped = Rules::map_page(memory, table, vpn, leaf, allocate);
        explorer.require(asked == 0 && mapped.outcome == impl::MapOutcome::kMapped, "no new table is asked for");
        explorer.require(memory.stores().size() == 1 && memory.stores()[0].table == table, "one store, in the table");
        explorer.require(is_what_the_leaf_says(reading<Geometry>(memory, table, vpn), leaf), "the page is the leaf");
        const Reading was = reading<Geometry>(before, table, other), is = reading<Geometry>(memory, table, other);
        explorer.require(are_the_same(was, is), "the other page is what it was");
      }};
}

template <class Rules>
Theorem unmap_frame_base(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".unmap.frame_base", "induction base: clearing a leaf changes no other page of its table",
          [](PathExplorer& explorer) {
            SymbolicMemory memory(explorer, Geometry::kBitsPerLevel), before = memory;
            const SymbolicWord table = explorer.input("table", kFrameBits);
            const SymbolicWord vpn = explorer.input("vpn", 52), other = explorer.input("other", 52);
            const SymbolicWord range(Geometry::kEntriesPerTable);
            explorer.assume(vpn % range != other % range);
            Rules::unmap_page(memory, table, vpn);
            for (const auto& store : memory.stores()) explorer.require(store.table == table, "stores into the table");
            explorer.require(!reading<Geometry>(memory, table, vpn).present, "the page is absent");
            const Reading was = reading<Geometry>(before, table, other), is = reading<Geometry>(memory, table, other);
            explorer.require(are_the_same(was, is), "the other page is what it was");
          }};
}

// Everything under level L: what reading `low` in a table at level L - 1 gives, as one word, 0 for "absent".
class Below {
 public:
  Below(PathExplorer& explorer, unsigned low_bits)
      : low_bits_(low_bits), reading_(explorer.function("below", {kFrameBits, low_bits})) {}

  SymbolicWord read(const SymbolicWord& table, const SymbolicWord& vpn) const {
    SymbolicWord value(reading_(table.term().extract(kFrameBits - 1, 0), low(vpn)));
    for (const Change& change : changes_) value = select(change.where(table, low(vpn)), change.value, value);
    return value;
  }
  // A table whose entries are all zero says "absent" to every page.
  void set_empty(const SymbolicWord& table) {
    changes_.push_back({[=](const SymbolicWord& t, const z3::expr&) { return t == table; }, SymbolicWord(0)});
  }
  void set(const SymbolicWord& table, const SymbolicWord& vpn, const SymbolicWord& value) {
    const z3::expr at = low(vpn);
    changes_.push_back(
        {[=](const SymbolicWord& t, const z3::expr& other) { return t == table && SymbolicBool(other == at); }, value});
  }

 private:
  struct Change {
    std::function<SymbolicBool(const SymbolicWord& table, const z3::expr& low)> where;
    SymbolicWord value;
  };
  z3::expr low(const SymbolicWord& vpn) const { return vpn.term().extract(low_bits_ - 1, 0); }

  unsigned low_bits_;
  z3::func_decl reading_;
  std::vector<Change> changes_;
};

// One table at level L, two pages in its range, and the tables that their entries name.
template <class Geometry>
struct OneTable {
  unsigned level;
  SymbolicMemory memory;
  SymbolicWord table, vpn, other, index, other_index, entry, other_entry;

  explicit OneTable(PathExplorer& explorer)
      : level(explorer.choose("level", 1, Geometry::kLevels - 1)),
        memory(explorer, Geometry::kBitsPerLevel),
        table(explorer.input("table", kFrameBits)),
        vpn(explorer.input("vpn", 52)),
        other(explorer.input("other", 52)),
        index(specs::table_index(vpn, Geometry::kEntriesPerTable, level)),
        other_index(specs::table_index(other, Geometry::kEntriesPerTable, level)),
        entry(memory.load(table, index)),
        other_entry(memory.load(table, other_index)) {
    const SymbolicBool both = names_a_table(entry) && names_a_table(other_entry);
    explorer.assume(
        implies(both && index != other_index, specs::named_frame(entry) != specs::named_frame(other_entry)));
    for (const SymbolicWord& e : {entry, other_entry})
      explorer.assume(implies(names_a_table(e), specs::named_frame(e) != table && denies_nothing(e)));
  }
  SymbolicBool pages_differ() const {
    const SymbolicWord range(specs::pages_of_an_entry(Geometry::kEntriesPerTable, level + 1));
    return vpn % range != other % range;
  }
};

// The other page reads, through an entry of the table, what it read before.
inline void require_same_reading(PathExplorer& explorer, const SymbolicWord& vpn, const SymbolicWord& entry_before,
                                 const Below& before, const SymbolicWord& entry_after, const Below& after) {
  const SymbolicBool was_present = specs::has_flag(entry_before, specs::EntryFlag::kPresent);
  explorer.require(implies(was_present, entry_after == entry_before), "a present entry stays");
  explorer.require(implies(names_a_table(entry_before), after.read(specs::named_frame(entry_after), vpn) ==
                                                            before.read(specs::named_frame(entry_before), vpn)),
                   "what it leads to reads as before");
  const SymbolicBool is_present = specs::has_flag(entry_after, specs::EntryFlag::kPresent);
  const SymbolicBool reads_absent =
      names_a_table(entry_after) && after.read(specs::named_frame(entry_after), vpn) == SymbolicWord(0);
  explorer.require(implies(!was_present, !is_present || reads_absent), "what was absent stays absent");
}

template <class Rules>
Theorem map_frame_step(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".map.frame_step",
          "induction step: if mapping below a table changes one page only, so does mapping through the table",
          [](PathExplorer& explorer) {
            OneTable<Geometry> at(explorer);
            const SymbolicWord leaf = explorer.input("leaf"), fresh = explorer.input("new_table", kFrameBits);
            explorer.assume(fresh != at.table);
            for (const SymbolicWord& entry : {at.entry, at.other_entry})
              explorer.assume(implies(names_a_table(entry), specs::named_frame(entry) != fresh));
            Below before(explorer, Geometry::kBitsPerLevel * at.level);
            before.set_empty(fresh);
            const bool there_is_memory = explorer.choose("there_is_memory");
            auto allocate = [&] { return impl::NewTable<SymbolicWord>{there_is_memory, fresh}; };

            const auto step = Rules::map_step(at.memory, at.table, at.vpn, at.level, allocate);
            for (const auto& store : at.memory.stores())
              explorer.require(store.table == at.table && store.index == at.index, "stores into the page's own entry");
            const SymbolicWord entry = at.memory.load(at.table, at.index);
            const SymbolicWord other_entry = at.memory.load(at.table, at.other_index);
            Below after = before;
            if (step.outcome == impl::MapOutcome::kMapped) {
              explorer.require(names_a_table(entry) && denies_nothing(entry),
                               "the entry names a table, denies nothing");
              explorer.require(specs::named_frame(entry) == step.table, "it is the table that the loop goes on with");
              explorer.reached(at.memory.stores().empty() ? "there" : "new");
              if (explorer.choose("the_rest_succeeds")) {
                after.set(step.table, at.vpn, leaf);
                explorer.assume(at.pages_differ());
              }
            } else {
              explorer.require(at.memory.stores().empty(), "a refused step stores nothing");
              explorer.reached(step.outcome == impl::MapOutcome::kHuge ? "huge page" : "no memory");
            }
            require_same_reading(explorer, at.other, at.other_entry, before, other_entry, after);
          },
          {"there", "new", "huge page", "no memory"}};
}

template <class Rules>
Theorem unmap_frame_step(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".unmap.frame_step",
          "induction step: if unmapping below a table changes one page only, so does unmapping through the table",
          [](PathExplorer& explorer) {
            OneTable<Geometry> at(explorer);
            Below before(explorer, Geometry::kBitsPerLevel * at.level), after = before;
            const auto step = Rules::walk_step(at.memory, at.table, at.vpn, at.level);
            explorer.require(at.memory.stores().empty(), "a step down stores nothing");
            explorer.require(step.entry == at.entry, "it reads the page's own entry");
            if (step.step == impl::Step::kDescend) {
              explorer.require(names_a_table(at.entry), "it goes on only where there is a table");
              after.set(specs::named_frame(step.entry), at.vpn, SymbolicWord(0));
              explorer.assume(at.pages_differ());
              explorer.reached("descends");
            } else {
              explorer.reached("ends");
            }
            require_same_reading(explorer, at.other, at.other_entry, before, at.other_entry, after);
          },
          {"descends", "ends"}};
}

}  // namespace mmtwin::smt
