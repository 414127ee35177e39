// Where user mappings may lie, by geometry.
//
// Laws: VMA-1, VMA-3. Context: constants. Cost: none. Source: docs/RULES.md section 3. It deliberately contains
// defaults only where a space may choose otherwise.
#pragma once

#include <cstdint>

#include "impl/base/geometry.h"
#include "impl/pgtable/address_rules.h"
#include "vocab/units.h"

namespace mmtwin::impl {

template <class Geometry>
struct DefaultLayout;
template <>
struct DefaultLayout<X86Geometry> {
  static constexpr std::uint64_t kTop = 0x7fff'f7ff'f000;
  static constexpr std::uint64_t kBreak = 0x5555'5555'9000;
};
template <>
struct DefaultLayout<SmallGeometry> {
  static constexpr std::uint64_t kTop = 0x700'0000;
  static constexpr std::uint64_t kBreak = 0x100'0000;
};

template <class Geometry>
struct UserLayout : DefaultLayout<Geometry> {
  static constexpr std::uint64_t kEnd = (std::uint64_t{1} << (kVirtualBits<Geometry> - 1)) - kPageBytes;
  static constexpr std::uint64_t kLowest = 0x10000;
  static constexpr std::uint64_t kHugeBytes = span_pages<Geometry>(1) * kPageBytes;
  static constexpr std::uint64_t kBottomUp = (kEnd / 3 + kPageBytes - 1) / kPageBytes * kPageBytes;
  // One past the last page of the user half, the unusable last one included.
  static constexpr std::uint64_t kPages = std::uint64_t{1} << (kVirtualBits<Geometry> - 1 - kPageShift);
};

constexpr std::uint64_t round_down(std::uint64_t bytes) { return bytes & ~(kPageBytes - 1); }
// Wraps to 0 above the last page.
constexpr std::uint64_t round_up(std::uint64_t bytes) { return round_down(bytes + kPageBytes - 1); }

static_assert(UserLayout<X86Geometry>::kEnd == 0x7fff'ffff'f000 && UserLayout<SmallGeometry>::kEnd == 0x7ff'f000);
static_assert(UserLayout<X86Geometry>::kHugeBytes == 2 << 20 && UserLayout<SmallGeometry>::kHugeBytes == 64 << 10);

}  // namespace mmtwin::impl
