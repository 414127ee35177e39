#include "lockstep/run/signature.h"

#include <utility>

namespace mmtwin::lockstep {

std::string Signature::print() const { return law + " " + operation + " " + field; }

namespace {

std::string operation_of(const RunOutcome& outcome) {
  if (outcome.phase == Phase::kBoot) return "boot";
  if (outcome.phase == Phase::kRest) return "rest";
  return outcome.operation.empty() ? "none" : std::string(outcome.operation_name);
}

}  // namespace

std::optional<Signature> signature_of(const RunOutcome& outcome) {
  if (!outcome.how.empty()) return crash_signature(outcome, outcome.how);
  if (!outcome.finding) return std::nullopt;
  return Signature{std::string(model::id_of(outcome.finding->law)), operation_of(outcome),
                   std::string(outcome.finding->field)};
}

Signature crash_signature(const RunOutcome& outcome, std::string how) {
  return Signature{"crash", operation_of(outcome), std::move(how)};
}

}  // namespace mmtwin::lockstep
