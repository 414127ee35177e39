// What the proofs assume about page tables in memory: that they form a tree, and that a new table is really new.
//
// Laws: PT (tree shape, no shared table) is the hypothesis; the map and unmap theorems show that it is kept. Context:
// terms only, no path is split. Cost: a term for each pair of tables. It deliberately reads memory by the definitions
// of model/specs/, never by the rules under proof, and speaks only of the pages a theorem is about.
#pragma once

#include <string>
#include <vector>

#include "model/specs/address_laws.h"
#include "model/specs/entry_laws.h"
#include "props/smt/path_explorer.h"
#include "props/smt/symbolic_memory.h"

namespace mmtwin::smt {

inline SymbolicBool names_a_table(const SymbolicWord& entry) {
  return specs::has_flag(entry, specs::EntryFlag::kPresent) && !specs::has_flag(entry, specs::EntryFlag::kHuge);
}

inline SymbolicBool denies_nothing(const SymbolicWord& entry) { return specs::level_allows(entry, true, true, true); }

// The tables on the way to one page, from the root (depth 0) to level 0, and how far the way really goes.
struct Way {
  SymbolicWord vpn;
  std::vector<SymbolicWord> table;  // by depth; meaningful where `exists`
  std::vector<SymbolicBool> exists;
  std::vector<SymbolicWord> entry;  // the page's entry in each of them
};

inline Way way_to(SymbolicMemory& memory, const SymbolicWord& root, const SymbolicWord& vpn, std::uint64_t entries,
                  unsigned levels) {
  Way way{vpn, {root}, {SymbolicBool(true)}, {}};
  for (unsigned level = levels; level-- > 0;) {
    way.entry.push_back(memory.load(way.table.back(), specs::table_index(vpn, entries, level)));
    if (level == 0) break;
    way.exists.push_back(way.exists.back() && names_a_table(way.entry.back()));
    way.table.push_back(specs::named_frame(way.entry.back()));
  }
  return way;
}

// A table hangs in one place of the tree only: the tables of one way differ from each other, and two ways share exactly
// the tables down to where their pages part.
inline void assume_tree(PathExplorer& explorer, const Way& a, const Way& b, std::uint64_t entries) {
  const unsigned levels = static_cast<unsigned>(a.table.size());
  for (unsigned i = 0; i < levels; ++i) {
    for (unsigned j = 0; j < levels; ++j) {
      const SymbolicWord range(specs::pages_of_an_entry(entries, levels - i));
      const SymbolicWord all(specs::pages_of_an_entry(entries, levels));
      const SymbolicBool same_place = i == j ? a.vpn % all / range == b.vpn % all / range : SymbolicBool(false);
      explorer.assume(implies(a.exists[i] && b.exists[j], (a.table[i] == b.table[j]) == same_place));
    }
  }
}

// Entries for tables deny nothing, as make_table writes them.
inline void assume_only_leaves_deny(PathExplorer& explorer, const Way& way) {
  for (std::size_t depth = 0; depth + 1 < way.table.size(); ++depth)
    explorer.assume(implies(way.exists[depth + 1], denies_nothing(way.entry[depth])));
}

// Frames for new tables: all zero, different from each other and from every table on the given ways.
class NewTables {
 public:
  NewTables(PathExplorer& explorer, SymbolicMemory& memory, const std::vector<const Way*>& ways, std::uint64_t entries,
            unsigned most)
      : explorer_(&explorer) {
    for (unsigned i = 0; i < most; ++i) frames_.push_back(explorer.input("new_table" + std::to_string(i), kFrameBits));
    for (unsigned i = 0; i < most; ++i) {
      for (unsigned j = 0; j < i; ++j) explorer.assume(frames_[i] != frames_[j]);
      for (const Way* way : ways) {
        for (unsigned depth = 0; depth < way->table.size(); ++depth) {
          explorer.assume(implies(way->exists[depth], frames_[i] != way->table[depth]));
          explorer.assume(memory.load(frames_[i], specs::table_index(way->vpn, entries, depth)) == SymbolicWord(0));
        }
      }
    }
  }

  // Succeeds or fails, as long as there are frames.
  template <class NewTable>
  NewTable allocate() {
    const bool fails = given_ == frames_.size() || explorer_->choose("allocation" + std::to_string(given_) + "_fails");
    if (fails) return {false, SymbolicWord(0)};
    return {true, frames_[given_++]};
  }
  unsigned given() const { return given_; }

 private:
  PathExplorer* explorer_;
  std::vector<SymbolicWord> frames_;
  unsigned given_ = 0;
};

}  // namespace mmtwin::smt
