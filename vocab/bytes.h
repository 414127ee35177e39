// Programs as bytes, for fuzzing engines: every byte string is a program, and nothing is refused.
//
// Laws: none. Context: pure functions. Cost: linear; decoding into a Program that was used before allocates nothing.
// An operation is its number modulo the number of kinds, then each field by its type; what is missing reads as zero.
// One byte names a handle up to kFuzzHandles; an escape byte gives larger numbers, so encoding loses nothing.
// It deliberately has no line per operation, and carries no recorded answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vocab/program.h"

namespace mmtwin {

// What the first byte chooses among, under the newest header, then older ones; byte 255: a whole description follows.
std::span<const std::string_view> fuzz_presets();

// Sets `into` to the program that `bytes` is. Every program obtained is in bounds (vocab/kinds.h).
void decode(std::span<const std::uint8_t> bytes, Program& into);

// decode(encode(p)) is p without its recorded answers, for every p in bounds.
std::vector<std::uint8_t> encode(const Program& program);
void encode(const Program& program, std::vector<std::uint8_t>& into);

// As encode, but stops before the first operation that would end beyond `limit` bytes; answers how many were encoded.
// A limit too small for the machine is exceeded.
std::size_t encode_within(const Program& program, std::vector<std::uint8_t>& into, std::size_t limit);

}  // namespace mmtwin
