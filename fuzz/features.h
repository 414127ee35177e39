// Features of the abstract state, for the engine to collect like coverage: two inputs that run the same code but meet
// different situations are both kept.
//
// Laws: none. Context: one thread. Cost: a counter a step and an event, besides about a kilobyte that the engine scans
// after every input (a test finds the section in each target). libFuzzer reads a counter's power of two, not its
// value. It deliberately holds few counters: thousands made trivial targets 30 times slower.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fuzz/forwarding_system.h"
#include "model/model.h"
#include "vocab/operations.h"

namespace mmtwin::fuzz {

inline constexpr std::size_t kFeatureBytes = 512 + kPoints.size() * kOperationKinds;

// Counts what passes through it.
class FeatureSystem final : public ForwardingSystem {
 public:
  using ForwardingSystem::ForwardingSystem;
  void start(const MachineDescription& machine, EventSink& sink) override;
  void at(StepNumber step) override;
  Response apply(const Operation& operation) override;
  void go_on(StepNumber step, Pause pause) override;
  void on_event(const Event& event) override;

 private:
  std::uint64_t frames_ = 1;       // of the machine
  std::uint64_t frames_used_ = 0;  // taken and not returned
  std::size_t last_kind_ = 0;
  struct Standing {
    StepNumber step;
    Point at;
  };
  std::vector<Standing> standing_;  // what is in flight
  StepNumber step_;
};

// Which laws an input exercised, from the counts before and after it.
void count_laws(const model::LawCounts& before, const model::LawCounts& after);

// The counters of the last input, for tests; cleared by the engine, or by clear_features where there is none.
const std::uint8_t* features();
void clear_features();

}  // namespace mmtwin::fuzz
