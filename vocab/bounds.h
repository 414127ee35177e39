// What values a field may have, by its type and the machine: shared by text, bytes and generation.
//
// Laws: none. Context: pure functions. Cost: none. An unbounded type takes any 64-bit value: the operation answers what
// is wrong with it. It deliberately says nothing of operations.
#pragma once

#include <cstdint>
#include <iterator>
#include <limits>
#include <type_traits>

#include "vocab/flags.h"
#include "vocab/handles.h"
#include "vocab/machine.h"
#include "vocab/points.h"
#include "vocab/units.h"

namespace mmtwin {

inline constexpr std::uint64_t kMaxExactPages = std::uint64_t{1} << kMaxOrder;
inline constexpr std::uint64_t kMaxFile = 65535;

struct Bounds {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  constexpr bool contains(std::uint64_t raw) const { return raw >= least && raw <= most; }
};

// Of types that have raw(). A node may also be kAnyNode.
template <class T>
constexpr Bounds bounds_of([[maybe_unused]] const MachineDescription& machine) {
  if constexpr (std::is_same_v<T, CpuId>) {
    return {0, machine.cpus - 1u};
  } else if constexpr (std::is_same_v<T, NodeId>) {
    return {0, machine.nodes - 1u};
  } else if constexpr (std::is_same_v<T, Order>) {
    return {0, kMaxOrder};
  } else if constexpr (std::is_same_v<T, Width>) {
    return {1, 8};
  } else if constexpr (std::is_same_v<T, Switch>) {
    return {0, 1};
  } else if constexpr (std::is_same_v<T, PageCount>) {
    return {1, kMaxExactPages};
  } else if constexpr (std::is_same_v<T, FileId>) {
    return {0, kMaxFile};
  } else {
    static_assert(std::is_same_v<decltype(T{}.raw()), std::uint64_t>, "a small ordinal needs bounds");
    return {};
  }
}

template <class T>
inline constexpr bool kIsFlags = false;
template <class Tag>
inline constexpr bool kIsFlags<Flags<Tag>> = true;
template <class Tag>
constexpr unsigned flag_count(Flags<Tag>) {
  return std::size(Tag::kNames);
}

template <class T>
inline constexpr bool kIsUse = false;
template <char Letter>
inline constexpr bool kIsUse<Register<Letter>> = true;

template <class T>
inline constexpr bool kIsResult = false;
template <char Letter>
inline constexpr bool kIsResult<Fresh<Letter>> = true;

// A mapping is also reachable by its absolute address; a block or a space without a handle would be lost.
template <char Letter>
inline constexpr bool kResultMayBeNone = Letter == 'a';

// Whether the value can stand in a program for `machine`: such a value survives printing and encoding.
template <class T>
constexpr bool in_bounds(const T& value, const MachineDescription& machine) {
  if constexpr (kIsFlags<T>) {
    return value.bits() < 1u << flag_count(value);
  } else if constexpr (kIsResult<T>) {
    return kResultMayBeNone<T::kLetter> || !value.is_none();
  } else if constexpr (kIsUse<T> || std::is_same_v<T, Place>) {
    return true;
  } else if constexpr (std::is_same_v<T, Pause>) {
    return value.is_none() ? value.nth == 0 : value.nth != 0 && static_cast<std::size_t>(value.point) < kPoints.size();
  } else if constexpr (std::is_same_v<T, NodeId>) {
    return value == kAnyNode || bounds_of<T>(machine).contains(value.raw());
  } else {
    return bounds_of<T>(machine).contains(value.raw());
  }
}

}  // namespace mmtwin
