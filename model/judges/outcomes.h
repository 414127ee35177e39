// OutcomeJudge: what the machine must look like once an operation counts, by what the operation was for.
//
// Laws: FRAME-1, ISO-2, PCP-2, PT-1, PT-2, TLB-2, ROLLBACK-1, ROLLBACK-2. Context: one thread. Cost: what the operation
// touched. It deliberately looks at what is there in the end: how it came about was judged as it happened.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class OutcomeJudge : public Judge {
 public:
  using Judge::Judge;

  // The operation has answered so.
  void judge(const Response& r);
  // An access whose program was killed for want of memory.
  void judge_killed();

 private:
  void end_taking(const Response& r);
  void end_freeing();
  void end_draining();
  void end_shrink();
  void end_making(const Response& r);
  void end_exit();
  void end_switch();
  bool is_fresh_block(const Response& r);
  std::uint64_t zeroed_in(std::uint64_t frame, std::uint64_t count);
};

}  // namespace mmtwin::model
