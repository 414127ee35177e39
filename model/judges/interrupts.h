// InterruptJudge: who may be asked to take an interrupt, and why; who takes it; and who waits for the answer.
//
// Laws: CPU-2, TLB-2. Context: one thread. Cost: bits of CPUs. An interrupt is an activity on the stack of who asked
// for it: until it is answered the interrupted CPU acts. It deliberately believes the reason only where it is due.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class InterruptJudge : public Judge {
 public:
  using Judge::Judge;

  void interrupt_sent(const Event& e);
  void interrupted(const Event& e);
  void interrupt_answered(const Event& e);
  void judge_waiting_for_answers(const Event& e, unsigned traits);
  void space_left(std::uint32_t cpu, std::uint32_t left);

  bool is_switching(std::uint32_t cpu, std::uint32_t space) const;

 private:
  std::uint32_t subject_of(const Event& e) const;
  bool may_ask(std::uint32_t cpu, InterruptReason reason, std::uint32_t space) const;
  bool may_ask_to_drain(std::uint32_t cpu) const;
  bool may_ask_to_leave(std::uint32_t cpu, std::uint32_t space) const;
};

}  // namespace mmtwin::model
