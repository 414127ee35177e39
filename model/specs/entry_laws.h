// A page-table entry as a number: a sum of a frame times 4096 and of flags worth powers of two.
//
// Laws: PERM, ISO. Run-time laws on `std::uint64_t`, theorems about impl/pgtable/entry_rules.h on symbolic words.
// Context: pure functions. Cost: divisions by powers of two. They deliberately use no mask, so that they cannot share a
// mistake with the rules. Source: Intel SDM volume 3, "4-level paging": bit positions of an entry that maps a page.
#pragma once

#include <cstdint>

namespace mmtwin::specs {

enum class EntryFlag : std::uint8_t {
  kPresent = 0,
  kWritable = 1,
  kUser = 2,
  kAccessed = 5,
  kDirty = 6,
  kHuge = 7,
  kGlobal = 8,
  kSpecial = 9,
  kNoExecute = 63,
};

constexpr std::uint64_t worth(EntryFlag flag) {
  std::uint64_t value = 1;
  for (unsigned i = 0; i < static_cast<unsigned>(flag); ++i) value = value * 2;
  return value;
}

// 0 or 1.
template <class Word>
constexpr Word flag_of(Word entry, EntryFlag flag) {
  return (entry / Word(worth(flag))) % Word(2);
}

template <class Word>
constexpr auto has_flag(Word entry, EntryFlag flag) {
  return flag_of(entry, flag) == Word(1);
}

inline constexpr std::uint64_t kFramesNameable = 0x100'0000'0000;  // 2^40

template <class Word>
constexpr Word named_frame(Word entry) {
  return (entry / Word(4096)) % Word(kFramesNameable);
}

// What an entry for a page is worth when it has just been made: nothing but frame, presence and rights.
template <class Word>
constexpr Word fresh_leaf(Word pfn, bool writable, bool user, bool executable) {
  const std::uint64_t flags = worth(EntryFlag::kPresent) + (writable ? worth(EntryFlag::kWritable) : 0) +
                              (user ? worth(EntryFlag::kUser) : 0) + (executable ? 0 : worth(EntryFlag::kNoExecute));
  return pfn * Word(4096) + Word(flags);
}

// `after` is `before` with `flag` set and nothing else changed.
template <class Word>
constexpr auto only_adds(Word before, Word after, EntryFlag flag) {
  return after == before + (Word(1) - flag_of(before, flag)) * Word(worth(flag));
}

// `after` is `before` with `flag` clear and nothing else changed.
template <class Word>
constexpr auto only_drops(Word before, Word after, EntryFlag flag) {
  return after == before - flag_of(before, flag) * Word(worth(flag));
}

// What is asked of every level of a walk: writable for a store, user for a user's access, executable for a fetch.
template <class Word>
constexpr auto level_allows(Word entry, bool write, bool fetch, bool user) {
  return (flag_of(entry, EntryFlag::kWritable) >= Word(write ? 1 : 0)) &&
         (flag_of(entry, EntryFlag::kUser) >= Word(user ? 1 : 0)) &&
         (flag_of(entry, EntryFlag::kNoExecute) <= Word(fetch ? 0 : 1));
}

static_assert(worth(EntryFlag::kNoExecute) == std::uint64_t{1} << 63);
static_assert(named_frame<std::uint64_t>(0x8000'0000'0034'5fff) == 0x345);
static_assert(fresh_leaf<std::uint64_t>(0x345, true, false, true) == 0x345003);
static_assert(only_drops<std::uint64_t>(0x345067, 0x345065, EntryFlag::kWritable));
static_assert(only_adds<std::uint64_t>(0x345005, 0x345045, EntryFlag::kDirty));
static_assert(level_allows<std::uint64_t>(0x345005, false, true, true));

}  // namespace mmtwin::specs
