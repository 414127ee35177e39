// FlushJudge: what was taken away, who must hear of it, and what must be gone then (docs/RULES.md section 5).
//
// Laws: TLB-1, TLB-2, CPU-2. Context: one thread. Cost: the slots of the CPUs that run the space. A debt is towards one
// space, and of one activity. It deliberately knows what each CPU has cached, which software does not.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class FlushJudge : public Judge {
 public:
  using Judge::Judge;

  // -- debts --
  void rights_taken(std::uint32_t space, std::uint64_t before, std::uint64_t page, bool is_table);
  void page_unmapped(std::uint32_t space, std::uint64_t frame);
  void judge_break_before_make(std::uint32_t space, std::uint64_t page, std::uint64_t frame);
  void section_entered();
  void judge_section_left();
  void judge_own_cpu();
  void judge_paid();
  void judge_end();

  // -- CPUs --
  void space_loaded(std::uint32_t cpu, std::uint32_t left, std::uint32_t loaded);
  void space_unloaded(std::uint32_t cpu, std::uint32_t space);
  void await_flush(std::uint32_t cpu, std::uint32_t space);
  bool may_ask(std::uint32_t cpu, std::uint32_t space) const;
  void asked(std::uint32_t cpu, std::uint32_t space, InterruptReason reason);
  void heard(std::uint32_t cpu, bool is_first, std::uint64_t began_at);
  void tlb_dropped(const Event& e);
  void walk_cache_dropped(const Event& e);

  // -- questions of others --
  bool is_due(std::uint32_t cpu, std::uint32_t space) const;
  bool is_taken_from(std::uint32_t space) const;
  bool is_being_unmapped(std::uint64_t frame) const;
  std::uint64_t unmapped_by_others(std::uint64_t frame) const;

 private:
  template <class Test>
  bool any_parked_notes(Test&& test) const {
    return flights.any_parked([&](const Flight& other) {
      return other.any_activity([&](const Activity& activity) { return test(activity.flushes); });
    });
  }
  template <class Test>
  bool any_parked_debt(Test&& test) const {
    return flights.any_parked([&](const Flight& other) {
      return other.any_activity([&](const Activity& activity) {
        const auto& debts = activity.flushes.debts;
        return std::any_of(debts.begin(), debts.end(), [&](const FlushDebt& debt) { return test(other, debt); });
      });
    });
  }
  template <class Visit>
  void for_each_parked_debt(Visit&& visit) {
    for (Flight& other : flights.parked)
      other.for_each_activity([&](Activity& activity) {
        for (FlushDebt& debt : activity.flushes.debts) visit(other, debt);
      });
  }
  FlushDebt& debt_to(std::uint32_t space);
  bool is_open(const Flight& flight, const FlushDebt& debt) const;
  bool flushes_in_batches(const FlushDebt& debt) const;
  bool flushes_all(const FlushDebt& debt) const;
  bool may_drop(const Event& e, std::uint64_t page, unsigned level) const;
  void judge_flushed(std::uint32_t number, const FlushDebt& debt);
  void judge_answered(std::uint32_t number, const FlushDebt& debt);
  void judge_dropped(std::uint32_t number, bool all, std::uint64_t page);
  void judge_stale_slot(const Cpu& cpu, std::uint64_t page);
  void note_stripped(FlushDebt& debt, std::uint64_t page) const;
  void judge_forgotten(std::uint32_t number, const FlushDebt& debt);
};

}  // namespace mmtwin::model
