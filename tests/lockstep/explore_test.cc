#include "lockstep/run/explore.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "fuzz/forwarding_system.h"
#include "lockstep/suts/ours/ours.h"
#include "tests/lockstep/pairs_to_explore.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

TEST(Explore, EveryScheduleOfEveryPairOnASharedPageAgrees) {
  const auto system = make_ours();
  std::uint64_t schedules = 0, pruned = 0;
  for (const RacingPair& pair : pairs_to_explore()) {
    const ExploreReport report = explore(*system, pair.program, pair.first);
    std::printf("%s: %s\n", pair.name.c_str(), report.print().c_str());
    EXPECT_TRUE(report.is_complete()) << pair.name;
    EXPECT_FALSE(report.finding) << pair.name << ": " << report.finding->finding->expected;
    EXPECT_FALSE(report.outcomes.empty()) << pair.name;
    schedules += report.schedules;
    pruned += report.pruned;
  }
  std::printf("%llu schedules, %llu pruned\n", static_cast<unsigned long long>(schedules),
              static_cast<unsigned long long>(pruned));
}

// Wherever all schedules can be run, they come to what the pruned ones come to.
TEST(Explore, PruningLosesNoOutcome) {
  const auto system = make_ours();
  unsigned compared = 0, with_choice = 0;
  for (const RacingPair& pair : pairs_to_explore()) {
    const ExploreReport all = explore(*system, pair.program, pair.first, {.prunes = false, .most_runs = 5000});
    if (!all.is_complete()) continue;
    const ExploreReport pruned = explore(*system, pair.program, pair.first);
    EXPECT_EQ(all.outcomes, pruned.outcomes) << pair.name;
    EXPECT_LE(pruned.schedules, all.schedules) << pair.name;
    ++compared;
    with_choice += all.outcomes.size() > 1 ? 1 : 0;
  }
  EXPECT_GE(compared, 20 / kEveryPair);
  EXPECT_GE(with_choice, kEveryPair == 1 ? 5u : 1u);
}

// Three stores to one page, of which the last to be translated stays.
TEST(Explore, ThreeOperationsMayRace) {
  const Program program = parse_program(
      "mmtwin 1\nmachine small cpus=3\n"
      "1 cpu=0 space_create -> p1\n"
      "2 cpu=0 range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw\n"
      "3 cpu=0 memory_store space=p1 at=0x10000 value=0x1\n"
      "4 cpu=1 memory_load space=p1 at=0x10000\n"
      "5 cpu=2 memory_load space=p1 at=0x10000\n"
      "6 cpu=0 memory_store space=p1 at=0x10000 value=0x2\n"
      "7 cpu=1 memory_store space=p1 at=0x10000 value=0x3\n"
      "8 cpu=2 memory_store space=p1 at=0x10000 value=0x4\n").value();
  const auto system = make_ours();
  const ExploreReport report = explore(*system, program, StepNumber(6));
  EXPECT_TRUE(report.is_complete());
  EXPECT_FALSE(report.finding);
  EXPECT_EQ(report.outcomes.size(), 3u);
}

// Every 50th turn nothing happens, so that the same choices do not always lead to the same place.
class Unsteady final : public fuzz::ForwardingSystem {
 public:
  Unsteady() : ForwardingSystem(make_ours()) {}
  void go_on(StepNumber step, Pause pause) override {
    if (++turns_ % 50 != 0) ForwardingSystem::go_on(step, pause);
  }

 private:
  unsigned turns_ = 0;
};

TEST(Explore, RunsThatDoNotRepeatAreNotCalledComplete) {
  Unsteady system;
  const RacingPair pair = racing_pairs()[5];
  EXPECT_FALSE(explore(system, pair.program, pair.first).is_complete());
  const auto steady = make_ours();
  EXPECT_TRUE(explore(*steady, pair.program, pair.first).is_complete());
}

TEST(Explore, ABudgetOfRunsIsKept) {
  const auto system = make_ours();
  const RacingPair pair = racing_pairs()[5];
  const ExploreReport report = explore(*system, pair.program, pair.first, {.prunes = true, .most_runs = 3});
  EXPECT_EQ(report.end, ExploreReport::End::kRunsUsedUp);
  EXPECT_NE(report.print().find("the budget of runs ran out"), std::string::npos) << report.print();
  EXPECT_EQ(report.schedules + report.pruned, 3u);
}

TEST(Explore, WhoeverAsksCanEndIt) {
  const auto system = make_ours();
  const RacingPair pair = racing_pairs()[5];
  unsigned asked = 0;
  ExploreOptions options;
  options.is_cancelled = [&] { return ++asked > 2; };
  const ExploreReport report = explore(*system, pair.program, pair.first, options);
  EXPECT_EQ(report.end, ExploreReport::End::kCancelled);
  EXPECT_EQ(report.schedules + report.pruned, 2u);
}

}  // namespace
}  // namespace mmtwin::lockstep
