// Every theorem about the rules that run is proved, one test each.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "props/smt/prove.h"

namespace mmtwin::smt {
namespace {

class EachTheorem : public testing::TestWithParam<Theorem> {};

TEST_P(EachTheorem, IsProved) {
  const TheoremResult result = prove(GetParam());
  EXPECT_EQ(result.verdict, Verdict::kProved) << result.claim << "\n"
                                              << name_of(result.verdict) << ": " << result.reason;
  EXPECT_TRUE(result.counterexample.empty());
  EXPECT_GT(result.queries, 0U) << "something was asked";
}

std::string test_name(const testing::TestParamInfo<Theorem>& theorem) {
  std::string name = theorem.param.id;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Smt, EachTheorem, testing::ValuesIn(all_theorems()), test_name);

TEST(Theorems, HaveDifferentIdsAndAClaim) {
  std::set<std::string> ids;
  for (const Theorem& theorem : all_theorems()) {
    EXPECT_TRUE(ids.insert(theorem.id).second) << theorem.id;
    EXPECT_FALSE(theorem.claim.empty()) << theorem.id;
  }
}

TEST(Theorems, ProvedSideBySideComeBackInTheirOrder) {
  std::vector<Theorem> few = all_theorems();
  std::erase_if(few, [](const Theorem& theorem) { return !theorem.id.starts_with("entry."); });
  std::set<std::string> heard;
  const auto results = prove_all(few, 2, [&](const TheoremResult& result) { heard.insert(result.id); });
  ASSERT_EQ(results.size(), few.size());
  EXPECT_EQ(heard.size(), few.size());
  for (std::size_t i = 0; i < few.size(); ++i) EXPECT_EQ(results[i].id, few[i].id);
}

}  // namespace

// GoogleTest prints parameters; a theorem is its id.
void PrintTo(const Theorem& theorem, std::ostream* out) { *out << theorem.id; }

}  // namespace mmtwin::smt
