// What a fuzz target does with an input: decode, run both machines, and on a finding leave a minimised trace, a report
// and one line that replays it.
//
// Laws: all that the model judges. Context: one thread, one Target a process. Cost: a run; nothing is allocated once
// warm. The trace goes to the file named by MMTWIN_FINDING, else finding-LAW.mmt in the current folder, with -2, -3, …
// added to the name if that is taken; it is minimised for at most MMTWIN_MINIMISE_SECONDS (10). What cannot be written
// is printed. It deliberately ends the process by abort(): the engine stores the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "fuzz/features.h"
#include "fuzz/mutator.h"
#include "lockstep/generate/generate.h"
#include "lockstep/reports/report.h"
#include "lockstep/run/run.h"
#include "lockstep/system.h"

namespace mmtwin::fuzz {

struct TargetOptions {
  std::string name;
  lockstep::KindMask kinds = lockstep::kAllKinds;  // operations of other kinds are left out of every input
};

class Target {
 public:
  // Prints what was checked, and which laws never were, when the process ends normally.
  Target(TargetOptions options, std::unique_ptr<lockstep::System> system);
  ~Target();

  // 0, or -1 if the input should not be kept: its machine is too large for a campaign, or nothing of it ran.
  int run(std::span<const std::uint8_t> input);

  Mutator& mutator() { return mutator_; }

 private:
  void report(const lockstep::RunOutcome& outcome);

  TargetOptions options_;
  FeatureSystem system_;
  lockstep::Runner runner_;
  Mutator mutator_;
  Program program_;
  lockstep::CampaignTotals totals_;
};

}  // namespace mmtwin::fuzz
