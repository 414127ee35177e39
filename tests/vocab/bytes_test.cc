#include "vocab/bytes.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/vocab/programs.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin {
namespace {

Program through_bytes(const Program& program) {
  Program out;
  decode(encode(program), out);
  return out;
}

TEST(Bytes, EveryByteStringIsAProgramInBounds) {
  for (std::uint64_t seed = 0; seed < 10000; ++seed) EXPECT_TRUE(in_bounds(random_program(seed))) << seed;
}

TEST(Bytes, WhatIsEncodedDecodesToItself) {
  for (std::uint64_t seed = 0; seed < 10000; ++seed) {
    const Program program = random_program(seed);
    ASSERT_TRUE(same(through_bytes(program), program)) << print(program);
  }
}

TEST(Bytes, NothingIsTheDefaultMachineAndNoOperation) {
  Program program;
  decode({}, program);
  EXPECT_EQ(program.machine, find_preset("small")->machine);
  EXPECT_TRUE(program.operations.empty());
}

TEST(Bytes, MissingBytesReadAsZero) {
  const std::uint8_t bytes[] = {1, 0, static_cast<std::uint8_t>(kKindOf<MemoryLoad>)};
  Program program;
  decode(bytes, program);
  ASSERT_EQ(program.operations.size(), 1u);
  EXPECT_EQ(print(program.operations[0]), "cpu=0 memory_load space=none at=0x10000");
}

TEST(Bytes, EveryPresetAndAnyOtherMachineSurvives) {
  Program program;
  for (unsigned header = 1; header <= kNewestHeader; ++header) {
    for (const Preset& preset : presets(header)) {
      program.machine = preset.machine;
      EXPECT_EQ(through_bytes(program).machine, preset.machine) << preset.name << " of header " << header;
    }
  }
  program.machine.node[3].zones[0] = {Pfn(kMaxFrames - 5), PageCount(5)};
  program.machine.nodes = 4;
  program.machine.node[1].zone(ZoneKind::kNormal).count = PageCount((std::uint64_t{1} << 27) - 1);
  program.machine.reserved[1] = {Pfn(kMaxFrames - 4), PageCount(2)};
  program.machine.top_order = 7;
  program.machine.flush_batch = 9;
  program.machine.slab_objects = 300;
  for (auto& row : program.machine.distance) row = {77, 77, 77, 77};
  for (unsigned i = 0; i < kMaxNodes; ++i) program.machine.distance[i][i] = 10;
  ASSERT_FALSE(problem_with(program.machine)) << *problem_with(program.machine);
  EXPECT_EQ(through_bytes(program).machine, program.machine);
}

TEST(Bytes, AnUnusableMachineBecomesAPreset) {
  std::vector<std::uint8_t> bytes(200, 255);
  Program program;
  decode(bytes, program);
  EXPECT_FALSE(problem_with(program.machine));
}

TEST(Bytes, HandlesUpToTheLargestSurvive) {
  Program program;
  program.machine = find_preset("tiny")->machine;
  for (const unsigned number : {1u, kFuzzHandles, kFuzzHandles + 1, 254u, 255u, 256u, kMaxHandle}) {
    program.operations = {PagesAlloc{{}, {}, {}, {}, Fresh<'b'>(number)}, PagesFree{{}, BlockHandle(number)},
                          CpuFlushPage{{}, Place{AddressHandle(number), 5}}};
    EXPECT_TRUE(same(through_bytes(program), program)) << number;
  }
}

TEST(Bytes, PlacesAndSizesAtEveryCornerSurvive) {
  std::vector<std::uint64_t> values = {0, 1, 127, 128, 129, 0x10000, std::numeric_limits<std::uint64_t>::max()};
  for (unsigned bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t nudge : {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{127},
                                      std::uint64_t{4095}, ~std::uint64_t{127}}) {
      values.push_back((std::uint64_t{1} << bit) + nudge);
    }
  }
  for (const std::string_view name : {"small", "small-x86"}) {
    Program program;
    program.machine = find_preset(name)->machine;
    for (const std::uint64_t value : values) {
      for (const unsigned base : {0u, 3u, 300u}) {
        program.operations.emplace_back(
            RangeUnmap{{}, SpaceHandle(1), Place{AddressHandle(base), value}, ByteCount(value)});
      }
      program.operations.emplace_back(SpaceCreate{{}, Address(value), Address(value), Fresh<'p'>(1)});
      program.operations.emplace_back(MemoryStore{{}, SpaceHandle(1), {}, Width(8), Value(value)});
    }
    EXPECT_TRUE(same(through_bytes(program), program));
  }
}

TEST(Bytes, EncodingWithinALimitKeepsWholeOperations) {
  const Program program = random_program(7, 400);
  std::vector<std::uint8_t> bytes;
  encode(program, bytes);
  const std::size_t whole = bytes.size();
  for (std::size_t limit = 100; limit < whole; limit += 7) {
    const std::size_t count = encode_within(program, bytes, limit);
    EXPECT_LE(bytes.size(), limit);
    Program part;
    decode(bytes, part);
    ASSERT_EQ(part.operations.size(), count);
    for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(same(part.operations[i], program.operations[i]));
  }
}

}  // namespace
}  // namespace mmtwin
