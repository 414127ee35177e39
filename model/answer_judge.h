// AnswerJudge: judges a system that narrates nothing by the contract alone: its answers and the range lists it shows.
//
// Laws: ANSWER-1, CONTENT-1, PERM-1, FRAME-1, VMA-1 to VMA-3, OOM-1, ROLLBACK-1. Context: one thread. Cost: that
// of the contract. A refusal for want of memory is judged by a bound, for nobody tells what memory was used for:
// so much must be asked for that memory may be short, or a failure must have been ordered. It deliberately predicts
// nothing that the contract leaves open.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/contract/contract.h"
#include "model/model.h"
#include "vocab/operations.h"

namespace mmtwin::model {

class AnswerJudge {
 public:
  void start(const MachineDescription& machine, const Claims& claims);
  Skip inapplicable(const Operation& operation) const { return contract_.inapplicable(operation); }
  void begin(const Operation& operation);
  void end(const Response& response);
  void judge_ranges(SpaceHandle space, const std::vector<RangeObservation>& seen);
  void judge_blocks(const BlocksObservation& seen);

  const Contract& contract() const { return contract_; }
  const std::optional<Finding>& finding() const { return finding_; }
  bool gave_up() const { return gave_up_; }
  const LawCounts& exercised() const { return exercised_; }
  std::uint64_t items_judged() const { return items_; }

 private:
  void find(Law law, std::string_view field, std::string expected, std::string actual);
  void note(Law law) { ++exercised_[static_cast<unsigned>(law)]; }
  const Alternative* match(const Expectation& expected, const Response& response) const;
  void judge_shortage();
  void judge_all_taken(const BlocksObservation& seen);
  bool may_be_short() const;
  bool is_well_formed(const std::vector<RangeObservation>& seen);
  bool explain_prefix(const std::vector<RangeObservation>& seen);

  Contract contract_;
  Claims claims_;
  Operation operation_;
  bool failure_ordered_ = false;  // fail_next, and nothing has been refused since
  bool prefix_open_ = false;      // a protect was refused memory: the list that comes next tells how far it came
  bool gave_up_ = false;
  std::optional<Finding> finding_;
  LawCounts exercised_{};
  std::uint64_t items_ = 0;
};

}  // namespace mmtwin::model
