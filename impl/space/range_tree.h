// RangeTree: the ranges of one space in the order of their addresses, with the gaps between them.
//
// Laws: VMA-1 (sorted, disjoint). Context: the space's lock. Cost: O(log n) for everything; an AVL tree whose nodes are
// the ranges themselves, so that inserting takes no memory. A lookup asks the last hit first. Each node knows the
// widest gap inside its subtree, which makes placement O(log n); the plain version is a walk over all ranges
// (tests/impl/test_space_tree.cc compares both). It deliberately neither allocates nor merges.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>

#include "impl/base/audit.h"
#include "impl/platform/ram.h"
#include "impl/space/range.h"

namespace mmtwin::impl {

class RangeTree {
 public:
  RangeTree(Ram& ram, Ref<RangeIndex> index) : ram_(ram), index_(index) {}

  // ---- changes; start and end of a node may be edited in place if its order among the others stays ----
  void insert(Ref<Range> range);
  void remove(Ref<Range> range);
  // Start or end of the range was edited.
  void bounds_changed(Ref<Range> range) { retrace(range); }

  // ---- queries; none if there is no such range ----
  // The first range that ends after `at`: it holds `at`, or lies behind it.
  Ref<Range> first_ending_after(std::uint64_t at) const;
  // The same, remembering the answer if it holds `at`.
  Ref<Range> find(std::uint64_t at);
  // The last range that starts before `at`.
  Ref<Range> last_starting_before(std::uint64_t at) const;
  Ref<Range> first() const;
  Ref<Range> next(Ref<Range> range) const;
  Ref<Range> prev(Ref<Range> range) const;
  Ref<Range> root() const { return ram_.at(index_).root; }

  // ---- placement: start of `length` bytes inside [low, high) that no range touches ----
  std::optional<std::uint64_t> highest_gap(std::uint64_t low, std::uint64_t high, std::uint64_t length) const;
  std::optional<std::uint64_t> lowest_gap(std::uint64_t low, std::uint64_t high, std::uint64_t length) const;

  void dump(std::FILE* to) const;
  // Order, balance, links, gaps; returns the number of ranges.
  std::uint32_t audit(Audit& audit) const;

 private:
  // Free space to be searched: [from, to) holds just the subtree, clipped to what the caller may use.
  struct Window {
    std::uint64_t low, high, length;
  };
  const Range& at(Ref<Range> range) const { return ram_.at(range); }
  unsigned height(Ref<Range> range) const { return range.is_none() ? 0 : at(range).height; }
  bool pull(Ref<Range> range);
  void replace_child(Ref<Range> parent, Ref<Range> old_child, Ref<Range> new_child);
  Ref<Range> rotate_left(Ref<Range> top);
  Ref<Range> rotate_right(Ref<Range> top);
  Ref<Range> rebalance(Ref<Range> top);
  void retrace(Ref<Range> from);
  std::optional<std::uint64_t> highest_in(const Window& w, Ref<Range> top, std::uint64_t from, std::uint64_t to) const;
  std::optional<std::uint64_t> lowest_in(const Window& w, Ref<Range> top, std::uint64_t from, std::uint64_t to) const;
  bool has_gap(const Window& w, Ref<Range> top, std::uint64_t from, std::uint64_t to) const;
  std::uint32_t audit_below(Audit& audit, Ref<Range> top, Ref<Range> parent) const;

  Ram& ram_;
  Ref<RangeIndex> index_;
};

}  // namespace mmtwin::impl
