// Our system against the recording, beside the judge: how often a replay answered otherwise than the real kernel did.
//
// Laws: none; a mismatch is a fact, not a violation. Context: an observer of one run; its counts live in memory that a
// forked run shares with its parent. Cost: one list of ranges per step that recorded one. Compared are the answer (its
// value where it is contract and no free choice) and the ranges: bounds, protection, sharing, file and file offset.
// What a recording cannot show (accounting, anonymous offsets) is not compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "lockstep/run/run.h"
#include "lockstep/system.h"
#include "vocab/program.h"

namespace mmtwin::tools {

struct MismatchCounts {
  static constexpr std::size_t kTextBytes = 4096;
  std::uint64_t compared = 0;  // answers and lists
  std::uint64_t mismatches = 0;
  std::uint64_t first_step = 0;  // of a mismatch; 0: none
  char text[kTextBytes] = {};    // the first few, one a line
};

// A MismatchCounts in memory shared with forked children.
class SharedMismatches {
 public:
  SharedMismatches();
  ~SharedMismatches();
  SharedMismatches(const SharedMismatches&) = delete;
  SharedMismatches& operator=(const SharedMismatches&) = delete;
  MismatchCounts& counts() { return *counts_; }

 private:
  MismatchCounts* counts_ = nullptr;
};

class RecordedComparison final : public lockstep::StepObserver {
 public:
  RecordedComparison(const Program& program, lockstep::System& system, MismatchCounts& counts)
      : program_(program), system_(system), counts_(counts) {}
  void on_step(const lockstep::StepView& step) override;

 private:
  void note(const lockstep::StepView& step, const std::string& ours, const std::string& recorded);
  void compare_ranges(const lockstep::StepView& step, const std::vector<RangeObservation>& recorded);

  const Program& program_;
  lockstep::System& system_;
  MismatchCounts& counts_;
  std::vector<RangeObservation> ranges_;
};

}  // namespace mmtwin::tools
