// LeafJudge: leaves: which page a place may show, with which rights, and whose it is.
//
// Laws: ISO-1, ISO-2, PERM-2, COW-1, COW-2, CONTENT-1, PT-3. Context: one thread. Cost: one range and one page a leaf.
// It deliberately judges rights when the operation counts, not at each store.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class LeafJudge : public Judge {
 public:
  using Judge::Judge;

  bool was_shared(const AccessedPage& found) const;
  bool is_forking(const Flight& in_flight) const;
  void leaf_changed(std::uint32_t number, std::uint64_t index, std::uint64_t before, std::uint64_t after);
  void judge_emptied(const Span& span);
  void judge_touched_leaves(const Response& r, const Span& gone);
  void judge_leaves_of(std::uint32_t space, std::uint64_t from, std::uint64_t to);
  void begin_access();
  void find_accessed();
  void perform_store();
  void end_stored_page(std::uint64_t page, bool stored);
  void judge_stored_pages();
  bool shares_a_page_at_the_cap();
  void judge_fork();

 private:
  void outdate_copies(std::uint64_t original);
  std::uint64_t shared_by_others(std::uint64_t frame) const;
  void judge_stored_marks(std::uint32_t space, std::uint64_t page, std::uint64_t before, std::uint64_t after);
  void map_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry);
  void map_fresh(std::uint32_t space, std::uint64_t page, std::uint64_t frame);
  void unmap_leaf(std::uint32_t space, std::uint64_t entry);
  void judge_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry, const Range*& likely);
  void judge_no_leaves(std::uint32_t space, std::uint64_t from, std::uint64_t to);
};

}  // namespace mmtwin::model
