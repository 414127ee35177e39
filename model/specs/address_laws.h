// Virtual addresses as the specification sees them: numbers written in base "entries per table".
//
// Laws: PT, ISO. Run-time laws on `std::uint64_t`, theorems about impl/pgtable/address_rules.h on symbolic words.
// Context: pure functions. Cost: divisions by powers of two. They deliberately divide and multiply where rules shift
// and mask, and take entries and levels as numbers so that they need no geometry of either machine.
#pragma once

#include <cstdint>

namespace mmtwin::specs {

inline constexpr std::uint64_t kBytesPerPage = 4096;
inline constexpr std::uint64_t kPagesOfAllAddresses = 0x10'0000'0000'0000;  // 2^64 / 4096

// Pages that one entry of a table at `level` translates: a page at level 0, a whole lower table above.
constexpr std::uint64_t pages_of_an_entry(std::uint64_t entries, unsigned level) {
  std::uint64_t pages = 1;
  for (unsigned i = 0; i < level; ++i) pages = pages * entries;
  return pages;
}

// Digit `level` of the page number.
template <class Word>
constexpr Word table_index(Word vpn, std::uint64_t entries, unsigned level) {
  return (vpn / Word(pages_of_an_entry(entries, level))) % Word(entries);
}

// The machine translates `entries`^`levels` pages: half of them from address zero up, half from the last address down.
template <class Word>
constexpr auto is_canonical_page(Word vpn, std::uint64_t entries, unsigned levels) {
  const std::uint64_t half = pages_of_an_entry(entries, levels) / 2;
  return vpn < Word(half) || (vpn >= Word(kPagesOfAllAddresses - half) && vpn < Word(kPagesOfAllAddresses));
}

template <class Word>
constexpr auto is_canonical_address(Word address, std::uint64_t entries, unsigned levels) {
  return is_canonical_page(address / Word(kBytesPerPage), entries, levels);
}

template <class Word>
constexpr auto same_page(Word a, Word b) {
  return a / Word(kBytesPerPage) == b / Word(kBytesPerPage);
}

// Byte address of byte `offset` of page `vpn`.
template <class Word>
constexpr Word byte_of_page(Word vpn, Word offset) {
  return vpn * Word(kBytesPerPage) + offset;
}

// The `count` pages from `first` on include `vpn`, and their range starts at a multiple of `count`.
template <class Word>
constexpr auto lies_in_aligned_range(Word vpn, Word first, std::uint64_t count) {
  return first % Word(count) == Word(0) && first <= vpn && vpn - first < Word(count);
}

static_assert(table_index<std::uint64_t>(0x1234, 16, 2) == 2);
static_assert(is_canonical_address<std::uint64_t>(0x7fff'ffff'ffff, 512, 4));
static_assert(!is_canonical_address<std::uint64_t>(0x8000'0000'0000, 512, 4));
static_assert(is_canonical_address<std::uint64_t>(0xffff'8000'0000'0000, 512, 4));
static_assert(same_page<std::uint64_t>(4096, 8191) && !same_page<std::uint64_t>(4095, 4096));

}  // namespace mmtwin::specs
