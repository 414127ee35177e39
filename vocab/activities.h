// Activities: what is done on behalf of an operation in flight, one inside another, and why a CPU is interrupted.
//
// Laws: NEST-1 is said of the kinds, CPU-2 of the reasons. Context: constants. Cost: none. Names are what stored events
// and reports keep; rows may be added but never renamed or moved.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mmtwin {

enum class ActivityKind : std::uint8_t {
  kOperation,  // the bottom of every stack: what the program asked for
  kInterrupt,  // what another CPU does because it was asked
  kReclaim,    // frees memory for a request that nobody could serve
  kShrink,     // asks a cache for what it can do without
};
inline constexpr std::array<std::string_view, 4> kActivityNames = {"operation", "interrupt", "reclaim", "shrink"};
constexpr std::string_view name_of(ActivityKind a) { return kActivityNames[static_cast<unsigned>(a)]; }

enum class InterruptReason : std::uint8_t {
  kDrain,  // its lists of free frames
  kFlush,  // what it has cached of a space's tables
  kLeave,  // a space that ends
};
inline constexpr std::array<std::string_view, 3> kReasonNames = {"drain", "flush", "leave"};
// Of an interrupt that is about no space's tables.
inline constexpr std::uint64_t kNoRoot = ~std::uint64_t{0};
constexpr std::string_view name_of(InterruptReason r) { return kReasonNames[static_cast<unsigned>(r)]; }

}  // namespace mmtwin
