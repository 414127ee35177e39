// Arithmetic of virtual addresses: which entry of which table translates a page, and which addresses exist at all.
//
// Laws: PT (an entry is found where its address says), ISO (the user half ends where the canonical hole begins);
// model/specs/address_laws.h states them, props/smt proves them. Context: pure functions, any thread. Cost: a shift
// and a mask. Levels count from the leaf: level 0 holds pages, level kLevels - 1 is the root. It deliberately loads
// nothing.
// Virtual page numbers carry the sign bits of their address: 52 bits, vpn = address / 4096.
#pragma once

#include <cstdint>

#include "impl/base/geometry.h"

namespace mmtwin::impl {

inline constexpr unsigned kAddressBits = 64;
inline constexpr unsigned kOffsetBits = 12;

// Pages translated by one entry of a table at `level`: 1 at level 0, a huge page's worth at level 1.
template <class Geometry>
constexpr std::uint64_t span_pages(unsigned level) {
  return std::uint64_t{1} << (Geometry::kBitsPerLevel * level);
}

// Bits of an address that take part in translation: 48 on x86-64 with four levels.
template <class Geometry>
inline constexpr unsigned kVirtualBits = kOffsetBits + Geometry::kBitsPerLevel * Geometry::kLevels;

// Which entry of the table at `level` is responsible for page `vpn`.
template <class Geometry, class Word>
constexpr Word index_at(Word vpn, unsigned level) {
  return (vpn >> (Geometry::kBitsPerLevel * level)) & Word(Geometry::kEntriesPerTable - 1);
}

// First page of the range that the table at `level` on the way to `vpn` covers. Adding index * span_pages(level) gives
// the first page of an entry, sign bits included; for the root it is therefore the base of the half that `vpn` is in.
template <class Geometry, class Word>
constexpr Word table_base(Word vpn, unsigned level) {
  return vpn & ~Word(span_pages<Geometry>(level + 1) - 1);
}

// The page that four indices (by level, each below kEntriesPerTable) lead to, sign bits filled in as hardware does.
template <class Geometry, class Word>
constexpr Word vpn_from_indices(const Word (&index)[Geometry::kLevels]) {
  constexpr unsigned kBits = kVirtualBits<Geometry> - kOffsetBits;
  constexpr std::uint64_t kSignBits = (std::uint64_t{1} << (kAddressBits - kOffsetBits)) - (std::uint64_t{1} << kBits);
  Word vpn(0);
  for (unsigned level = 0; level < Geometry::kLevels; ++level)
    vpn = vpn | (index[level] << (Geometry::kBitsPerLevel * level));
  const Word sign = vpn >> (kBits - 1);  // 0 or 1
  return vpn | ((Word(0) - sign) & Word(kSignBits));
}

// Does the machine have this byte address: are all bits from the highest translated one up equal?
template <class Geometry, class Word>
constexpr auto is_canonical(Word address) {
  constexpr std::uint64_t kAllSet = ~std::uint64_t{0} >> (kVirtualBits<Geometry> - 1);
  const Word top = address >> (kVirtualBits<Geometry> - 1);
  return top == Word(0) || top == Word(kAllSet);
}

// Byte within its page.
template <class Word>
constexpr Word page_offset(Word address) {
  return address & Word((std::uint64_t{1} << kOffsetBits) - 1);
}

static_assert(kVirtualBits<X86Geometry> == 48 && kVirtualBits<SmallGeometry> == 28);
static_assert(span_pages<X86Geometry>(1) == 512 && span_pages<SmallGeometry>(3) == 4096);
static_assert(index_at<X86Geometry, std::uint64_t>(0x7'ffff'ffff, 3) == 255);
static_assert(index_at<SmallGeometry, std::uint64_t>(0x1234, 2) == 2);
static_assert(table_base<SmallGeometry, std::uint64_t>(0x1234, 1) == 0x1200);
static_assert(vpn_from_indices<SmallGeometry, std::uint64_t>({4, 3, 2, 1}) == 0x1234);
static_assert(vpn_from_indices<SmallGeometry, std::uint64_t>({0, 0, 0, 8}) == 0xf'ffff'ffff'8000);
static_assert(is_canonical<X86Geometry, std::uint64_t>(0x7fff'ffff'ffff));
static_assert(!is_canonical<X86Geometry, std::uint64_t>(0x8000'0000'0000));
static_assert(is_canonical<X86Geometry, std::uint64_t>(0xffff'8000'0000'0000));
static_assert(page_offset<std::uint64_t>(0x12345) == 0x345);

}  // namespace mmtwin::impl
