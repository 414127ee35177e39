// The signature of a failure: what stays the same while a program is made smaller.
//
// Laws: none; it quotes one. Context: value. Cost: two small strings. Two failures with one signature count as the same
// bug. It deliberately leaves out steps, frames and addresses: those change with the program.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "lockstep/run/run.h"

namespace mmtwin::lockstep {

struct Signature {
  std::string law;        // law id, or "crash" with the signal's name as field
  std::string operation;  // kind of the operation, "boot" or "rest"
  std::string field;      // first differing field
  friend auto operator<=>(const Signature&, const Signature&) = default;

  std::string print() const;  // "COW-2 space_fork writable"
};

// nullopt: agreed.
std::optional<Signature> signature_of(const RunOutcome& outcome);
// Of a run that a child did not survive: "crash", the operation it died in, and how.
Signature crash_signature(const RunOutcome& outcome, std::string how);

}  // namespace mmtwin::lockstep
