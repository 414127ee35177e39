// Touches are points: each kind is passed, a pause there is before the access, and they count for nobody's limit.
#include <gtest/gtest.h>

#include <string>

#include "lockstep/run/explore.h"
#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"
#include "tests/lockstep/pairs_to_explore.h"
#include "tests/lockstep/programs.h"

namespace mmtwin::lockstep {
namespace {

class Flights final : public StepObserver {
 public:
  void on_step(const StepView& step) override {
    if (step.operation != nullptr && step.is_in_flight) ++paused;
  }
  unsigned paused = 0;
};

// How many operations of the program stopped on their way. It must agree.
unsigned pauses(const std::vector<std::string>& operations) {
  const auto system = make_ours();
  Runner runner(*system);
  Flights flights;
  RunOptions options;
  options.observer = &flights;
  EXPECT_EQ(runner.run(program_of("small", operations), options).verdict, Verdict::kAgreed) << operations.back();
  return flights.paused;
}

std::vector<std::string> after_a_fork(const std::string& last) {
  return {"space_create -> p1",
          "range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw",
          "memory_store space=p1 at=0x10000 value=0x1",
          "space_fork space=p1 -> p2",
          last,
          "cpu=1 memory_load space=p2 at=0x10000"};
}

TEST(Touch, EachKindIsPassed) {
  for (const std::string_view kind : {"entry", "descriptor", "freelist", "count", "sequence"}) {
    const std::string pause = " pause=touch." + std::string(kind) + "#1";
    EXPECT_EQ(pauses(after_a_fork("memory_store space=p1 at=0x10000 value=0x2" + pause)), 1u) << kind;
    EXPECT_EQ(pauses(after_a_fork("range_unmap space=p1 at=0x10000 length=0x1000" + pause)),
              kind == "descriptor" ? 0u : 1u) << kind;
  }
}

TEST(Touch, APauseIsAtThatPassing) {
  EXPECT_EQ(pauses(after_a_fork("memory_store space=p1 at=0x10000 value=0x2 pause=touch.entry#9")), 1u);
  EXPECT_EQ(pauses(after_a_fork("memory_store space=p1 at=0x10000 value=0x2 pause=touch.entry#255")), 0u);
}

TEST(Touch, ExploringStopsThereWhereAsked) {
  const auto system = make_ours();
  for (const std::size_t number : {3u, 4u}) {
    const RacingPair pair = racing_pairs()[number];
    const ExploreReport points = explore(*system, pair.program, pair.first);
    const ExploreReport touches = explore(*system, pair.program, pair.first, {.at = Everywhere::kAtTouches});
    EXPECT_TRUE(points.is_complete() && touches.is_complete()) << pair.name;
    EXPECT_FALSE(touches.finding) << pair.name;
    EXPECT_GT(touches.schedules + touches.pruned, points.schedules + points.pruned) << pair.name;
    EXPECT_EQ(points.outcomes, touches.outcomes) << pair.name;
  }
}

TEST(Touch, PruningLosesNoOutcomeThere) {
  const auto system = make_ours();
  unsigned compared = 0;
  for (const RacingPair& pair : pairs_to_explore()) {
    const ExploreReport all =
        explore(*system, pair.program, pair.first, {.prunes = false, .at = Everywhere::kAtTouches, .most_runs = 2000});
    if (!all.is_complete()) continue;
    const ExploreReport pruned = explore(*system, pair.program, pair.first, {.at = Everywhere::kAtTouches});
    EXPECT_EQ(all.outcomes, pruned.outcomes) << pair.name;
    ++compared;
  }
  EXPECT_GE(compared, kEveryPair == 1 ? 5u : 1u);
}

}  // namespace
}  // namespace mmtwin::lockstep
