#include "fuzz/mutator.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lockstep/generate/generate.h"
#include "vocab/bytes.h"
#include "vocab/kinds.h"
#include "vocab/text.h"

namespace mmtwin::fuzz {
namespace {

constexpr std::size_t kLimit = 1500;

std::vector<std::uint8_t> generated(std::uint64_t seed) {
  lockstep::GenerateOptions options;
  options.seed = seed;
  options.operations = 20;
  return encode(lockstep::generate(options));
}

std::vector<std::uint8_t> mutated(std::vector<std::uint8_t> input, std::uint64_t seed, std::size_t limit = kLimit,
                                  lockstep::KindMask kinds = lockstep::kAllKinds) {
  Mutator mutator(kinds);
  const std::size_t size = input.size();
  input.resize(std::max(size, limit));
  input.resize(mutator.mutate(input.data(), std::min(size, limit), limit, seed));
  return input;
}

TEST(Mutator, EveryResultIsAProgramThatEncodesToItself) {
  std::vector<std::uint8_t> input;
  Program program;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    input = mutated(input, seed);
    ASSERT_LE(input.size(), kLimit);
    decode(input, program);
    ASSERT_TRUE(in_bounds(program));
    ASSERT_EQ(encode(program), input) << seed;
  }
  EXPECT_GT(program.operations.size(), 10u);
}

TEST(Mutator, NearlyEveryCallChangesTheProgram) {
  unsigned changed = 0;
  for (std::uint64_t seed = 0; seed < 500; ++seed) changed += mutated(generated(seed % 7), seed) != generated(seed % 7);
  EXPECT_GT(changed, 450u);
}

TEST(Mutator, TheSameSeedGivesTheSameResult) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    EXPECT_EQ(mutated(generated(1), seed), mutated(generated(1), seed));
  }
}

TEST(Mutator, NoLimitIsExceeded) {
  for (std::size_t limit = 1; limit < 120; ++limit) {
    EXPECT_LE(mutated(generated(limit), limit, limit).size(), limit);
  }
}

TEST(Mutator, InsertedScenesAreOfTheWantedKinds) {
  const lockstep::KindMask wanted = lockstep::kinds_of(lockstep::Family::kPages);
  Program program;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    decode(mutated({0, 0}, seed, kLimit, wanted), program);
    for (const Operation& operation : program.operations) {
      EXPECT_EQ(lockstep::family_of(operation.index()), lockstep::Family::kPages);
    }
  }
}

TEST(Mutator, ACrossOverIsMadeOfOperationsOfBothParents) {
  const std::vector<std::uint8_t> first = generated(1), second = generated(2);
  Program a, b, child;
  decode(first, a);
  decode(second, b);
  Mutator mutator(lockstep::kAllKinds);
  std::uint64_t from_both = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::vector<std::uint8_t> into(kLimit);
    into.resize(mutator.cross_over(first, second, into, seed));
    decode(into, child);
    std::uint64_t of_a = 0, of_b = 0;
    for (const Operation& operation : child.operations) {
      const auto is_it = [&](const Operation& other) { return same(operation, other); };
      const bool in_a = std::any_of(a.operations.begin(), a.operations.end(), is_it);
      const bool in_b = std::any_of(b.operations.begin(), b.operations.end(), is_it);
      EXPECT_TRUE(in_a || in_b) << print(operation);
      of_a += in_a;
      of_b += in_b;
    }
    from_both += of_a != 0 && of_b != 0;
  }
  EXPECT_GT(from_both, 100u);
}

}  // namespace
}  // namespace mmtwin::fuzz
