#include "lockstep/suts/recorded.h"

#include <variant>

#include "vocab/operations.h"

namespace mmtwin::lockstep {

namespace {

bool tells_all_loads(const Program& program) {
  for (std::size_t step = 1; step <= program.operations.size(); ++step) {
    const auto is_access = []<class Op>(const Op&) { return IsAccess<Op>; };
    if (!std::visit(is_access, program.operations[step - 1])) continue;
    const auto answer = program.recorded.find(step);
    if (answer == program.recorded.end() || !answer->second.has_response) return false;
  }
  return true;
}

}  // namespace

void RecordedSystem::prepare(const Program& program) {
  program_ = &program;
  claims_ = {};
  for (const auto& [step, answer] : program.recorded) {
    if (answer.has_ranges) claims_.add(Claim::kRanges);
    if (step == 0 || step > program.operations.size() || !answer.has_response) continue;
    const Operation& operation = program.operations[step - 1];
    const bool maps =
        std::holds_alternative<RangeMapAnon>(operation) || std::holds_alternative<RangeMapFile>(operation);
    // A recorded address is one that Linux chose, so it can be held against Linux's own placement.
    if (maps && answer.response.refusal == Refusal::kNone) claims_.add(Claim::kExactAddresses);
  }
  if (tells_all_loads(program)) claims_.add(Claim::kLoads);
}

void RecordedSystem::start(const MachineDescription&, EventSink&) {
  changes_.clear();
  step_ = 0;
}

Response RecordedSystem::apply(const Operation& operation) {
  changes_.clear();
  const auto answer = program_->recorded.find(step_);
  if (answer == program_->recorded.end()) return {};
  if (answer->second.has_ranges) changes_.spaces.push_back(space_of(operation));
  return answer->second.has_response ? answer->second.response : Response{};
}

FrameObservation RecordedSystem::frame(Pfn) { return {}; }
SpaceObservation RecordedSystem::space(SpaceHandle) { return {}; }
ZoneObservation RecordedSystem::zone(NodeId, ZoneKind) { return {}; }
EntryObservation RecordedSystem::entry(SpaceHandle, Vpn) { return {}; }
std::span<const std::uint8_t> RecordedSystem::bytes(Pfn) { return {}; }

void RecordedSystem::ranges(SpaceHandle, std::vector<RangeObservation>& into) {
  const auto answer = program_->recorded.find(step_);
  if (answer != program_->recorded.end()) into = answer->second.ranges;
}

}  // namespace mmtwin::lockstep
