// Placement: the highest or lowest gap that fits, by descending only where one can be.

#include <algorithm>

#include "impl/space/range_tree.h"

namespace mmtwin::impl {
namespace {

// Of a free piece [from, to) only what lies in [low, high) may be used.
std::optional<std::uint64_t> fit_high(std::uint64_t low, std::uint64_t high, std::uint64_t length, std::uint64_t from,
                                      std::uint64_t to) {
  const std::uint64_t first = std::max(low, from), end = std::min(high, to);
  if (end < first || end - first < length) return std::nullopt;
  return end - length;
}

}  // namespace

// Can the window and the subtree's surroundings hold the length at all?
bool RangeTree::has_gap(const Window& w, Ref<Range> top, std::uint64_t from, std::uint64_t to) const {
  if (to <= w.low || from >= w.high) return false;
  const Range& r = at(top);
  return std::max({r.widest_gap, r.lowest - from, to - r.highest}) >= w.length;
}

// [from, to) is free but for the subtree.
std::optional<std::uint64_t> RangeTree::highest_in(const Window& w, Ref<Range> top, std::uint64_t from,
                                                   std::uint64_t to) const {
  if (top.is_none()) return fit_high(w.low, w.high, w.length, from, to);
  if (!has_gap(w, top, from, to)) return std::nullopt;
  const Range& r = at(top);
  if (const auto found = highest_in(w, r.right, r.end, to)) return found;
  return highest_in(w, r.left, from, r.start);
}

std::optional<std::uint64_t> RangeTree::lowest_in(const Window& w, Ref<Range> top, std::uint64_t from,
                                                  std::uint64_t to) const {
  if (top.is_none()) {
    if (!fit_high(w.low, w.high, w.length, from, to)) return std::nullopt;
    return std::max(w.low, from);
  }
  if (!has_gap(w, top, from, to)) return std::nullopt;
  const Range& r = at(top);
  if (const auto found = lowest_in(w, r.left, from, r.start)) return found;
  return lowest_in(w, r.right, r.end, to);
}

std::optional<std::uint64_t> RangeTree::highest_gap(std::uint64_t low, std::uint64_t high, std::uint64_t length) const {
  return highest_in({low, high, length}, root(), 0, ~std::uint64_t{0});
}

std::optional<std::uint64_t> RangeTree::lowest_gap(std::uint64_t low, std::uint64_t high, std::uint64_t length) const {
  return lowest_in({low, high, length}, root(), 0, ~std::uint64_t{0});
}

}  // namespace mmtwin::impl
