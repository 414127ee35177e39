// A finding of a campaign on disk: the program as found first, then its minimised form, named after the law it broke.
//
// Laws: none. Context: the calling process; what may crash or hang runs in children. Cost: about the seconds given. The
// trace is on disk before anything is run again, under a name that nothing had: LAW.mmt, LAW-2.mmt, …; the minimised
// form takes the place of that file and of no other. It deliberately prints nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "lockstep/system.h"
#include "tools/campaign/campaign.h"

namespace mmtwin::tools {

struct FindingFile {
  std::string name;         // FOLDER/<law>.mmt
  std::string description;  // of the failure, for eyes, ending with the command that replays it
  std::size_t before = 0;  // operations of the program as found
  std::size_t operations = 0;
  double seconds = 0;  // that minimising took
  bool minimal = false;
  std::string problem;  // it could not be written; empty: it was
  std::string unsaved;  // the trace that could not be written, for whoever prints it
};
// `system`: of the kind that the campaign ran on.
FindingFile store_finding(lockstep::System& system, const CampaignFinding& finding, const std::string& folder,
                          double seconds, const std::function<bool()>& is_interrupted = {});

// Makes the folder, so that what keeps findings from being written is known before there are any. nullopt: they can be.
std::optional<std::string> prepare_folder(const std::string& folder);

}  // namespace mmtwin::tools
