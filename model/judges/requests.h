// RequestJudge: page requests: who may ask, which zone may give, when a refusal is legal (docs/RULES.md section 2).
//
// Laws: ZONE-1 to ZONE-3, OOM-1, OOM-2, FRAME-1. Context: one thread. Cost: one look at each zone of the list. It
// deliberately believes nothing that a request claims but its role.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class RequestJudge : public Judge {
 public:
  using Judge::Judge;

  void judge_end();
  void others_act();
  Activity* asking();
  void list_drained();
  void zone_unlocked(unsigned zone);
  bool is_in_transit(unsigned zone) const;
  std::uint64_t frames_taken_at_once(const Request& request) const;
  void count_towards_failure();
  void page_requested(const Event& e);
  void failure_injected();
  void page_refused();
  void judge_choice_of_zone(std::uint64_t frame, Law otherwise);
  bool turn_to_draining();
  void judge_answering(const Event& e, unsigned traits);

 private:
  void look_again(Request& request);
  void look_anew(Request& request);
  void look_beside_others(Request& request);
  void look_before(Request& request, unsigned zone, std::uint64_t had);
  void look_without(Request& request, unsigned zone, std::uint64_t missing);
  bool may_ask(Role role, std::uint64_t cache) const;
  void judge_page_refusal();
};

}  // namespace mmtwin::model
