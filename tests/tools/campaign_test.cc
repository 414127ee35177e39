#include "tools/campaign.h"

#include <gtest/gtest.h>

#include <string>

#include "tools/words.h"
#include "vocab/kinds.h"

namespace mmtwin::tools {
namespace {

CampaignOptions short_campaign(unsigned jobs) {
  CampaignOptions options;
  options.generate.seed = 5;
  options.generate.operations = 30;
  options.executions = 12;
  options.jobs = jobs;
  return options;
}

TEST(Campaign, AProgramFollowsFromSeedAndNumber) {
  CampaignOptions options = short_campaign(1), other = short_campaign(1);
  other.generate.seed = 6;
  EXPECT_TRUE(same(campaign_program(options, 3), campaign_program(options, 3)));
  EXPECT_FALSE(same(campaign_program(options, 3), campaign_program(options, 4)));
  EXPECT_FALSE(same(campaign_program(options, 3), campaign_program(other, 2)));
}

TEST(Campaign, StoredProgramsComeFirst) {
  CampaignOptions options = short_campaign(1);
  options.first.push_back(campaign_program(options, 9));
  EXPECT_TRUE(same(campaign_program(options, 0), options.first[0]));
}

TEST(Campaign, AnyNumberOfProcessesRunsTheSamePrograms) {
  CampaignResult one = run_campaign(short_campaign(1)), three = run_campaign(short_campaign(3));
  ASSERT_TRUE(one.problem.empty() && three.problem.empty());
  EXPECT_FALSE(one.finding || three.finding);
  EXPECT_EQ(one.totals.executions, 12u);
  EXPECT_EQ(three.totals.executions, 12u);
  EXPECT_EQ(one.totals.operations, three.totals.operations);
  EXPECT_EQ(one.skipped, three.skipped);
  EXPECT_EQ(one.exercised, three.exercised);
}

TEST(Words, EveryOperationAndEventHasASentence) {
  for (std::size_t kind = 0; kind < kOperationKinds; ++kind) {
    Operation operation;
    make_blank(kind, operation);
    EXPECT_GT(in_words(operation).size(), std::string("CPU 0 ").size()) << kOperationNames[kind];
  }
  for (std::size_t kind = 0; kind < kEventNames.size(); ++kind) {
    std::string words = in_words(Event{.kind = static_cast<EventKind>(kind)});
    EXPECT_EQ(words.find(kEventNames[kind]), std::string::npos) << words;
  }
}

}  // namespace
}  // namespace mmtwin::tools
