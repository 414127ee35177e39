// Arithmetic of buddy blocks: which block pairs with which, and which frames a block holds.
//
// Laws: BUDDY (free blocks are aligned, disjoint and canonical) rests on these; model/specs/buddy_laws.h says what they
// must fulfil and props/smt proves it. Context: pure functions, any thread. Cost: one to three instructions each.
// It deliberately knows no zone, free set or descriptor, and trusts its callers that `pfn` heads a block of `order`.
#pragma once

#include <cstdint>

namespace mmtwin::impl {

// The only block with which the block at `pfn` may merge. Two blocks pair iff they differ in nothing but bit `order`.
template <class Word>
constexpr Word buddy_of(Word pfn, unsigned order) {
  return pfn ^ (Word(1) << order);
}

// Head of the block of order + 1 that the block at `pfn` and its buddy make up.
template <class Word>
constexpr Word parent_of(Word pfn, unsigned order) {
  return pfn & ~(Word(1) << order);
}

// May a block of `order` start at `pfn`?
template <class Word>
constexpr auto is_aligned(Word pfn, unsigned order) {
  return (pfn & ((Word(1) << order) - Word(1))) == Word(0);
}

// Head of the second half when the block of `order` (at least 1) at `pfn` is split in two of order - 1; the first half
// keeps `pfn`.
template <class Word>
constexpr Word upper_half(Word pfn, unsigned order) {
  return pfn | (Word(1) << (order - 1));
}

// Does the block of `order` at `head` hold frame `pfn`?
template <class Word>
constexpr auto block_holds(Word head, unsigned order, Word pfn) {
  return (pfn >> order) == (head >> order);
}

// Do two blocks share a frame? Aligned blocks nest or are disjoint, so comparing at the larger order is enough.
template <class Word>
constexpr auto blocks_overlap(Word a, unsigned a_order, Word b, unsigned b_order) {
  const unsigned larger = a_order > b_order ? a_order : b_order;
  return (a >> larger) == (b >> larger);
}

static_assert(buddy_of<std::uint64_t>(0, 0) == 1 && buddy_of<std::uint64_t>(1, 0) == 0);
static_assert(buddy_of<std::uint64_t>(24, 3) == 16 && buddy_of<std::uint64_t>(16, 3) == 24);
static_assert(parent_of<std::uint64_t>(24, 3) == 16 && parent_of<std::uint64_t>(16, 3) == 16);
static_assert(is_aligned<std::uint64_t>(1024, 10) && !is_aligned<std::uint64_t>(1536, 10));
static_assert(upper_half<std::uint64_t>(16, 4) == 24 && upper_half<std::uint64_t>(2, 1) == 3);
static_assert(block_holds<std::uint64_t>(16, 3, 23) && !block_holds<std::uint64_t>(16, 3, 24));
static_assert(blocks_overlap<std::uint64_t>(16, 4, 24, 3) && !blocks_overlap<std::uint64_t>(16, 3, 24, 3));

}  // namespace mmtwin::impl
