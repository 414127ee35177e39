// Which address spaces a step left with other ranges than before, and their lists as /proc/PID/maps shows them.
//
// Laws: none; VMA-2 judges the lists. Context: for an observer of one run, which asks after every step. Cost: the
// ranges of the spaces that changed in the step, of all spaces where operations that overlapped are over. While any is
// in flight there is no list to show. It deliberately reads no list after a finding of another law: what is broken
// may not be fit to be walked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lockstep/run/run.h"
#include "lockstep/system.h"
#include "model/model.h"

namespace mmtwin::tools {

struct RangeList {
  SpaceHandle space;
  std::vector<std::string> lines;  // empty: nothing is mapped any more
  friend bool operator==(const RangeList&, const RangeList&) = default;
};

class ChangedRanges {
 public:
  // The model says which spaces there are, the system what they map.
  ChangedRanges(lockstep::System& system, const model::Model& model) : system_(system), model_(model) {}

  // In the order of handles. A space begins with nothing mapped; of one that ended there is nothing to say.
  std::vector<RangeList> after(const lockstep::StepView& step);

 private:
  bool is_in_flight(const lockstep::StepView& step);
  std::vector<std::string> lines_of(SpaceHandle space);

  lockstep::System& system_;
  const model::Model& model_;
  std::vector<StepNumber> in_flight_;
  std::map<SpaceHandle, std::vector<std::string>> last_;
  std::vector<RangeObservation> ranges_;
};

}  // namespace mmtwin::tools
