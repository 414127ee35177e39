#include "lockstep/generate/generate.h"

#include <gtest/gtest.h>

#include <set>

#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"
#include "vocab/bytes.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

GenerateOptions options_for(std::uint64_t seed) {
  GenerateOptions options;
  options.seed = seed;
  options.machine = find_preset(fuzz_presets()[seed % fuzz_presets().size()])->machine;
  return options;
}

// FNV-1a, so that the vector below depends on nothing else of this project.
std::uint64_t digest_of(const std::string& text) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (const char c : text) digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return digest;
}

TEST(Random, TheSequenceIsThePublishedOne) {
  // SplitMix64(0) gives the state, xoshiro256** the numbers: the first three, computed apart from this code.
  Random random(0);
  EXPECT_EQ(random.next(), 0x99ec5f36cb75f2b4u);
  EXPECT_EQ(random.next(), 0xbf6e1f784956452au);
  EXPECT_EQ(random.next(), 0x1a5f849d4933e6e0u);
}

TEST(Random, BoundedDrawsStayInBoundsAndReachThem) {
  Random random(1);
  std::set<std::uint64_t> drawn;
  for (int i = 0; i < 1000; ++i) drawn.insert(random.between(3, 9));
  EXPECT_EQ(drawn, (std::set<std::uint64_t>{3, 4, 5, 6, 7, 8, 9}));
}

TEST(Generate, TheSameSeedGivesTheSameProgramsOnEveryCompiler) {
  std::string all;
  for (std::uint64_t seed = 0; seed < 200; ++seed) all += print(generate(options_for(seed)));
  EXPECT_EQ(digest_of(all), 0x39085cce337866f7u) << std::hex << digest_of(all);
}

TEST(Generate, ProgramsHaveTheWantedLengthAndSurviveBothCodecs) {
  Program decoded;
  for (std::uint64_t seed = 0; seed < 10000; ++seed) {
    GenerateOptions options = options_for(seed);
    options.operations = 40;
    const Program program = generate(options);
    ASSERT_EQ(program.operations.size(), 40u) << seed;
    ASSERT_TRUE(in_bounds(program)) << seed;
    decode(encode(program), decoded);
    ASSERT_TRUE(same(decoded, program)) << print(program);
    const Parsed<Program> parsed = parse_program(print(program));
    ASSERT_TRUE(parsed.ok() && same(parsed.value(), program)) << print(program);
  }
}

TEST(Generate, EveryKindOfOperationOccurs) {
  std::array<std::uint64_t, kOperationKinds> seen{};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    GenerateOptions options = options_for(seed);
    options.pauses = 50;
    for (const Operation& operation : generate(options).operations) ++seen[operation.index()];
  }
  for (std::size_t kind = 0; kind < kOperationKinds; ++kind) EXPECT_GT(seen[kind], 20u) << kOperationNames[kind];
}

TEST(Generate, KindsThatAreNotWantedNeverOccur) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    GenerateOptions options = options_for(seed);
    options.kinds = kinds_of(Family::kPages);
    const Program program = generate(options);
    EXPECT_EQ(program.operations.size(), options.operations);
    for (const Operation& operation : program.operations) EXPECT_EQ(family_of(operation.index()), Family::kPages);
  }
}

TEST(Generate, EveryKindHasItsFamily) {
  KindMask all = 0;
  for (std::size_t family = 0; family < kFamilies; ++family) all |= kinds_of(static_cast<Family>(family));
  EXPECT_EQ(all, (KindMask{1} << kOperationKinds) - 1);
  EXPECT_EQ(family_of(kKindOf<FailNext>), Family::kWorld);
  EXPECT_EQ(family_of(kKindOf<RangeBrk>), Family::kRange);
}

TEST(Generate, AtMostOneOperationInTwentyIsSkipped) {
  const auto system = make_ours();
  Runner runner(*system);
  std::uint64_t executed = 0, skipped = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Program program = generate(options_for(seed));
    const RunOutcome outcome = runner.run(program);
    ASSERT_EQ(outcome.verdict, Verdict::kAgreed) << print(program);
    executed += outcome.executed;
    skipped += outcome.skipped_total();
  }
  EXPECT_LE(skipped * 20, executed + skipped) << skipped << " of " << executed + skipped;
}

}  // namespace
}  // namespace mmtwin::lockstep
