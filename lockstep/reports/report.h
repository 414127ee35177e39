// Reports for machines: JSON Lines, one object a line, with a `kind`; fields are only ever added.
//
// Laws: none. Context: values in, a line out (without the newline). Cost: allocations; never in a hot path. It
// deliberately prints nothing itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/children/guard.h"
#include "lockstep/minimise/minimise.h"
#include "lockstep/perturb/perturb.h"
#include "lockstep/run/run.h"

namespace mmtwin::lockstep {

// replay {file verdict step law field model sut answers events operations skipped mismatches assumed}
std::string replay_line(std::string_view file, std::string_view sut, const GuardedOutcome& guarded, bool has_digests,
                        std::uint64_t mismatches = 0, std::uint64_t assumed = 0);

// Sums over the runs of a campaign.
struct CampaignTotals {
  std::string target;
  std::string machine;  // "drawn", or the one of all programs
  std::uint64_t seed = 0;
  std::uint64_t executions = 0;
  std::uint64_t operations = 0;
  std::uint64_t skipped = 0;
  std::uint64_t items = 0;
  std::uint64_t gave_up = 0;  // programs that were judged up to an overlap that could not be followed
  double seconds = 0;
  std::vector<std::string> divergences;  // trace files
  std::string verdict;  // "agreed"; of the finding; "unexplained", "interrupted", "nothing"

  void add(const RunOutcome& outcome);
};
// campaign {target machine seed executions operations skipped items gave_up seconds divergences[] verdict}
std::string campaign_line(const CampaignTotals& totals);

// law {id claim exercised}: one line a law.
std::vector<std::string> law_lines(const model::LawCounts& exercised);
// The same as text, laws that were never exercised first.
std::string print_laws(const model::LawCounts& exercised, bool with_zeros = true);

// minimise {file before after executions seconds minimal signature output kept}; kept: output held one as good
std::string minimise_line(std::string_view file, const Minimised& minimised, std::string_view output, bool is_kept);

// perturb {of rejected accepted unchanged programs kinds{} verdict}; of: which programs
std::string perturb_line(const PerturbReport& report, std::string_view of, std::string_view verdict);

}  // namespace mmtwin::lockstep
