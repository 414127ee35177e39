#include "tools/campaign/campaign.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "fuzz/forwarding_system.h"
#include "fuzz/lying_system.h"
#include "tools/reports/words.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

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

// Its words lay in memory that is gone with the campaign.
TEST(Campaign, AFindingOutlivesItsCampaign) {
  CampaignOptions options = short_campaign(1);
  options.executions = 20000;
  options.make_system = [] { return std::make_unique<fuzz::LyingSystem>(lockstep::make_ours()); };
  const CampaignResult result = run_campaign(options);
  ASSERT_TRUE(result.finding);
  ASSERT_TRUE(result.finding->outcome.finding);
  EXPECT_FALSE(std::string(result.finding->outcome.finding->field).empty());
}

// ---- workers that do not come back ----

// Does something bad at the n-th start of a machine, counted over all processes that have come of this one.
class Mortal final : public fuzz::ForwardingSystem {
 public:
  using Count = std::atomic<unsigned>;
  Mortal(Count& starts, unsigned first, unsigned last, std::function<void()> what)
      : ForwardingSystem(lockstep::make_ours()), starts_(starts), first_(first), last_(last), what_(std::move(what)) {}
  void start(const MachineDescription& machine, EventSink& sink) override {
    const unsigned now = ++starts_;
    if (now >= first_ && now <= last_) what_();
    ForwardingSystem::start(machine, sink);
  }

 private:
  Count& starts_;
  unsigned first_, last_;
  std::function<void()> what_;
};

class Mortals : public testing::Test {
 protected:
  Mortals() : starts_(*new (shared_page()) Mortal::Count(0)) {}
  ~Mortals() override { ::munmap(&starts_, 4096); }
  CampaignResult run(unsigned jobs, unsigned first, unsigned last, const std::function<void()>& what) {
    CampaignOptions options = short_campaign(jobs);
    options.hang_seconds = 0.5;
    options.make_system = [this, first, last, what] { return std::make_unique<Mortal>(starts_, first, last, what); };
    return run_campaign(options);
  }
  static void* shared_page() {
    return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  }
  static void spin() {
    for (volatile bool goes_on = true; goes_on;) continue;
  }
  static constexpr unsigned kEver = ~0u;
  Mortal::Count& starts_;
};

TEST_F(Mortals, ADeathThatAReplayDoesNotShowIsNoFinding) {
  for (const int signal : {SIGKILL, SIGTERM, SIGABRT}) {
    starts_ = 0;
    const CampaignResult result = run(1, 4, 4, [signal] { ::raise(signal); });
    EXPECT_FALSE(result.finding) << signal;
    ASSERT_EQ(result.unexplained.size(), 1u) << signal;
    EXPECT_EQ(result.unexplained[0].number, 3u);
    EXPECT_EQ(result.unexplained[0].replayed, "it replays as agreed");
    EXPECT_TRUE(same(result.unexplained[0].program, campaign_program(short_campaign(1), 3)));
    EXPECT_EQ(result.totals.executions, 3u);  // those before it count
  }
}

TEST_F(Mortals, AHangThatAReplayDoesNotShowIsNoFinding) {
  const CampaignResult result = run(1, 2, 2, spin);
  EXPECT_FALSE(result.finding);
  ASSERT_EQ(result.unexplained.size(), 1u);
  EXPECT_EQ(result.unexplained[0].how, "hang");
}

TEST_F(Mortals, AnUnexplainedDeathCostsOnlyItsOwnPrograms) {
  const CampaignResult result = run(3, 5, 5, [] { ::raise(SIGKILL); });
  EXPECT_FALSE(result.finding);
  ASSERT_EQ(result.unexplained.size(), 1u);
  EXPECT_EQ(result.unexplained[0].how, "SIGKILL");
  EXPECT_GE(result.totals.executions, 8u);  // all of two workers
}

TEST_F(Mortals, WantOfMemoryIsNoFindingEvenIfItLasts) {
  const CampaignResult result = run(1, 3, kEver, [] { throw std::bad_alloc(); });
  EXPECT_FALSE(result.finding);
  ASSERT_EQ(result.unexplained.size(), 1u);
  EXPECT_EQ(result.unexplained[0].how, "want of memory");
  EXPECT_NE(result.unexplained[0].replayed, "it replays as agreed");
}

TEST_F(Mortals, SomebodyWhoKillsReplaysTooShowsNothing) {
  const CampaignResult result = run(1, 3, kEver, [] { ::raise(SIGKILL); });
  EXPECT_FALSE(result.finding);
  ASSERT_EQ(result.unexplained.size(), 1u);
}

TEST_F(Mortals, ADeathThatAReplayShowsIsAFinding) {
  const CampaignResult result = run(2, 3, kEver, [] { ::raise(SIGSEGV); });
  ASSERT_TRUE(result.finding);
  EXPECT_TRUE(result.unexplained.empty());
  EXPECT_EQ(result.finding->outcome.verdict, lockstep::Verdict::kCrashed);
  EXPECT_FALSE(result.finding->how.empty());  // a sanitizer exits where others die
}

TEST_F(Mortals, AHangThatAReplayShowsIsAFinding) {
  const CampaignResult result = run(1, 3, kEver, spin);
  ASSERT_TRUE(result.finding);
  EXPECT_EQ(result.finding->how, "hang");
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
