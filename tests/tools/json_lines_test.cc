#include "tools/reports/json_lines.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace mmtwin::tools {
namespace {

using nlohmann::json;

TEST(Detector, ACrashIsToldApartFromJudgeAndLaw) {
  EXPECT_EQ(detector_of(lockstep::Verdict::kAgreed), "");
  EXPECT_EQ(detector_of(lockstep::Verdict::kDiverged), "judge");
  EXPECT_EQ(detector_of(lockstep::Verdict::kViolated), "law");
  EXPECT_EQ(detector_of(lockstep::Verdict::kCrashed), "crash");
}

TEST(JsonLines, SumsOverBugsAndTheoremsHaveAVerdict) {
  BugCounts counts;
  counts.bugs = 5;
  counts.tried = 4;
  counts.law = 2;
  counts.crash = 1;
  EXPECT_EQ(counts.detected(), 3u);
  const json bugs = json::parse(bugs_line(counts, "interrupted"));
  EXPECT_EQ(bugs.at("kind"), "bugs");
  EXPECT_EQ(bugs.at("tried"), 4);
  EXPECT_EQ(bugs.at("crash"), 1);
  EXPECT_EQ(bugs.at("verdict"), "interrupted");
  const json proofs = json::parse(prove_line(44, 43, 1, "refuted"));
  EXPECT_EQ(proofs.at("proved"), 43);
  EXPECT_EQ(proofs.at("verdict"), "refuted");
}

}  // namespace
}  // namespace mmtwin::tools
