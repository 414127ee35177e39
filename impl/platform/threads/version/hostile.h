// Memory is not hostile in threads builds: see the lockstep version of this header.
//
// Laws: none. Context: any. Cost: none. It deliberately keeps the interface that shared code uses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mmtwin::impl {

inline constexpr bool kPoisons = false;

inline void poison(const std::byte*, std::uint64_t) {}
inline void unpoison(const std::byte*, std::uint64_t) {}

}  // namespace mmtwin::impl
