#include "tools/reports/changed_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "fuzz/forwarding_system.h"
#include "lockstep/suts/ours/ours.h"
#include "lockstep/suts/recorded.h"
#include "tests/lockstep/programs.h"

namespace mmtwin::tools {
namespace {

using lockstep::program_of;
using Lists = std::vector<RangeList>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr SpaceHandle kP1(1), kP2(2);

// What was shown after each step; steps that showed nothing are left out.
class Listener final : public lockstep::StepObserver {
 public:
  explicit Listener(lockstep::Runner& runner) : changed_(runner.system(), runner.model()) {}
  void on_step(const lockstep::StepView& step) override {
    Lists lists = changed_.after(step);
    if (!lists.empty()) shown[step.step.raw()] = std::move(lists);
  }
  std::map<std::uint64_t, Lists> shown;

 private:
  ChangedRanges changed_;
};

struct Story {
  std::map<std::uint64_t, Lists> shown;
  lockstep::RunOutcome outcome;
};

Story story_of(lockstep::System& system, const Program& program) {
  lockstep::Runner runner(system);
  Listener listener(runner);
  lockstep::RunOptions options;
  options.observer = &listener;
  options.locate = false;
  const lockstep::RunOutcome outcome = runner.run(program, options);
  return {listener.shown, outcome};
}

std::map<std::uint64_t, Lists> shown_by_ours(const std::vector<std::string>& operations) {
  const auto system = lockstep::make_ours();
  const Story story = story_of(*system, program_of("small cpus=3", operations));
  EXPECT_EQ(story.outcome.verdict, lockstep::Verdict::kAgreed);
  EXPECT_EQ(story.outcome.skipped_total(), 0u);
  return story.shown;
}

TEST(ChangedRanges, AreShownAfterTheStepsThatChangeThemOnly) {
  const auto shown = shown_by_ours({"space_create -> p1",
                                    "range_map_anon space=p1 at=0x10000 length=0x3000 prot=rw",
                                    "memory_store space=p1 at=0x10000 width=1 value=0x1",
                                    "range_protect space=p1 at=0x11000 length=0x1000 prot=r",
                                    "range_protect space=p1 at=0x11000 length=0x1000 prot=r"});
  EXPECT_THAT(shown, ElementsAre(Pair(2, Lists{{kP1, {"00010000-00013000 rw-p 00000000"}}}),
                                 Pair(4, Lists{{kP1, {"00010000-00011000 rw-p 00000000",
                                                      "00011000-00012000 r--p 00000000",
                                                      "00012000-00013000 rw-p 00000000"}}})));
}

TEST(ChangedRanges, OfAForkAreTheChildsAlone) {
  const auto shown = shown_by_ours(
      {"space_create -> p1", "range_map_file space=p1 at=0x10000 length=0x1000 file=3 offset=0x2000 prot=rx",
       "space_fork space=p1 -> p2"});
  const std::vector<std::string> lines = {"00010000-00011000 r-xp 00002000 file 3"};
  EXPECT_THAT(shown, ElementsAre(Pair(2, Lists{{kP1, lines}}), Pair(3, Lists{{kP2, lines}})));
}

TEST(ChangedRanges, OfASpaceThatIsEmptiedAreNoneAndOfOneThatEndedAreNotShown) {
  const auto shown = shown_by_ours({"space_create -> p1", "range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw",
                                    "range_unmap space=p1 at=0x10000 length=0x1000",
                                    "range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw", "space_exit space=p1",
                                    "space_create -> p1"});
  const Lists mapped = {{kP1, {"00010000-00011000 rw-p 00000000"}}};
  EXPECT_THAT(shown, ElementsAre(Pair(2, mapped), Pair(3, Lists{{kP1, {}}}), Pair(4, mapped)));
}

const std::vector<std::string> kOverlap = {"space_create -> p1",
                                           "range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw",
                                           "memory_store space=p1 at=0x10000 width=1 value=0x1",
                                           "space_fork space=p1 -> p2",
                                           "cpu=1 memory_load space=p2 at=0x10000",
                                           "cpu=2 range_unmap space=p2 at=0x10000 length=0x1000 pause=interrupt.wait#1",
                                           "range_map_anon space=p1 at=0x20000 length=0x1000 prot=r"};
const Lists kOverlapped = {{kP1, {"00010000-00011000 rw-p 00000000", "00020000-00021000 r--p 00000000"}}, {kP2, {}}};

TEST(ChangedRanges, WaitUntilNothingIsInFlight) {
  std::vector<std::string> operations = kOverlap;
  operations.push_back("cpu=2 resume");
  auto shown = shown_by_ours(operations);
  EXPECT_EQ(shown.erase(2) + shown.erase(4), 2u);
  EXPECT_THAT(shown, ElementsAre(Pair(8, kOverlapped)));
}

TEST(ChangedRanges, OfWhatLandsAtTheEndAreShownAtRest) {
  auto shown = shown_by_ours(kOverlap);
  EXPECT_EQ(shown.erase(2) + shown.erase(4), 2u);
  EXPECT_THAT(shown, ElementsAre(Pair(8, kOverlapped)));
}

class RecordedRanges : public ::testing::Test {
 protected:
  RecordedRanges() {
    program_ = program_of("small", {"space_create -> p1", "range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw"});
    RecordedAnswer& answer = program_.recorded[2];
    answer.has_response = true;
    answer.response.value = 0x10000;
    answer.has_ranges = true;
    RangeObservation& range = answer.ranges.emplace_back();
    range.start = Address(0x10000);
    range.end = Address(0x11000);
    range.prot = kProtRead | kProtWrite;
  }
  Story story() {
    lockstep::RecordedSystem system;
    return story_of(system, program_);
  }
  Program program_;
};

TEST_F(RecordedRanges, AreShown) {
  EXPECT_THAT(story().shown, ElementsAre(Pair(2, Lists{{kP1, {"00010000-00011000 rw-p 00000000"}}})));
}

// What it does not claim, it has all the same.
TEST_F(RecordedRanges, ASystemThatShowsNoRangesIsNotAsked) {
  class Shy : public fuzz::ForwardingSystem {
   public:
    using ForwardingSystem::ForwardingSystem;
    Claims claims() const override {
      Claims claims = ForwardingSystem::claims();
      claims.drop(Claim::kRanges);
      return claims;
    }
  } system(std::make_unique<lockstep::RecordedSystem>());
  EXPECT_THAT(story_of(system, program_).shown, IsEmpty());
}

TEST_F(RecordedRanges, AListThatBreaksItsLawIsShown) {
  program_.recorded[2].ranges[0].end = Address(0x15000);
  const Story broken = story();
  ASSERT_TRUE(broken.outcome.finding);
  EXPECT_EQ(broken.outcome.finding->law, model::Law::kVma2);
  EXPECT_THAT(broken.shown, ElementsAre(Pair(2, Lists{{kP1, {"00010000-00015000 rw-p 00000000"}}})));
}

TEST_F(RecordedRanges, NoListIsReadAfterAFindingOfAnotherLaw) {
  program_.recorded[2].response.value = 0x11000;
  const Story broken = story();
  ASSERT_TRUE(broken.outcome.finding);
  EXPECT_NE(broken.outcome.finding->law, model::Law::kVma2);
  EXPECT_THAT(broken.shown, IsEmpty());
}

}  // namespace
}  // namespace mmtwin::tools
