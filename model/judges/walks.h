// WalkJudge: translations: walks, what they cache, and what an access uses (docs/RULES.md section 5).
//
// Laws: WALK-1, TLB-1, TLB-2, PERM-1. Context: one thread. Cost: one slot; a walk reads one entry a level. It
// deliberately follows every level of every walk: the hardware has no choice.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class WalkJudge : public Judge {
 public:
  using Judge::Judge;

  // The hardware is not translating.
  void software_acts(const Event& e, unsigned traits) {
    if (now.row.has(kIsAccess) && !now.access.in_fault) judge_amid_access(e, traits);
    now.access.walk = Walk{};
    now.access.last_used = kNoFrame;
  }
  void faulted(const Event& e);
  void judge_end();
  bool pass_entry(const Event& e, const Table& table);
  void tlb_filled(const Event& e);
  void tlb_used(const Event& e);
  void walk_cache_filled(const Event& e);
  void walk_cache_used(const Event& e);

 private:
  bool others_stored_since(std::uint64_t at) const;
  void judge_amid_access(const Event& e, unsigned traits);
  void judge_fault();
  std::uint64_t page_due() const;
  bool is_hit(const Cpu& cpu, std::uint64_t page) const;
  bool begin_walk(const Cpu& cpu, std::uint64_t page, unsigned cached_level);
  bool is_access_of_operation(const Event& e) const;
};

}  // namespace mmtwin::model
