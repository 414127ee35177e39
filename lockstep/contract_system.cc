#include "lockstep/contract_system.h"

#include "vocab/operations.h"

namespace mmtwin::lockstep {

Claims ContractSystem::claims() const {
  return {Claim::kRanges, Claim::kExactAddresses, Claim::kLoads};
}

void ContractSystem::start(const MachineDescription& machine, EventSink&) {
  contract_.start(machine);
  changes_.clear();
}

Response ContractSystem::apply(const Operation& operation) {
  changes_.clear();
  const Response answer = contract_.expect(operation).plainest();
  contract_.adopt(operation, answer);
  const auto note = [&](SpaceHandle space) {
    if (!space.is_none()) changes_.spaces.push_back(space);
  };
  note(space_of(operation));
  std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (makes<Op>() == 'p') {
          if (answer.refusal == Refusal::kNone) note(op.result.handle());
        }
      },
      operation);
  return answer;
}

void ContractSystem::ranges(SpaceHandle space, std::vector<RangeObservation>& into) {
  if (!contract_.has_space(space)) return;
  for (const auto& [start, range] : contract_.ranges(space).all()) into.push_back(model::Ranges::observe(range));
}

}  // namespace mmtwin::lockstep
