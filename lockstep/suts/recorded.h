// The recording as the system under test: what a real kernel answered is judged by the model, the third opinion that
// keeps the model honest.
//
// Laws: whichever need only answers and range lists. Context: one thread. Cost: one map lookup a step. A step without a
// recorded answer (space_create, space_assume, …) answers ok. It deliberately claims only what the recording shows, and
// narrates nothing.
#pragma once

#include <string_view>
#include <vector>

#include "lockstep/system.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

class RecordedSystem final : public System {
 public:
  std::string_view name() const override { return "recorded"; }
  Claims claims() const override { return claims_; }
  void prepare(const Program& program) override;
  void start(const MachineDescription& machine, EventSink& sink) override;
  void at(StepNumber step) override { step_ = step.raw(); }
  Response apply(const Operation& operation) override;
  const Changes& changes() override { return changes_; }
  FrameObservation frame(Pfn at) override;
  void ranges(SpaceHandle space, std::vector<RangeObservation>& into) override;
  SpaceObservation space(SpaceHandle space) override;
  ZoneObservation zone(NodeId node, ZoneKind kind) override;
  EntryObservation entry(SpaceHandle space, Vpn page) override;
  std::span<const std::uint8_t> bytes(Pfn at) override;

 private:
  const Program* program_ = nullptr;  // whose answers it gives; never null in a run
  Claims claims_;
  Changes changes_;
  std::uint64_t step_ = 0;
};

}  // namespace mmtwin::lockstep
