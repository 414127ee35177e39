// Which neighbours a range merges with: Linux 6.12's rules, as pure functions on what two ranges look like.
//
// Laws: VMA-2 (policy vma-merge). Context: values. Cost: a few comparisons. It deliberately does not merge: it says
// which sides may, space_map.cc does it. Source: docs/RULES.md section 3, measured on real kernels.
//
// A family of 0 is none; a chain is singular if it has exactly one link.
#pragma once

#include <cstdint>

#include "vocab/flags.h"

namespace mmtwin::impl {

// Offset and family excepted, what must be equal for two ranges to be one.
struct RangeAttributes {
  Prot prot;
  MapFlags flags;
  bool accounted = false;
  std::uint16_t file = 0;
  friend constexpr bool operator==(const RangeAttributes&, const RangeAttributes&) = default;
};

// A range, or the part of it that stays.
struct Piece {
  bool exists = false;
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::uint64_t offset = 0;
  RangeAttributes attributes{};
  std::uint64_t family = 0;
  std::uint32_t links = 0;
};

struct MergeSides {
  bool left = false;
  bool right = false;
};

// May a range whose family is `family` become one with its neighbour, as far as families go?
constexpr bool families_compatible(std::uint64_t family, const Piece& neighbour) {
  if ((family == 0 || neighbour.family == 0) && neighbour.links == 1) return true;
  return family == neighbour.family;
}

// `left` directly before `right`: same attributes, no jump in the offset.
constexpr bool continues(const Piece& left, const Piece& right) {
  return left.exists && right.exists && left.end == right.start && left.attributes == right.attributes &&
         left.offset + (left.end - left.start) == right.offset;
}

// With which of its neighbours may `piece` become one? With both only if these are compatible with each other.
constexpr MergeSides merge_sides(const Piece& left, const Piece& piece, const Piece& right) {
  MergeSides sides;
  sides.left = continues(left, piece) && families_compatible(piece.family, left);
  sides.right = continues(piece, right) && families_compatible(piece.family, right) &&
                (!sides.left || left.family == 0 || right.family == 0 || left.family == right.family);
  return sides;
}

// May `range` take over the family of its neighbour at its first store? Only r, w and x may differ.
constexpr bool may_share_family(const Piece& left, const Piece& right, const Piece& owner) {
  Piece a = left, b = right;
  a.attributes.prot = b.attributes.prot = Prot{};
  return continues(a, b) && owner.family != 0 && owner.links == 1;
}

// The part [from, to) of a piece.
constexpr Piece clipped(Piece piece, std::uint64_t from, std::uint64_t to) {
  if (from > piece.start) {
    piece.offset += from - piece.start;
    piece.start = from;
  }
  if (to < piece.end) piece.end = to;
  return piece;
}

// Is a private writable mapping charged when it is made? MAP_NORESERVE takes it out.
constexpr bool is_accountable(Prot prot, MapFlags flags) {
  return prot.has(kProtWrite) && !flags.any(kMapShared | kMapNoReserve);
}

// What protect makes of the attributes of a range.
constexpr RangeAttributes protected_attributes(RangeAttributes a, bool has_family, Prot prot) {
  if (prot.has(kProtWrite)) {
    if (!a.accounted && !a.prot.has(kProtWrite) && !a.flags.any(kMapShared | kMapNoReserve)) a.accounted = true;
  } else if (a.accounted && a.file == 0 && !has_family) {
    a.accounted = false;
  }
  a.prot = prot;
  return a;
}

namespace merge_rules_example {

constexpr Piece piece_at(std::uint64_t start, std::uint64_t family, std::uint32_t links) {
  return {.exists = true, .start = start, .end = start + 1, .offset = start, .attributes = {}, .family = family,
          .links = links};
}
static_assert(merge_sides(piece_at(0, 0, 0), piece_at(1, 0, 0), piece_at(2, 0, 0)).right);
static_assert(merge_sides(piece_at(0, 7, 1), piece_at(1, 0, 0), piece_at(2, 0, 0)).left);
static_assert(!merge_sides(piece_at(0, 7, 2), piece_at(1, 0, 0), {}).left, "after fork chains are not singular");
static_assert(!merge_sides(piece_at(0, 0, 0), piece_at(1, 7, 1), {}).left, "only the neighbour may be the touched one");
static_assert(merge_sides(piece_at(0, 7, 1), piece_at(1, 0, 0), piece_at(2, 8, 1)).left);
static_assert(!merge_sides(piece_at(0, 7, 1), piece_at(1, 0, 0), piece_at(2, 8, 1)).right, "two families stay two");
static_assert(merge_sides(piece_at(0, 7, 2), piece_at(1, 7, 2), piece_at(2, 7, 2)).right);
static_assert(!merge_sides({}, piece_at(1, 0, 0), {}).left);

}  // namespace merge_rules_example

}  // namespace mmtwin::impl
