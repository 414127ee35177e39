// A campaign: programs from a seed, run in lockstep by some worker processes until the time is up or one finds
// something, or until interrupted() says so.
//
// Laws: all. Context: the calling process forks the workers, has no threads, and ends only processes that it started.
// Cost: one process a job. A worker that dies or hangs leaves its program behind, because programs follow from seed and
// number: program n is the same whoever runs it. That is a finding once a replay shows it too; a worker that somebody
// else killed is told apart so, and costs the campaign nothing but what that worker would have done. It deliberately
// stops at the first finding and minimises nothing.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/generate/generate.h"
#include "lockstep/reports/report.h"
#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/bugs/bug_markers.h"
#include "vocab/program.h"

namespace mmtwin::tools {

struct CampaignOptions {
  lockstep::GenerateOptions generate;  // its seed is the campaign's
  bool draws_machines = false;         // another one every few programs, instead of the generator's
  std::vector<Program> first;          // run before anything is generated
  double seconds = 60;
  std::uint64_t executions = 0;  // programs; 0: until the time is up
  unsigned jobs = 1;
  double hang_seconds = 20;  // of CPU time, and what a program of this size may need beyond: lockstep::most_seconds
  std::function<std::unique_ptr<lockstep::System>()> make_system = lockstep::make_ours;
};

struct CampaignFinding {
  Program program;
  lockstep::RunOutcome outcome;  // verdict kCrashed: only that
  std::string how;               // "SIGSEGV", "hang", "exit 1": of a crash
};

// A worker ended, and a replay of its program does not show why.
struct UnexplainedEnd {
  Program program;
  std::uint64_t number = 0;  // of the program
  std::string how;           // the worker ended
  std::string replayed;      // "it replays as agreed"
};

struct CampaignResult {
  lockstep::CampaignTotals totals;
  std::array<std::uint64_t, model::kSkipReasons> skipped{};
  model::LawCounts exercised{};
  MarkerCounts markers;
  std::optional<CampaignFinding> finding;
  std::vector<UnexplainedEnd> unexplained;
  bool was_interrupted = false;
  std::string problem;  // the harness failed; empty: it did not
};

// Program `number` of the campaign.
Program campaign_program(const CampaignOptions& options, std::uint64_t number);

// `on_progress` hears the sums so far a few times a second.
CampaignResult run_campaign(const CampaignOptions& options,
                            const std::function<void(const lockstep::CampaignTotals&)>& on_progress = {});

}  // namespace mmtwin::tools
