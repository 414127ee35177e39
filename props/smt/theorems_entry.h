// What is proved about page-table entries. Their format is the same in both geometries.
//
// Laws: PERM, ISO, PT. Context: bodies of theorems, run by a PathExplorer. Cost: a few queries each, milliseconds.
// Every theorem is a template over the rules, so that a test can hand in wrong ones and see them refuted; production
// rules are `RunningEntryRules`. It deliberately says nothing about memory: theorems_walk.h does.
#pragma once

#include <utility>
#include <vector>

#include "impl/pgtable/entry_rules.h"
#include "model/specs/entry_laws.h"
#include "props/smt/theorem.h"

namespace mmtwin::smt {

struct RunningEntryRules {
  template <class Word>
  static Word make_leaf(Word pfn, bool writable, bool user, bool executable) {
    return impl::make_leaf(pfn, writable, user, executable);
  }
  template <class Word>
  static Word make_table(Word pfn) {
    return impl::make_table(pfn);
  }
  template <class Word>
  static Word frame_of(Word entry) {
    return impl::frame_of(entry);
  }
  template <class Word>
  static Word with_accessed(Word entry) {
    return impl::with_accessed(entry);
  }
  template <class Word>
  static Word with_dirty(Word entry) {
    return impl::with_dirty(entry);
  }
  template <class Word>
  static Word with_global(Word entry) {
    return impl::with_global(entry);
  }
  template <class Word>
  static Word with_special(Word entry) {
    return impl::with_special(entry);
  }
  template <class Word>
  static Word write_protected(Word entry) {
    return impl::write_protected(entry);
  }
  template <class Word>
  static Word effective(Word parent_rights, Word entry) {
    return impl::effective(parent_rights, entry);
  }
  template <class Word>
  static auto permits(Word rights, bool write, bool fetch, bool user) {
    return impl::permits(rights, write, fetch, user);
  }
};

inline constexpr unsigned kEntryFrameBits = 40;

template <class Rules>
Theorem leaf_round_trip() {
  return {"entry.leaf", "a leaf is worth its frame, presence and rights, and names its frame again",
          [](PathExplorer& explorer) {
            const bool writable = explorer.choose("writable"), user = explorer.choose("user");
            const bool executable = explorer.choose("executable");
            const SymbolicWord pfn = explorer.input("pfn", kEntryFrameBits);
            const SymbolicWord entry = Rules::make_leaf(pfn, writable, user, executable);
            explorer.require(entry == specs::fresh_leaf(pfn, writable, user, executable), "frame, presence and rights");
            explorer.require(Rules::frame_of(entry) == pfn, "the frame comes back");
          }};
}

template <class Rules>
Theorem table_round_trip() {
  return {"entry.table", "an entry for a table names it, is no leaf, and denies nothing", [](PathExplorer& explorer) {
            const SymbolicWord pfn = explorer.input("pfn", kEntryFrameBits);
            const SymbolicWord entry = Rules::make_table(pfn);
            explorer.require(entry == specs::fresh_leaf(pfn, true, true, true), "frame, presence and all rights");
            explorer.require(Rules::frame_of(entry) == pfn, "the frame comes back");
            explorer.require(!specs::has_flag(entry, specs::EntryFlag::kHuge), "no leaf");
          }};
}

template <class Rules>
Theorem frame_never_touches_flags() {
  return {"entry.frame_stays_inside", "no value given as a frame, however large, changes a flag of an entry",
          [](PathExplorer& explorer) {
            const SymbolicWord pfn = explorer.input("pfn");
            const SymbolicWord leaf = Rules::make_leaf(pfn, false, false, true), table = Rules::make_table(pfn);
            const SymbolicWord frame = pfn % SymbolicWord(specs::kFramesNameable);
            explorer.require(leaf == specs::fresh_leaf(frame, false, false, true), "leaf");
            explorer.require(table == specs::fresh_leaf(frame, true, true, true), "table");
          }};
}

template <class Rules>
Theorem frame_is_read_from_any_entry() {
  return {"entry.frame_of", "the frame is read correctly whatever the flags are", [](PathExplorer& explorer) {
            const SymbolicWord entry = explorer.input("entry");
            explorer.require(Rules::frame_of(entry) == specs::named_frame(entry), "frame_of says what division says");
          }};
}

template <class Rules>
Theorem write_protection_only_drops_rw() {
  return {"entry.write_protect", "write protection clears RW and changes nothing else", [](PathExplorer& explorer) {
            const SymbolicWord entry = explorer.input("entry");
            explorer.require(specs::only_drops(entry, Rules::write_protected(entry), specs::EntryFlag::kWritable),
                             "only RW is dropped");
          }};
}

template <class Rules>
Theorem marks_only_add() {
  return {"entry.marks", "marking accessed, dirty, global or special sets that flag and changes nothing else",
          [](PathExplorer& explorer) {
            using specs::EntryFlag;
            const SymbolicWord entry = explorer.input("entry");
            explorer.require(specs::only_adds(entry, Rules::with_accessed(entry), EntryFlag::kAccessed), "accessed");
            explorer.require(specs::only_adds(entry, Rules::with_dirty(entry), EntryFlag::kDirty), "dirty");
            explorer.require(specs::only_adds(entry, Rules::with_global(entry), EntryFlag::kGlobal), "global");
            explorer.require(specs::only_adds(entry, Rules::with_special(entry), EntryFlag::kSpecial), "special");
          }};
}

// Four arbitrary entries, top down, are what a walk to a page passes at most.
template <class Rules>
Theorem a_right_needs_every_level() {
  return {"entry.rights", "an access is permitted iff every level it passes allows it", [](PathExplorer& explorer) {
            const bool write = explorer.choose("write"), fetch = explorer.choose("fetch");
            const bool user = explorer.choose("user");
            const unsigned passed = explorer.choose("levels_passed", 1, 4);
            SymbolicWord rights(impl::kAllRights);
            SymbolicBool allowed(true);
            for (unsigned i = 0; i < passed; ++i) {
              const SymbolicWord entry = explorer.input("entry" + std::to_string(i));
              rights = Rules::effective(rights, entry);
              allowed = allowed && specs::level_allows(entry, write, fetch, user);
            }
            explorer.require(Rules::permits(rights, write, fetch, user) == allowed, "the AND over the levels");
          }};
}

// The predicates have no policy of their own to get wrong but the bit they read.
Theorem predicates_read_their_bit();

std::vector<Theorem> entry_theorems();

}  // namespace mmtwin::smt
