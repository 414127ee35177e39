// CommitJudge: when an operation counts, what it answers then, and what that does to what exists (docs/RULES.md section
// 7).
//
// Laws: ANSWER-1, PERM-1, CONTENT-1, VMA-3, OOM-1, ROLLBACK-1. Context: one thread. Cost: that of the contract. It
// deliberately asks the contract, and decides nothing by itself.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class CommitJudge : public Judge {
 public:
  using Judge::Judge;

  void begin();
  void end(const Response& r);
  void space_killed(const Event& e);
  // Each fault of an access begins and ends by events: close_fault() has judged it.
  bool were_faults_told() const { return claims.has(Claim::kLocks) && claims.has(Claim::kTranslations); }
  void committed(const Event& e);
  void settle(const Response& r);
  void conclude(const Response& r);
  void enter_section();
  void leave_section();
  bool is_ending(std::uint32_t space) const;

 private:
  void touch(SpaceHandle space, std::uint64_t byte);
  bool is_lost(const Response& r) const;
  bool judge_answer(const Response& r);
  bool judge_plain_shortage(const Response& r);
  void judge_shortage();
  bool judge_access(const Response& r);
  void judge_performed(const Response& r);
  bool is_granted_by_others(const Response& r);
  void judge_refused_access(const Response& r);
  bool is_in_user_half() const;
  Operation part_refused() const;
  void adopt(const Response& r);
  bool take_prefix(Effects& effects);
  void forget_child();
  void note_changes(const Response& r);
  void close_fault();
  bool may_have_chosen_otherwise(const std::vector<FamilyId>& leaving) const;
  std::vector<FamilyId> families_being_left() const;
};

}  // namespace mmtwin::model
