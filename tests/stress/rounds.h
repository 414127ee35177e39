// Rounds: threads work for a moment on one machine; then all stands still and is audited.
//
// Laws: all that audits know, LIVE-1. Context: the main thread; each round starts a thread a CPU and joins them. Cost:
// as long as it is told. It deliberately keeps no space across rounds: a round sets up and ends what it uses.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "tests/stress/runner.h"
#include "vocab/machine.h"

namespace mmtwin::stress {

enum class RoundKind : std::uint8_t { kOneSpace, kTwoSpaces, kMemoryEnds };

// Four CPUs on four nodes, one of them without memory, with far more frames than a round uses.
MachineDescription machine_of(GeometryName geometry);

class Machine {
 public:
  Machine(GeometryName geometry, std::uint64_t seed);

  void run_round(RoundKind kind, std::chrono::milliseconds length);
  // Everything that rounds took is free again.
  void expect_empty();
  const Tally& tally() const { return tally_; }

 private:
  std::uint64_t free_frames();

  std::unique_ptr<Mm> mm_;
  std::uint64_t seed_;
  std::uint64_t free_at_boot_;
  Tally tally_{};
};

}  // namespace mmtwin::stress
