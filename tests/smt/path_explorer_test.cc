// The explorer itself: it must see every path, believe no empty hypothesis, and tell the truth about counterexamples.
#include "props/smt/path_explorer.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "props/smt/symbolic_memory.h"
#include "tests/smt/counterexample.h"

namespace mmtwin::smt {
namespace {

TEST(PathExplorer, RunsALoopOncePerWayThroughIt) {
  PathExplorer explorer;
  const Exploration found = explorer.explore([](PathExplorer& e) {
    SymbolicWord rest = e.input("x", 3);
    unsigned halvings = 0;
    for (; rest != SymbolicWord(0); rest = rest >> 1) ++halvings;
    e.require(halvings <= 3, "three bits are gone after three halvings");
  });
  EXPECT_EQ(found.verdict, Verdict::kProved);
  EXPECT_EQ(found.paths, 4U);  // 0, 1, 2..3, 4..7
}

TEST(PathExplorer, FindsTheOneInputThatBreaksARequirement) {
  PathExplorer explorer;
  const Exploration found = explorer.explore([](PathExplorer& e) {
    const SymbolicWord x = e.input("x");
    if (x > SymbolicWord(1000)) return;
    e.require(x * SymbolicWord(3) != SymbolicWord(2001), "nothing times three is 2001");
  });
  ASSERT_EQ(found.verdict, Verdict::kRefuted);
  EXPECT_EQ(found.reason, "nothing times three is 2001");
  EXPECT_EQ(found.counterexample, (std::vector<Assignment>{{"x", 667}}));
}

TEST(PathExplorer, DoesNotBelieveATheoremWithoutInputs) {
  PathExplorer explorer;
  const Exploration found = explorer.explore([](PathExplorer& e) {
    const SymbolicWord x = e.input("x");
    e.assume(x < SymbolicWord(5));
    e.assume(x > SymbolicWord(7));
    e.require(x == SymbolicWord(99), "anything follows");
  });
  EXPECT_EQ(found.verdict, Verdict::kUnknown);
  EXPECT_EQ(found.reason, "vacuous: no input fulfils the hypotheses");
}

TEST(PathExplorer, DoesNotBelieveATheoremThatNeverMeetsItsSituation) {
  PathExplorer explorer;
  const auto body = [](PathExplorer& e) {
    const SymbolicWord x = e.input("x", 4);
    if (x > SymbolicWord(15)) e.reached("large");
    e.reached("any");
  };
  EXPECT_EQ(explorer.explore(body, {"any"}).verdict, Verdict::kProved);
  const Exploration found = explorer.explore(body, {"any", "large"});
  EXPECT_EQ(found.verdict, Verdict::kUnknown);
  EXPECT_EQ(found.reason, "vacuous: no input comes to 'large'");
}

TEST(PathExplorer, ChoosesEveryValueOnce) {
  PathExplorer explorer;
  std::multiset<std::string> seen;
  explorer.explore([&](PathExplorer& e) {
    const unsigned order = e.choose("order", 2, 4);
    seen.insert(std::to_string(order) + (e.choose("flag") ? "+" : "-"));
  });
  EXPECT_EQ(seen, (std::multiset<std::string>{"2+", "2-", "3+", "3-", "4+", "4-"}));
}

TEST(PathExplorer, AChoiceIsPartOfTheCounterexample) {
  PathExplorer explorer;
  const Exploration found =
      explorer.explore([](PathExplorer& e) { e.require(e.choose("order", 0, 9) != 6, "six is not chosen"); });
  ASSERT_EQ(found.verdict, Verdict::kRefuted);
  EXPECT_EQ(found.counterexample, (std::vector<Assignment>{{"order", 6}}));
}

TEST(SymbolicWord, WrapsAndComparesAsAnUnsignedWord) {
  PathExplorer explorer;
  const Exploration found = explorer.explore([](PathExplorer& e) {
    const SymbolicWord x = e.input("x");
    e.require(SymbolicWord(0) - SymbolicWord(1) >= x, "the largest word");
    e.require(x / SymbolicWord(8) * SymbolicWord(8) + x % SymbolicWord(8) == x, "division with remainder");
    e.require(x + x == (x << 1), "doubling drops the same bit");
    e.require((x.widened(65) + x.widened(65)) / SymbolicWord(2) == x.widened(65), "a wider word drops none");
  });
  EXPECT_EQ(found.verdict, Verdict::kProved) << found.reason;
}

TEST(SymbolicInteger, WrapsAsAWordUnlessToldOtherwise) {
  PathExplorer explorer;
  const Exploration found = explorer.explore([](PathExplorer& e) {
    const auto a = e.integer("a"), b = e.integer("b");
    e.require((a + b) - b == a, "wrapping there and back");
    e.require(a.unbounded() + b.unbounded() >= a.unbounded(), "an unbounded sum never shrinks");
    e.require(a + b >= a, "a word's sum does");
  });
  ASSERT_EQ(found.verdict, Verdict::kRefuted);
  EXPECT_EQ(found.reason, "a word's sum does");
  const std::uint64_t a = value_of(found.counterexample, "a"), b = value_of(found.counterexample, "b");
  EXPECT_LT(a + b, a);
}

TEST(SymbolicMemory, ALoadSeesTheLastStoreToItsCellAndNoOther) {
  PathExplorer explorer;
  const Exploration found = explorer.explore([](PathExplorer& e) {
    SymbolicMemory memory(e, 9), before = memory;
    const SymbolicWord table = e.input("table", 40), i = e.input("i", 9), j = e.input("j", 9);
    memory.store(table, i, SymbolicWord(1));
    memory.store(table, i, SymbolicWord(2));
    e.require(memory.load(table, i) == SymbolicWord(2), "the last store");
    e.assume(i != j);
    e.require(memory.load(table, j) == before.load(table, j), "another cell");
  });
  EXPECT_EQ(found.verdict, Verdict::kProved) << found.reason;
}

TEST(SymbolicMemory, AnIndexBeyondTheTableIsRefuted) {
  PathExplorer explorer;
  const Exploration found = explorer.explore([](PathExplorer& e) {
    SymbolicMemory memory(e, 9);
    memory.load(e.input("table", 40), e.input("i", 10));
  });
  ASSERT_EQ(found.verdict, Verdict::kRefuted);
  EXPECT_GE(value_of(found.counterexample, "i"), 512U);
}

}  // namespace
}  // namespace mmtwin::smt
