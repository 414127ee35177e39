// Random numbers that are the same everywhere: xoshiro256** seeded by SplitMix64, with a bounded draw of our own.
//
// Laws: none. Context: value, one thread. Cost: a nanosecond a draw. The distributions of the standard library differ
// between its versions; these are fixed by test vectors. Draws belong in statements of their own: the order in which a
// call's arguments are evaluated is the compiler's choice. It deliberately has no global state.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace mmtwin::lockstep {

class Random {
 public:
  // Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2021); Steele et al., SplitMix (2014).
  constexpr explicit Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  constexpr std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // 0 to limit - 1; limit 1 to 2^32.
  constexpr std::uint64_t below(std::uint64_t limit) { return (next() >> 32) * limit >> 32; }
  constexpr std::uint64_t between(std::uint64_t least, std::uint64_t most) { return least + below(most - least + 1); }
  constexpr bool percent(unsigned chance) { return below(100) < chance; }

  template <class T, std::size_t N>
  constexpr const T& pick(const T (&from)[N]) {
    return from[below(N)];
  }
  // Any container with size() and [], not empty.
  template <class Container>
  constexpr auto& pick_from(Container& from) {
    return from[below(from.size())];
  }
  // Index of a weight, drawn in proportion; the sum is not 0.
  constexpr std::size_t weighted(std::span<const std::uint32_t> weights) {
    std::uint64_t sum = 0;
    for (const std::uint32_t weight : weights) sum += weight;
    std::uint64_t at = below(sum);
    std::size_t index = 0;
    while (at >= weights[index]) at -= weights[index++];
    return index;
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace mmtwin::lockstep
