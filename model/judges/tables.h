// TableJudge: stores to page tables, marks of the walker, links between tables (docs/RULES.md section 4).
//
// Laws: PT-1 to PT-3, LOCK-4, ISO-2. Context: one thread. Cost: one entry. It deliberately knows tables by what was
// stored there.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class TableJudge : public Judge {
 public:
  using Judge::Judge;

  void table_store(const Event& e);
  void table_mark(const Event& e);
  void judge_tables_justified(std::uint32_t space, std::uint64_t from, std::uint64_t to);

 private:
  void note_stored(Space& space) const;
  void link_changed(std::uint32_t number, std::uint64_t index, std::uint64_t before, std::uint64_t after);
};

}  // namespace mmtwin::model
