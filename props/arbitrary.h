// What properties draw: machines, byte strings, programs. All derive from the table of operations.
//
// Laws: none. Context: RapidCheck generators, one thread. Cost: microseconds a program. `aimed` programs come from the
// seeded generator, `any` programs are what random bytes decode to. It deliberately shrinks nothing.
#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <ostream>
#include <vector>

#include "lockstep/generate/generate.h"
#include "vocab/bytes.h"
#include "vocab/program.h"
#include "vocab/text.h"

namespace mmtwin {

inline void showValue(const Program& program, std::ostream& out) { out << "\n" << print(program); }

namespace props {

inline Program aimed_from(std::uint64_t seed, std::size_t operations) {
  lockstep::GenerateOptions options;
  options.seed = seed;
  options.operations = operations;
  options.machine = find_preset(fuzz_presets()[seed % fuzz_presets().size()])->machine;
  return lockstep::generate(options);
}

inline rc::Gen<Program> aimed_program(std::size_t most) {
  return rc::gen::map(rc::gen::pair(rc::gen::arbitrary<std::uint64_t>(), rc::gen::inRange<std::size_t>(1, most + 1)),
                      [](const auto& drawn) { return aimed_from(drawn.first, drawn.second); });
}

inline rc::Gen<std::vector<std::uint8_t>> any_bytes(std::size_t most) {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, most + 1), [](std::size_t size) {
    return rc::gen::container<std::vector<std::uint8_t>>(size, rc::gen::arbitrary<std::uint8_t>());
  });
}

inline rc::Gen<Program> any_program(std::size_t most_bytes) {
  return rc::gen::map(any_bytes(most_bytes), [](const std::vector<std::uint8_t>& bytes) {
    Program program;
    decode(bytes, program);
    return program;
  });
}

}  // namespace props
}  // namespace mmtwin
