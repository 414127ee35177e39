// The minimiser: a failing program made as short and as plain as it gets while it keeps failing in the same way.
//
// Laws: none; what it keeps is the failure's signature. Context: one thread, in process (or one child per candidate).
// Cost: bounded by a budget of seconds and executions. It ends with a certificate, checked by trying: no single
// operation and no single argument step can go. It deliberately knows nothing of operations beyond their field lists.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "lockstep/run/run.h"
#include "lockstep/run/signature.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

struct Failure {
  Signature signature;
  std::uint64_t step = 0;  // the last step that is needed to see it; beyond the end: the rest phase
};
// Runs a candidate; nullopt: it does not fail.
using Probe = std::function<std::optional<Failure>(const Program&)>;

// What a candidate needs to run to show what `original` showed: audits and the rest phase only if one of them found it.
RunOptions needed_for(const RunOutcome& original);
// In this process.
Probe probe_with(Runner& runner, const RunOutcome& original);
// One forked child per candidate, for systems that crash or hang.
Probe probe_in_children(Runner& runner, const RunOptions& options, double watchdog_seconds = 10);

struct MinimiseOptions {
  double seconds = 60;
  std::uint64_t executions = std::numeric_limits<std::uint64_t>::max();
  bool shrink_machine = true;
  bool change_operations = true;  // false: they only go, with their arguments and pauses as they are
  std::function<void(const std::string&)> log;  // one line a stage, the original first; empty: silence
  std::function<bool()> is_over;                // asked before every candidate, for those who wait; empty: never
  std::function<void(const struct Minimised&)> improved;  // hears every better program, the original first; or empty
};

struct Minimised {
  Program program;
  Signature signature;
  std::uint64_t step = 0;           // where the result fails
  std::size_t before = 0, after = 0;  // operations
  std::uint64_t executions = 0;
  double seconds = 0;
  bool fails = false;                // the original failed at all
  bool minimal = false;              // certificate: 1-minimal, checked
  std::vector<Signature> others;     // other failures that candidates showed, each once
};
Minimised minimise(const Program& program, const Probe& probe, const MinimiseOptions& options = {});

// The certificate alone: nullopt if no single operation can go and no single argument step can be taken while the
// program keeps failing with `signature`; else what can.
std::optional<std::string> certificate_problem(const Program& program, const Signature& signature, const Probe& probe,
                                               bool with_machine = true);

}  // namespace mmtwin::lockstep
