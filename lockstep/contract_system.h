// The contract as the system under test: it plays a program by itself, with the plainest answer to each operation.
//
// Laws: none; it is what others are held against. Context: one thread. Cost: that of the contract. Memory never ends
// but for blocks, so nothing else is refused for want of it; fail_next and pauses do nothing. It deliberately narrates
// nothing: there is no machine below.
#pragma once

#include <string_view>
#include <vector>

#include "lockstep/system.h"
#include "model/contract/contract.h"

namespace mmtwin::lockstep {

class ContractSystem final : public System {
 public:
  std::string_view name() const override { return "model"; }
  Claims claims() const override;
  void start(const MachineDescription& machine, EventSink& sink) override;
  Response apply(const Operation& operation) override;
  const Changes& changes() override { return changes_; }
  void ranges(SpaceHandle space, std::vector<RangeObservation>& into) override;
  // No machine, nothing to show of it.
  FrameObservation frame(Pfn) override { return {}; }
  SpaceObservation space(SpaceHandle) override { return {}; }
  ZoneObservation zone(NodeId, ZoneKind) override { return {}; }
  EntryObservation entry(SpaceHandle, Vpn) override { return {}; }
  std::span<const std::uint8_t> bytes(Pfn) override { return {}; }

 private:
  model::Contract contract_;
  Changes changes_;
};

}  // namespace mmtwin::lockstep
