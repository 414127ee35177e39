// Programs for tests of the codecs: whatever random bytes decode to. Nothing is aimed, so every code is met.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "vocab/bytes.h"

namespace mmtwin {

inline std::vector<std::uint8_t> random_bytes(std::uint64_t seed, std::size_t most) {
  std::mt19937_64 random(seed);
  std::vector<std::uint8_t> bytes(random() % (most + 1));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

inline Program random_program(std::uint64_t seed, std::size_t most_bytes = 600) {
  Program program;
  decode(random_bytes(seed, most_bytes), program);
  return program;
}

}  // namespace mmtwin
