#include "props/smt/theorems_entry.h"

#include "impl/pgtable/entry_rules.h"

namespace mmtwin::smt {

Theorem predicates_read_their_bit() {
  return {"entry.predicates", "each predicate is true iff its flag is set", [](PathExplorer& explorer) {
            using specs::EntryFlag, specs::has_flag;
            const SymbolicWord entry = explorer.input("entry");
            explorer.require(impl::is_present(entry) == has_flag(entry, EntryFlag::kPresent), "present");
            explorer.require(impl::is_writable(entry) == has_flag(entry, EntryFlag::kWritable), "writable");
            explorer.require(impl::is_user(entry) == has_flag(entry, EntryFlag::kUser), "user");
            explorer.require(impl::is_executable(entry) == !has_flag(entry, EntryFlag::kNoExecute), "executable");
            explorer.require(impl::is_accessed(entry) == has_flag(entry, EntryFlag::kAccessed), "accessed");
            explorer.require(impl::is_dirty(entry) == has_flag(entry, EntryFlag::kDirty), "dirty");
            explorer.require(impl::is_huge(entry) == has_flag(entry, EntryFlag::kHuge), "huge");
            explorer.require(impl::is_global(entry) == has_flag(entry, EntryFlag::kGlobal), "global");
            explorer.require(impl::is_special(entry) == has_flag(entry, EntryFlag::kSpecial), "special");
          }};
}

std::vector<Theorem> entry_theorems() {
  using Rules = RunningEntryRules;
  return {leaf_round_trip<Rules>(),
          table_round_trip<Rules>(),
          frame_never_touches_flags<Rules>(),
          frame_is_read_from_any_entry<Rules>(),
          write_protection_only_drops_rw<Rules>(),
          marks_only_add<Rules>(),
          a_right_needs_every_level<Rules>(),
          predicates_read_their_bit()};
}

}  // namespace mmtwin::smt
