// Racing pairs that a test can afford: all of them, or every eighth where an address sanitizer makes each switch of
// stacks a hundred times as dear.
//
// Laws: none. Context: tests. Cost: none. It deliberately takes the same ones every time.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "lockstep/run/explore.h"

namespace mmtwin::lockstep {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr std::size_t kEveryPair = 8;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr std::size_t kEveryPair = 8;
#else
inline constexpr std::size_t kEveryPair = 1;
#endif
#else
inline constexpr std::size_t kEveryPair = 1;
#endif

inline std::vector<RacingPair> pairs_to_explore() {
  std::vector<RacingPair> some;
  std::size_t number = 0;
  for (RacingPair& pair : racing_pairs())
    if (number++ % kEveryPair == 0) some.push_back(std::move(pair));
  return some;
}

}  // namespace mmtwin::lockstep
