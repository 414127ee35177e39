// Blocks of frames as the specification sees them: a first frame, a size, and ranges that touch or do not.
//
// Laws: BUDDY. Each predicate is a run-time law on `std::uint64_t` and a theorem about impl/phys/buddy_rules.h on
// symbolic words (props/smt). Context: pure functions. Cost: a few arithmetic instructions. They deliberately use no
// bit trick, so they cannot share a mistake with the rules; `head + size` must not wrap, and does not for any frame.
#pragma once

#include <cstdint>

namespace mmtwin::specs {

// Frames in a block of `order`: doubled once for each order.
constexpr std::uint64_t block_size(unsigned order) {
  std::uint64_t size = 1;
  for (unsigned i = 0; i < order; ++i) size = size * 2;
  return size;
}

// A block starts at a multiple of its size.
template <class Word>
constexpr auto starts_at_a_multiple_of_its_size(Word head, unsigned order) {
  return head % Word(block_size(order)) == Word(0);
}

// Frame `pfn` lies in the block.
template <class Word>
constexpr auto covers(Word head, unsigned order, Word pfn) {
  return head <= pfn && pfn < head + Word(block_size(order));
}

// No frame lies in both blocks.
template <class Word>
constexpr auto are_disjoint(Word a, unsigned a_order, Word b, unsigned b_order) {
  return a + Word(block_size(a_order)) <= b || b + Word(block_size(b_order)) <= a;
}

// One ends where the other starts.
template <class Word>
constexpr auto are_adjacent(Word a, unsigned a_order, Word b, unsigned b_order) {
  return a + Word(block_size(a_order)) == b || b + Word(block_size(b_order)) == a;
}

template <class Word>
constexpr auto buddies_are_disjoint_and_adjacent(Word a, Word b, unsigned order) {
  return are_disjoint(a, order, b, order) && are_adjacent(a, order, b, order);
}

// Two blocks of `order` are the halves of the block of order + 1 at `whole`, in either sequence, and that is a block.
template <class Word>
constexpr auto are_the_halves_of(Word a, Word b, unsigned order, Word whole) {
  const Word middle = whole + Word(block_size(order));
  return starts_at_a_multiple_of_its_size(whole, order + 1) &&
         ((a == whole && b == middle) || (b == whole && a == middle));
}

static_assert(block_size(10) == 1024);
static_assert(covers<std::uint64_t>(16, 3, 23) && !covers<std::uint64_t>(16, 3, 24));
static_assert(buddies_are_disjoint_and_adjacent<std::uint64_t>(24, 16, 3));
static_assert(are_the_halves_of<std::uint64_t>(24, 16, 3, 16) && !are_the_halves_of<std::uint64_t>(24, 32, 3, 24));

}  // namespace mmtwin::specs
