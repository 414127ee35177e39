// What is proved about walking, mapping and unmapping whole trees, for each geometry.
//
// Laws: PT, PERM, CONTENT (no other page's translation changes). Context: bodies of theorems, run by a PathExplorer on
// memory with arbitrary contents. Cost: up to some seconds each. Every theorem is a template over the rules, so that a
// test can hand in wrong ones; production rules are `RunningWalkRules`. It deliberately leaves the other pages to
// theorems_walk_induction.h, where they cost milliseconds.
#pragma once

#include <string>
#include <vector>

#include "impl/pgtable/walk_rules.h"
#include "model/specs/walk_laws.h"
#include "props/smt/theorem.h"
#include "props/smt/tree_shape.h"

namespace mmtwin::smt {

template <class GeometryOfRules>
struct RunningWalkRules {
  using Geometry = GeometryOfRules;
  template <class Memory, class Word>
  static impl::WalkStep<Word> walk_step(Memory& memory, Word table, Word vpn, unsigned level) {
    return impl::walk_step<Geometry>(memory, table, vpn, level);
  }
  template <class Memory, class Word>
  static impl::Walk<Word> walk(Memory& memory, Word root, Word vpn) {
    return impl::walk<Geometry>(memory, root, vpn);
  }
  template <class Word>
  static Word frame_for(const impl::Walk<Word>& found, Word vpn) {
    return impl::frame_for<Geometry>(found, vpn);
  }
  template <class Memory, class Word, class Allocate>
  static impl::MapResult<Word> map_step(Memory& memory, Word table, Word vpn, unsigned level, Allocate& allocate) {
    return impl::map_step<Geometry>(memory, table, vpn, level, allocate);
  }
  template <class Memory, class Word, class Allocate>
  static impl::MapResult<Word> map_page(Memory& memory, Word root, Word vpn, Word leaf, Allocate& allocate) {
    return impl::map_page<Geometry>(memory, root, vpn, leaf, allocate);
  }
  template <class Memory, class Word>
  static impl::Walk<Word> unmap_page(Memory& memory, Word root, Word vpn) {
    return impl::unmap_page<Geometry>(memory, root, vpn);
  }
};

// An arbitrary page: all the bits that take part in translation.
template <class Geometry>
SymbolicWord any_page(PathExplorer& explorer, const std::string& name) {
  return explorer.input(name, Geometry::kBitsPerLevel * Geometry::kLevels);
}

// What the memory says about a page, by the definition.
template <class Geometry>
auto reading(SymbolicMemory& memory, const SymbolicWord& root, const SymbolicWord& vpn) {
  return specs::translation_of(memory, root, vpn, Geometry::kEntriesPerTable, Geometry::kLevels);
}

using Reading = specs::Translation<SymbolicWord, SymbolicBool>;

inline SymbolicBool are_the_same(const Reading& a, const Reading& b) {
  if (!a.present || !b.present) return SymbolicBool(a.present == b.present);
  return a.frame == b.frame && a.writable == b.writable && a.user == b.user && a.executable == b.executable;
}

inline SymbolicBool is_what_the_leaf_says(const Reading& a, const SymbolicWord& leaf) {
  using specs::EntryFlag, specs::has_flag;
  if (!a.present) return SymbolicBool(false);
  return a.frame == specs::named_frame(leaf) && a.writable == has_flag(leaf, EntryFlag::kWritable) &&
         a.user == has_flag(leaf, EntryFlag::kUser) && a.executable == !has_flag(leaf, EntryFlag::kNoExecute);
}

template <class Rules>
Theorem walk_reads_the_tree(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".walk.reads_the_tree",
          "a walk finds the frame and the rights that the tables say, in any memory",
          [](PathExplorer& explorer) {
            SymbolicMemory memory(explorer, Geometry::kBitsPerLevel);
            const SymbolicWord root = explorer.input("root", kFrameBits), vpn = any_page<Geometry>(explorer, "vpn");
            const impl::Walk<SymbolicWord> found = Rules::walk(memory, root, vpn);
            const Reading said = reading<Geometry>(memory, root, vpn);
            explorer.require(memory.stores().empty(), "a walk stores nothing");
            explorer.require(found.present == said.present, "presence");
            const SymbolicWord index = specs::table_index(vpn, Geometry::kEntriesPerTable, found.level);
            explorer.require(memory.load(found.table, index) == found.entry, "table, level and entry belong together");
            if (!found.present) return explorer.reached("absent");
            explorer.require(Rules::frame_for(found, vpn) == said.frame, "frame");
            explorer.require(impl::is_writable(found.rights) == said.writable, "writable");
            explorer.require(impl::is_user(found.rights) == said.user, "user");
            explorer.require(impl::is_executable(found.rights) == said.executable, "executable");
            explorer.reached(found.level == 0 ? "page" : "huge page");
          },
          {"absent", "page", "huge page"}};
}

