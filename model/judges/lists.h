// ListJudge: per-CPU lists: filled for a request, drained when too long or asked for.
//
// Laws: PCP-1, PCP-2. Context: one thread. Cost: counters. It deliberately does not care in which order a list gives
// its frames.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class ListJudge : public Judge {
 public:
  using Judge::Judge;

  void judge_end();
  void begin_draining(ListNotes& notes) const;
  void look(ListNotes& notes) const;
  void look_for_drainer();
  std::uint32_t emptied(const ListNotes& notes) const;
  void judge_drained_list(std::uint32_t cpu);
  void list_filled(const Event& e);
  void list_drained(const Event& e);

 private:
  void look_at(unsigned zone, std::uint32_t cpu);
  ListNotes* drainer();
  void judge_drain(const Event& e, unsigned zone);
};

}  // namespace mmtwin::model
