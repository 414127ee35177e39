#include "lockstep/reports/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lockstep/reports/emit_test.h"
#include "tests/lockstep/programs.h"

namespace mmtwin::lockstep {
namespace {

using nlohmann::json;

GuardedOutcome diverged() {
  GuardedOutcome guarded;
  guarded.outcome.verdict = Verdict::kDiverged;
  guarded.outcome.step = StepNumber(4);
  guarded.outcome.finding = model::Finding{model::Law::kCow2, "writable", "false", "true \xff"};
  guarded.outcome.executed = 9;
  guarded.outcome.skipped[1] = 2;
  guarded.outcome.answers = 0x5f3a;
  return guarded;
}

TEST(Report, AReplayLineHasTheFieldsOfTheDesign) {
  const json line = json::parse(replay_line("a.mmt", "ours", diverged(), true, 3));
  EXPECT_EQ(line["kind"], "replay");
  EXPECT_EQ(line["file"], "a.mmt");
  EXPECT_EQ(line["verdict"], "diverged");
  EXPECT_EQ(line["step"], 4);
  EXPECT_EQ(line["law"], "COW-2");
  EXPECT_EQ(line["field"], "writable");
  EXPECT_EQ(line["model"], "false");
  EXPECT_TRUE(line.contains("actual"));
  EXPECT_EQ(line["sut"], "ours");
  EXPECT_EQ(line["answers"], "0000000000005f3a");
  EXPECT_EQ(line["operations"], 9);
  EXPECT_EQ(line["skipped"], 2);
  EXPECT_EQ(line["mismatches"], 3);
}

TEST(Report, AgreementHasNeitherStepNorLaw) {
  const json line = json::parse(replay_line("a.mmt", "ours", GuardedOutcome{}, false));
  EXPECT_EQ(line["verdict"], "agreed");
  EXPECT_FALSE(line.contains("step"));
  EXPECT_FALSE(line.contains("law"));
  EXPECT_FALSE(line.contains("answers"));
}

TEST(Report, ACampaignAddsItsRunsUp) {
  CampaignTotals totals;
  totals.target = "slice";
  totals.add(diverged().outcome);
  totals.add(diverged().outcome);
  RunOutcome unfollowed;
  unfollowed.gave_up = true;
  totals.add(unfollowed);
  totals.verdict = "interrupted";
  const json line = json::parse(campaign_line(totals));
  EXPECT_EQ(line.at("verdict"), "interrupted");
  EXPECT_EQ(line["kind"], "campaign");
  EXPECT_EQ(line["executions"], 3);
  EXPECT_EQ(line["gave_up"], 1);
  EXPECT_EQ(line["operations"], 18);
  EXPECT_EQ(line["skipped"], 4);
  EXPECT_TRUE(line["divergences"].is_array());
}

TEST(Report, EveryLawHasALineAndTheUnexercisedComeFirst) {
  model::LawCounts counts{};
  counts[static_cast<unsigned>(model::Law::kFrame1)] = 12;
  const auto lines = law_lines(counts);
  ASSERT_EQ(lines.size(), model::kLawCount);
  for (const std::string& text : lines) EXPECT_EQ(json::parse(text)["kind"], "law");
  const std::string text = print_laws(counts);
  EXPECT_TRUE(text.ends_with("FRAME-1     " + std::string(model::claim_of(model::Law::kFrame1)) + "\n")) << text;
}

TEST(Report, AMinimisedProgramSaysWhetherItIsMinimal) {
  Minimised minimised;
  minimised.before = 2000;
  minimised.after = 3;
  minimised.minimal = true;
  const json line = json::parse(minimise_line("a.mmt", minimised, "a.min.mmt", true));
  EXPECT_EQ(line["kind"], "minimise");
  EXPECT_EQ(line["before"], 2000);
  EXPECT_EQ(line["after"], 3);
  EXPECT_EQ(line["minimal"], true);
  EXPECT_EQ(line["output"], "a.min.mmt");
  EXPECT_EQ(line["kept"], true);
}

TEST(EmitTest, TheSourceHoldsTheTraceAndAName) {
  const Program program = program_of("tiny", {"pages_alloc order=2 gfp=wait -> b1", "pages_free block=b1"});
  const std::string source = emit_test(program, {"FRAME-1", "pages_free", "state"}, "a freed block is free 2");
  EXPECT_NE(source.find("TEST(Regression, AFreedBlockIsFree2)"), std::string::npos) << source;
  EXPECT_NE(source.find(print(program)), std::string::npos);
  EXPECT_NE(source.find("#include <gtest/gtest.h>"), std::string::npos);
  EXPECT_NE(emit_test(program, {}, "3 frames").find("TEST(Regression, Trace3Frames)"), std::string::npos);
}

}  // namespace
}  // namespace mmtwin::lockstep
