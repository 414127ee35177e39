// Explore: every schedule of a few operations in flight together, each run from the start and judged.
//
// Laws: all; a finding comes with the schedule that shows it. Context: one thread. Cost: a run of the program a
// schedule, some tens of microseconds for a short one. Schedules that differ only in the order of steps that touch
// nothing in common lead to the same end: sleep sets leave out all of them but one (Godefroid, Partial-Order Methods,
// chapter 5). What a step touches is recorded by the platform as it runs. It deliberately keeps no states: nothing but
// the choices made so far is remembered.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lockstep/run/run.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

struct ExploreOptions {
  bool prunes = true;
  Everywhere at = Everywhere::kAtPoints;
  std::uint64_t most_runs = 1'000'000;
  std::function<bool()> is_cancelled = {};  // asked before each run
};

struct ExploreReport {
  std::uint64_t schedules = 0;  // run to their end
  std::uint64_t pruned = 0;     // runs that were given up: another schedule comes to the same
  std::uint64_t steps = 0;      // from point to point
  enum class End : std::uint8_t {
    kComplete,      // every schedule was run or pruned
    kFound,
    kUnrepeatable,  // runs that chose the same went different ways
    kRunsUsedUp,
    kCancelled,
  };
  End end = End::kRunsUsedUp;
  bool is_complete() const { return end == End::kComplete; }
  std::set<std::string> outcomes;
  std::optional<RunOutcome> finding;
  std::vector<StepNumber> schedule;  // of the finding: whose turn it was
  std::string print() const;
};

// The operations from step `first` on are the ones in flight together, as far as their CPUs have room. Stops at the
// first finding.
ExploreReport explore(System& system, const Program& program, StepNumber first, const ExploreOptions& options = {});

// The pairs of {load, store, fork, unmap, protect, exit} on one page that a parent and its child share; the second is
// done by another thread of the parent, or by the child. And those of two threads on a page that nobody has touched.
struct RacingPair {
  std::string name;
  Program program;
  StepNumber first;
};
std::vector<RacingPair> racing_pairs();

}  // namespace mmtwin::lockstep