template <class Rules>
Theorem map_makes_the_page_found(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".map.finds",
          "after a map the page has the asked frame and exactly the asked rights, or a failed "
          "map left its translation as it was",
          [](PathExplorer& explorer) {
            constexpr unsigned kMostNew = Geometry::kLevels - 1;
            SymbolicMemory memory(explorer, Geometry::kBitsPerLevel);
            const SymbolicWord root = explorer.input("root", kFrameBits), vpn = any_page<Geometry>(explorer, "vpn");
            const SymbolicWord leaf = explorer.input("leaf");
            explorer.assume(specs::has_flag(leaf, specs::EntryFlag::kPresent));
            const Way way = way_to(memory, root, vpn, Geometry::kEntriesPerTable, Geometry::kLevels);
            assume_tree(explorer, way, way, Geometry::kEntriesPerTable);
            assume_only_leaves_deny(explorer, way);
            NewTables tables(explorer, memory, {&way}, Geometry::kEntriesPerTable, kMostNew);
            SymbolicMemory before = memory;
            auto allocate = [&] { return tables.allocate<impl::NewTable<SymbolicWord>>(); };
            const impl::MapResult<SymbolicWord> mapped = Rules::map_page(memory, root, vpn, leaf, allocate);
            const Reading after = reading<Geometry>(memory, root, vpn);
            if (mapped.outcome != impl::MapOutcome::kMapped) {
              explorer.require(are_the_same(after, reading<Geometry>(before, root, vpn)),
                               "a failed map changes nothing");
              return explorer.reached(mapped.outcome == impl::MapOutcome::kHuge ? "huge page" : "no memory");
            }
            explorer.require(is_what_the_leaf_says(after, leaf), "the asked frame and rights");
            const impl::Walk<SymbolicWord> found = Rules::walk(memory, root, vpn);
            explorer.require(found.present && found.level == 0, "the walk finds a page");
            explorer.require(found.entry == leaf && found.table == mapped.table, "the walk finds the leaf");
            if (tables.given() == 0) explorer.reached("all tables there");
            if (tables.given() == kMostNew) explorer.reached("all tables new");
          },
          {"huge page", "no memory", "all tables there", "all tables new"}};
}

template <class Rules>
Theorem unmap_makes_the_page_absent(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".unmap.absent",
          "after an unmap the page is absent, unless it is in a huge page, which stays",
          [](PathExplorer& explorer) {
            SymbolicMemory memory(explorer, Geometry::kBitsPerLevel);
            const SymbolicWord root = explorer.input("root", kFrameBits), vpn = any_page<Geometry>(explorer, "vpn");
            const Way way = way_to(memory, root, vpn, Geometry::kEntriesPerTable, Geometry::kLevels);
            assume_tree(explorer, way, way, Geometry::kEntriesPerTable);
            SymbolicMemory before = memory;
            const impl::Walk<SymbolicWord> found = Rules::unmap_page(memory, root, vpn);
            const Reading was = reading<Geometry>(before, root, vpn), is = reading<Geometry>(memory, root, vpn);
            explorer.require(found.present == was.present, "it says whether there was a page");
            if (!found.present || found.level > 0) {
              explorer.require(memory.stores().empty(), "nothing is stored where there is no page to clear");
              return explorer.reached(found.present ? "huge page" : "absent");
            }
            explorer.require(!is.present, "the page is absent");
            explorer.require(Rules::frame_for(found, vpn) == was.frame, "it says which frame was there");
            explorer.reached("page");
          },
          {"huge page", "absent", "page"}};
}

// Two arbitrary different pages, the real loops from the root down.
template <class Rules>
Theorem map_leaves_other_pages_alone(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".map.frame",
          "a map, done or failed, changes no other page's translation",
          [](PathExplorer& explorer) {
            SymbolicMemory memory(explorer, Geometry::kBitsPerLevel);
            const SymbolicWord root = explorer.input("root", kFrameBits), leaf = explorer.input("leaf");
            const SymbolicWord vpn = any_page<Geometry>(explorer, "vpn"), other = any_page<Geometry>(explorer, "other");
            explorer.assume(vpn != other);
            const Way way = way_to(memory, root, vpn, Geometry::kEntriesPerTable, Geometry::kLevels);
            const Way elsewhere = way_to(memory, root, other, Geometry::kEntriesPerTable, Geometry::kLevels);
            assume_tree(explorer, way, way, Geometry::kEntriesPerTable);
            assume_tree(explorer, elsewhere, elsewhere, Geometry::kEntriesPerTable);
            assume_tree(explorer, way, elsewhere, Geometry::kEntriesPerTable);
            NewTables tables(explorer, memory, {&way, &elsewhere}, Geometry::kEntriesPerTable, Geometry::kLevels - 1);
            SymbolicMemory before = memory;
            auto allocate = [&] { return tables.allocate<impl::NewTable<SymbolicWord>>(); };
            const bool done = Rules::map_page(memory, root, vpn, leaf, allocate).outcome == impl::MapOutcome::kMapped;
            const Reading was = reading<Geometry>(before, root, other), is = reading<Geometry>(memory, root, other);
            explorer.require(are_the_same(was, is), "the other page's translation is what it was");
            explorer.reached(done ? "mapped" : "failed");
            explorer.reached(was.present ? "other present" : "other absent");
          },
          {"mapped", "failed", "other present", "other absent"}};
}

std::vector<Theorem> walk_theorems();

}  // namespace mmtwin::smt
