// Encoding of a page-table entry, bit for bit that of x86-64 (Intel SDM volume 3, "4-level paging"), both geometries.
//
// Laws: PERM and ISO (what an entry permits), PT (which frame it names); model/specs/entry_laws.h states them,
// props/smt proves them. Context: pure functions on a loaded value; storing it back is the caller's affair. Cost: one
// to three instructions. It deliberately neither loads nor stores, and knows no protection flags of ranges.
//
//   bit 0 P   present            bit 5 A   accessed           bits 12..51  frame number
//   bit 1 RW  writable           bit 6 D   dirty              bits 52..62  ignored, kept zero
//   bit 2 US  user               bit 7 PS  leaf above level 0 bit 63 NX    not executable
//   bit 3 PWT, bit 4 PCD: kept zero        bit 8 G   global   bit 9 special: the shared zero page; bits 10, 11 free
// An entry without P is ignored by hardware. All-zero means "nothing here"; other values without P are kept free for
// contents in swap.
#pragma once

#include <cstdint>

namespace mmtwin::impl {

inline constexpr std::uint64_t kEntryPresent = std::uint64_t{1} << 0;
inline constexpr std::uint64_t kEntryWritable = std::uint64_t{1} << 1;
inline constexpr std::uint64_t kEntryUser = std::uint64_t{1} << 2;
inline constexpr std::uint64_t kEntryAccessed = std::uint64_t{1} << 5;
inline constexpr std::uint64_t kEntryDirty = std::uint64_t{1} << 6;
inline constexpr std::uint64_t kEntryHuge = std::uint64_t{1} << 7;
inline constexpr std::uint64_t kEntryGlobal = std::uint64_t{1} << 8;
inline constexpr std::uint64_t kEntrySpecial = std::uint64_t{1} << 9;
inline constexpr std::uint64_t kEntryNoExecute = std::uint64_t{1} << 63;
inline constexpr unsigned kEntryFrameShift = 12;
inline constexpr std::uint64_t kEntryFrameMask = ((std::uint64_t{1} << 40) - 1) << kEntryFrameShift;

// Rights are kept as these three bits of an entry, so that one AND and one OR combine levels.
inline constexpr std::uint64_t kAllRights = kEntryWritable | kEntryUser;  // nothing denied: NX is a denial

// Entry that maps frame `pfn` (below 2^40; higher bits are dropped, they never become flags). A and D are clear.
template <class Word>
constexpr Word make_leaf(Word pfn, bool writable, bool user, bool executable) {
  const std::uint64_t flags =
      kEntryPresent | (writable ? kEntryWritable : 0) | (user ? kEntryUser : 0) | (executable ? 0 : kEntryNoExecute);
  return ((pfn << kEntryFrameShift) & Word(kEntryFrameMask)) | Word(flags);
}

// Entry that names the next lower table. It denies nothing: the leaf alone decides the rights of a page.
template <class Word>
constexpr Word make_table(Word pfn) {
  return ((pfn << kEntryFrameShift) & Word(kEntryFrameMask)) | Word(kEntryPresent | kAllRights);
}

template <class Word>
constexpr Word frame_of(Word entry) {
  return (entry & Word(kEntryFrameMask)) >> kEntryFrameShift;
}

// Are all the given bits set?
template <class Word>
constexpr auto has_bits(Word entry, std::uint64_t bits) {
  return (entry & Word(bits)) == Word(bits);
}

template <class Word>
constexpr auto is_present(Word entry) {
  return has_bits(entry, kEntryPresent);
}
template <class Word>
constexpr auto is_writable(Word entry) {
  return has_bits(entry, kEntryWritable);
}
template <class Word>
constexpr auto is_user(Word entry) {
  return has_bits(entry, kEntryUser);
}
template <class Word>
constexpr auto is_executable(Word entry) {
  return !has_bits(entry, kEntryNoExecute);
}
template <class Word>
constexpr auto is_accessed(Word entry) {
  return has_bits(entry, kEntryAccessed);
}
template <class Word>
constexpr auto is_dirty(Word entry) {
  return has_bits(entry, kEntryDirty);
}
template <class Word>
constexpr auto is_huge(Word entry) {
  return has_bits(entry, kEntryHuge);
}
template <class Word>
constexpr auto is_global(Word entry) {
  return has_bits(entry, kEntryGlobal);
}
// Names the shared zero page: not counted, never written through.
template <class Word>
constexpr auto is_special(Word entry) {
  return has_bits(entry, kEntrySpecial);
}

template <class Word>
constexpr Word with_accessed(Word entry) {
  return entry | Word(kEntryAccessed);
}
template <class Word>
constexpr Word with_dirty(Word entry) {
  return entry | Word(kEntryDirty);
}
template <class Word>
constexpr Word with_global(Word entry) {
  return entry | Word(kEntryGlobal);
}
template <class Word>
constexpr Word with_special(Word entry) {
  return entry | Word(kEntrySpecial);
}
// D stays: a page that was written remains to be saved, whoever may write it next (COW, mprotect).
template <class Word>
constexpr Word write_protected(Word entry) {
  return entry & ~Word(kEntryWritable);
}

// Rights after one more level: what any level denies is denied.
template <class Word>
constexpr Word effective(Word parent_rights, Word entry) {
  return (parent_rights & entry & Word(kAllRights)) | ((parent_rights | entry) & Word(kEntryNoExecute));
}

// Does a present entry, or the rights gathered over all levels, allow this access? A supervisor obeys RW and NX too
// (CR0.WP and EFER.NXE are set); SMEP and SMAP are not modelled.
template <class Word>
constexpr auto permits(Word rights, bool write, bool fetch, bool user) {
  const std::uint64_t needed = (write ? kEntryWritable : 0) | (user ? kEntryUser : 0);
  const std::uint64_t forbidden = fetch ? kEntryNoExecute : 0;
  return (rights & Word(needed | forbidden)) == Word(needed);
}

static_assert(make_leaf<std::uint64_t>(0x345, true, true, true) == 0x345007);
static_assert(make_leaf<std::uint64_t>(0x345, false, false, false) == 0x8000'0000'0034'5001);
static_assert(make_table<std::uint64_t>(0x12) == 0x12007);
static_assert(frame_of<std::uint64_t>(0x8000'0000'0034'5fff) == 0x345);
static_assert(make_leaf<std::uint64_t>(std::uint64_t{1} << 40, false, false, true) == kEntryPresent);
static_assert(is_dirty(with_dirty(make_table<std::uint64_t>(1))) && !is_dirty(make_table<std::uint64_t>(1)));
static_assert(write_protected<std::uint64_t>(0x345067) == 0x345065);
static_assert(effective<std::uint64_t>(kAllRights, 0x345005) == kEntryUser);
static_assert(effective<std::uint64_t>(kAllRights | kEntryNoExecute, 0x345007) == (kAllRights | kEntryNoExecute));
static_assert(permits<std::uint64_t>(0x345007, true, true, true));
static_assert(!permits<std::uint64_t>(0x345005, true, false, false));

}  // namespace mmtwin::impl
