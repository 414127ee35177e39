// The report of a failure, for eyes: step, operation, law and claim, field, both values, what both sides did in that
// step, and the one line that replays it.
//
// Laws: quotes the one that broke. Context: one thread. Cost: one more run, to record the step. It deliberately decides
// nothing: verdict and step come from the run.
#pragma once

#include <string>
#include <vector>

#include "lockstep/run/run.h"
#include "lockstep/run/signature.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

struct Divergence {
  RunOutcome outcome;
  Signature signature;
  std::string operation;      // its text, "boot" or "rest"
  std::string note;           // of the step
  bool recorded = false;      // the step was seen again: what follows is known
  std::vector<Event> events;  // of the system in that step
  Changes system_changes, model_changes;
  Response response;
  std::string replay;  // the command

  std::string print() const;
};

// The command that runs the trace on that system again.
std::string replay_command(const System& system, const std::string& file);

// `outcome` is of this program on this runner and holds a finding. Runs the program again, recording the step of the
// finding. `file`: the trace to name in the replay command.
Divergence describe_failure(Runner& runner, const Program& program, const RunOutcome& outcome, const std::string& file);

}  // namespace mmtwin::lockstep
