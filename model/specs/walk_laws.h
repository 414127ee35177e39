// What a tree of tables says about a page, read off by the definition: one table after the other, from the root down.
//
// Laws: PT, PERM. Run-time law on `std::uint64_t`, theorem about impl/pgtable/walk_rules.h on symbolic words. Context:
// pure functions over a memory that can be loaded from. Cost: one load a level. It deliberately shares nothing with the
// walker it judges: arithmetic instead of masks, a recursion instead of a loop.
#pragma once

#include <cstdint>
#include <type_traits>

#include "model/specs/address_laws.h"
#include "model/specs/entry_laws.h"

namespace mmtwin::specs {

// `Truth` is bool, or a symbolic claim.
template <class Word, class Truth>
struct Translation {
  bool present;
  Word frame;  // meaningful, as all below, only when present
  Truth writable, user, executable;
};

// Reads `vpn` in the subtree of the table at `level`, whose parents granted what `so_far` says.
template <class Memory, class Word, class Truth>
constexpr Translation<Word, Truth> translation_below(Memory& memory, Word table, unsigned level, Word vpn,
                                                     std::uint64_t entries, Translation<Word, Truth> so_far) {
  const Word entry = memory.load(table, table_index(vpn, entries, level));
  if (!has_flag(entry, EntryFlag::kPresent)) return so_far;
  const Translation<Word, Truth> granted = {
      false, named_frame(entry), so_far.writable && has_flag(entry, EntryFlag::kWritable),
      so_far.user && has_flag(entry, EntryFlag::kUser), so_far.executable && !has_flag(entry, EntryFlag::kNoExecute)};
  if (level > 0 && !has_flag(entry, EntryFlag::kHuge))
    return translation_below(memory, named_frame(entry), level - 1, vpn, entries, granted);
  const Word span(pages_of_an_entry(entries, level));
  const Word frame = named_frame(entry) / span * span + vpn % span;
  return {true, frame, granted.writable, granted.user, granted.executable};
}

// What the tree at `root` says about `vpn`.
template <class Memory, class Word>
constexpr auto translation_of(Memory& memory, Word root, Word vpn, std::uint64_t entries, unsigned levels) {
  const auto granted = Word(0) == Word(0);
  const Translation<Word, std::remove_const_t<decltype(granted)>> nothing = {false, Word(0), granted, granted, granted};
  return translation_below(memory, root, levels - 1, vpn, entries, nothing);
}

}  // namespace mmtwin::specs
