// A finding of a campaign on disk: the program as found first, then its minimised form, named after the law it broke.
//
// Laws: none. Context: the calling process; candidates run in children if the finding is a crash. Cost: bounded by the
// seconds given. The trace is on disk before anything is run again. It deliberately prints nothing.
#pragma once

#include <cstddef>
#include <string>

#include "tools/campaign.h"

namespace mmtwin::tools {

struct FindingFile {
  std::string name;         // FOLDER/<law>.mmt
  std::string description;  // of the failure, for eyes, ending with the command that replays it
  std::size_t before = 0;  // operations of the program as found
  std::size_t operations = 0;
  double seconds = 0;  // that minimising took
  bool minimal = false;
  std::string problem;  // it could not be written; empty: it was
};
FindingFile store_finding(const CampaignFinding& finding, const std::string& folder, double seconds);

}  // namespace mmtwin::tools
