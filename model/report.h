// Report: what the judging of one program has come to: the first violation, what changed, what was exercised.
//
// Laws: counts how often each was exercised. Context: one thread. Cost: counters; words are made for the one violation.
// It deliberately keeps the first violation only: after it the facts mean nothing.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/finding.h"
#include "model/machine/frames.h"
#include "model/machine/space.h"
#include "vocab/observations.h"

namespace mmtwin::model {

class Report {
 public:
  void start();
  // Nothing was in flight: what changes from here on is one batch, compared at its end.
  void begin_batch();

  void violated(Law law, std::string_view field, std::string expected, std::string actual);
  void violated(Law law, std::string_view field, std::uint64_t expected, std::uint64_t actual);
  bool is_broken() const { return finding_.has_value(); }
  const std::optional<Finding>& finding() const { return finding_; }

  // The law's antecedent held, and a wrong value was possible.
  void note(Law law) { ++exercised_[static_cast<unsigned>(law)]; }
  const LawCounts& exercised() const { return exercised_; }

  void changed(FrameRecord& record, std::uint64_t frame);
  void changed(Space& space);
  const Changes& changes() const { return changes_; }
  void forget_changes() { changes_.clear(); }

  void count_item() { ++items_; }
  std::uint64_t items() const { return items_; }

  // A refusal left open how far an operation came, and others went on: judging is over.
  void give_up() { gave_up_ = true; }
  bool gave_up() const { return gave_up_; }

 private:
  std::optional<Finding> finding_;
  Changes changes_;
  std::uint32_t batch_ = 0;  // stamps of changes
  bool gave_up_ = false;
  std::uint64_t items_ = 0;
  LawCounts exercised_{};
};

}  // namespace mmtwin::model
