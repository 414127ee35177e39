// ScheduleJudge: who acts: which operation, on which CPU, and what may come now.
//
// Laws: CPU-1, LIVE-2, LOCK-1, LOCK-3, ANSWER-1. Context: one thread. Cost: one test of what is open for a usual event.
// It deliberately does not know what events mean: traits of their kinds do.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class ScheduleJudge : public Judge {
 public:
  using Judge::Judge;

  void judge_ended(StepNumber step);
  void judge_nesting(const Event& e);
  void park();
  void take_cpu();
  bool cannot_be_loaded(std::uint32_t space) const;
  void went_on(const Event& e);
  void ended(const Event& e);
  bool is_in_use(const Operation& operation) const;
  void stuck(const Event& e);
  bool admits(const Event& e, unsigned traits);

 private:
  void leave();
  void arrive();
  void judge_return(const Event& e);
  void judge_told_cpu(const Event& e);
  void judge_left_cpu(const Flight& other);
  bool admits_amid(const Event& e, unsigned traits);
  bool is_of_access(const Event& e, unsigned traits) const;
  void note_acting(const Event& e, unsigned traits);
  bool acts_where_it_may(const Event& e, unsigned traits);
  bool is_before_release(const Event& e);
};

}  // namespace mmtwin::model
