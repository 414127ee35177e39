// The report of a failure, for eyes: step, operation, law and claim, field, both values, what the system did in that
// step, and the one line that replays it.
//
// Laws: quotes the one that broke. Context: one thread. Cost: one more run, to record the step. It deliberately decides
// nothing: verdict and step come from the run.
#pragma once

#include <string>

#include "lockstep/run.h"
#include "lockstep/signature.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

// One event in words, as the story of a step tells it: "frame_taken cpu=0 frame=0x23 order=0".
std::string describe(const Event& event);

struct Divergence {
  RunOutcome outcome;
  Signature signature;
  std::string operation;            // its text, "boot" or "rest: …"
  std::vector<Event> events;        // of the system in that step
  Changes system_changes, model_changes;
  Response response;
  std::string replay;  // the command

  std::string print() const;
};

// Runs the program again with recording up to the finding. `file`: the trace to name in the replay command.
Divergence describe_failure(Runner& runner, const Program& program, const RunOutcome& outcome,
                            const std::string& file);

}  // namespace mmtwin::lockstep
