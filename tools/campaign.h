// A campaign: programs from a seed, run in lockstep by some worker processes until the time is up or one finds
// something.
//
// Laws: all. Context: the calling process forks the workers, has no threads, and ends only processes that it started.
// Cost: one process a job. A worker that crashes or hangs leaves its program behind, because programs follow from seed
// and number: program n is the same whoever runs it. It deliberately stops at the first finding and minimises nothing.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/generate.h"
#include "lockstep/report.h"
#include "lockstep/run.h"
#include "tools/bug_markers.h"
#include "vocab/program.h"

namespace mmtwin::tools {

struct CampaignOptions {
  lockstep::GenerateOptions generate;  // its seed is the campaign's
  bool draws_machines = false;         // another one every few programs, instead of the generator's
  std::vector<Program> first;          // run before anything is generated
  double seconds = 60;
  std::uint64_t executions = 0;  // programs; 0: until the time is up
  unsigned jobs = 1;
  double hang_seconds = 20;  // a program that takes longer hangs
};

struct CampaignFinding {
  Program program;
  lockstep::RunOutcome outcome;  // verdict kCrashed: only that
  std::string how;               // "SIGSEGV", "hang", "exit 1": of a crash
};

struct CampaignResult {
  lockstep::CampaignTotals totals;
  std::array<std::uint64_t, model::kSkipReasons> skipped{};
  model::LawCounts exercised{};
  MarkerCounts markers;
  std::optional<CampaignFinding> finding;
  std::string problem;  // the harness failed; empty: it did not
};

// Program `number` of the campaign.
Program campaign_program(const CampaignOptions& options, std::uint64_t number);

// `on_progress` hears the sums so far a few times a second.
CampaignResult run_campaign(const CampaignOptions& options,
                            const std::function<void(const lockstep::CampaignTotals&)>& on_progress = {});

}  // namespace mmtwin::tools
