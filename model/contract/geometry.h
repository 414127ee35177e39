// The numbers of each geometry, as the model knows them (docs/RULES.md section 3).
//
// Laws: none. Context: constants. Cost: none. It deliberately repeats what impl/base/geometry.h says in its own way: a
// shared mistake would be invisible.
#pragma once

#include <cstdint>

#include "vocab/machine.h"

namespace mmtwin::model {

struct Geometry {
  unsigned bits_per_level;
  unsigned levels;
  std::uint64_t user_end;       // one past the last user byte
  std::uint64_t default_top;    // placement goes below
  std::uint64_t default_brk;
  std::uint64_t huge_bytes;
  unsigned asids;               // ASIDs 1..asids are for spaces

  constexpr std::uint64_t entries_per_table() const { return std::uint64_t{1} << bits_per_level; }
  // Pages that one entry of a table at `level` spans.
  constexpr std::uint64_t pages_per_entry(unsigned level) const { return std::uint64_t{1} << (bits_per_level * level); }
  // Which entry of a table at `level` leads to `page`.
  constexpr std::uint64_t index_of(std::uint64_t page, unsigned level) const {
    return (page >> (bits_per_level * level)) & (entries_per_table() - 1);
  }
};

inline constexpr Geometry kX86{9, 4, 0x7ffffffff000, 0x7ffff7fff000, 0x555555559000, 2u << 20, 6};
inline constexpr Geometry kSmall{4, 4, 0x7fff000, 0x7000000, 0x1000000, 64u << 10, 3};
constexpr const Geometry& geometry_of(GeometryName name) { return name == GeometryName::kX86 ? kX86 : kSmall; }

inline constexpr std::uint64_t kLowestAddress = 0x10000;
inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::uint64_t kStackGuardGap = 256 * kPage;

constexpr std::uint64_t page_floor(std::uint64_t at) { return at - at % kPage; }
// Rounds up; the caller excludes values that would wrap.
constexpr std::uint64_t page_ceiling(std::uint64_t at) { return page_floor(at + (kPage - 1)); }

}  // namespace mmtwin::model
