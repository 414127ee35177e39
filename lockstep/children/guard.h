// A run in a forked child: a crash or hang of the system under test leaves the trace and a verdict.
//
// Laws: none. Context: one thread, and no other threads in the process, since it forks. Cost: a fork, a pipe, two file
// writes. What the child found comes back as one line of JSON. A child that was killed from outside, or for want of
// memory, shows nothing about the system: that is a problem of the harness and no verdict. It deliberately repeats
// nothing: one run, one verdict.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "lockstep/run/run.h"
#include "lockstep/run/signature.h"
#include "lockstep/traces/trace.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

struct GuardOptions {
  RunOptions run;
  std::filesystem::path trace;      // written before the run, completed after it; empty: no file
  double watchdog_seconds = 60;     // of CPU time, and what a program of this size may need beyond
  std::function<bool()> is_cancelled;  // asked now and then; true: the run is ended without a verdict
};
struct GuardedOutcome {
  RunOutcome outcome;       // kCrashed: step and operation are those it died in
  int signal = 0;           // that ended the child; 0: none
  int exit_status = 0;      // of a child that left by itself without an answer (a sanitizer, say)
  bool hung = false;        // the watchdog ended it
  model::LawCounts exercised{};  // by this run
  std::string problem;      // the harness itself failed: no fork, no file, no memory. Empty: it did not
  std::string how() const;  // "SIGSEGV", "hang", "exit 1"; empty unless kCrashed
};
// Runs in a forked child, so that a crash or hang of the system leaves the trace and a verdict. An observer in the
// options sees its steps in the child only.
GuardedOutcome run_guarded(Runner& runner, const Program& program, const GuardOptions& options);

// CPU seconds after which a run of the program hangs: those given, and what its machine and its length may cost.
double most_seconds(const Program& program, double given);

// Field names of findings point into constants; one that comes from another process is kept here instead, for ever.
std::string_view kept(const std::string& text);

std::optional<Signature> signature_of(const GuardedOutcome& outcome);
Footer footer_of(const GuardedOutcome& outcome, bool has_digests);

}  // namespace mmtwin::lockstep
