// What is proved about buddy blocks and watermarks.
//
// Laws: BUDDY, ZONE. Context: bodies of theorems, run by a PathExplorer. Cost: a query for each order, milliseconds
// each. Every theorem is a template over the rules, so that a test can hand in wrong ones and see them refuted;
// production rules are `RunningBuddyRules` and `RunningWatermarkRules`. It deliberately leaves alone how free sets are
// stored.
#pragma once

#include <string>
#include <vector>

#include "impl/phys/buddy_rules.h"
#include "impl/phys/watermark_rules.h"
#include "model/specs/buddy_laws.h"
#include "model/specs/zone_laws.h"
#include "props/smt/theorem.h"
#include "vocab/units.h"

namespace mmtwin::smt {

struct RunningBuddyRules {
  template <class Word>
  static Word buddy_of(Word pfn, unsigned order) {
    return impl::buddy_of(pfn, order);
  }
  template <class Word>
  static Word parent_of(Word pfn, unsigned order) {
    return impl::parent_of(pfn, order);
  }
  template <class Word>
  static auto is_aligned(Word pfn, unsigned order) {
    return impl::is_aligned(pfn, order);
  }
  template <class Word>
  static Word upper_half(Word pfn, unsigned order) {
    return impl::upper_half(pfn, order);
  }
  template <class Word>
  static auto block_holds(Word head, unsigned order, Word pfn) {
    return impl::block_holds(head, order, pfn);
  }
  template <class Word>
  static auto blocks_overlap(Word a, unsigned a_order, Word b, unsigned b_order) {
    return impl::blocks_overlap(a, a_order, b, b_order);
  }
};

struct RunningWatermarkRules {
  template <class Word>
  static auto zone_may_give(Word free, Word pages, Word min, Word reserve) {
    return impl::zone_may_give(free, pages, min, reserve);
  }
  template <class Word>
  static Word min_for(Word min, bool atomic) {
    return impl::min_for(min, atomic);
  }
};

inline constexpr unsigned kPfnBits = 40;

// Head of an arbitrary block of `order`.
inline SymbolicWord block_head(PathExplorer& explorer, const std::string& name, unsigned order) {
  const SymbolicWord head = explorer.input(name, kPfnBits);
  explorer.assume(specs::starts_at_a_multiple_of_its_size(head, order));
  return head;
}

// The only two that merge are found from either one.
template <class Rules>
Theorem buddy_pairing_is_an_involution() {
  return {"buddy.involution", "the buddy of a block's buddy is the block, and never the block itself",
          [](PathExplorer& explorer) {
            const unsigned order = explorer.choose("order", 0, kMaxOrder);
            const SymbolicWord pfn = explorer.input("pfn", kPfnBits);
            const SymbolicWord buddy = Rules::buddy_of(pfn, order);
            explorer.require(Rules::buddy_of(buddy, order) == pfn, "the buddy of the buddy is the block");
            explorer.require(buddy != pfn, "no block is its own buddy");
          }};
}

template <class Rules>
Theorem alignment_is_divisibility() {
  return {"buddy.alignment", "a block may start exactly at the multiples of its size", [](PathExplorer& explorer) {
            const unsigned order = explorer.choose("order", 0, kMaxOrder);
            const SymbolicWord pfn = explorer.input("pfn");
            explorer.require(Rules::is_aligned(pfn, order) == specs::starts_at_a_multiple_of_its_size(pfn, order),
                             "is_aligned says what division says");
          }};
}

template <class Rules>
Theorem buddies_are_the_halves_of_their_parent() {
  return {"buddy.halves_of_parent", "a block and its buddy are aligned, disjoint, adjacent, and exactly their parent",
          [](PathExplorer& explorer) {
            const unsigned order = explorer.choose("order", 0, kMaxOrder - 1);
            const SymbolicWord pfn = block_head(explorer, "pfn", order);
            const SymbolicWord buddy = Rules::buddy_of(pfn, order);
            const SymbolicWord parent = Rules::parent_of(pfn, order);
            explorer.require(specs::starts_at_a_multiple_of_its_size(buddy, order), "the buddy is aligned");
            explorer.require(specs::buddies_are_disjoint_and_adjacent(pfn, buddy, order), "disjoint and adjacent");
            explorer.require(specs::are_the_halves_of(pfn, buddy, order, parent), "together the aligned parent");
            explorer.require(Rules::parent_of(buddy, order) == parent, "both have the same parent");
            const SymbolicWord any = explorer.input("any_frame", kPfnBits);
            const SymbolicBool in_pfn = specs::covers(pfn, order, any);
            const SymbolicBool in_buddy = specs::covers(buddy, order, any);
            explorer.require(specs::covers(parent, order + 1, any) == (in_pfn || in_buddy), "no frame gained or lost");
            explorer.require(!(in_pfn && in_buddy), "no frame in both");
          }};
}

template <class Rules>
Theorem a_split_makes_two_buddies() {
  return {"buddy.split", "splitting a block yields two aligned buddies that hold its frames and no other",
          [](PathExplorer& explorer) {
            const unsigned order = explorer.choose("order", 1, kMaxOrder);
            const SymbolicWord whole = block_head(explorer, "whole", order);
            const SymbolicWord upper = Rules::upper_half(whole, order);
            explorer.require(specs::starts_at_a_multiple_of_its_size(upper, order - 1), "the upper half is aligned");
            explorer.require(specs::are_the_halves_of(whole, upper, order - 1, whole), "the halves are the whole");
            explorer.require(Rules::buddy_of(whole, order - 1) == upper, "the halves are buddies");
            explorer.require(Rules::parent_of(upper, order - 1) == whole, "merging them gives the block back");
          }};
}

template <class Rules>
Theorem a_block_holds_its_frames() {
  return {"buddy.holds", "block_holds is true for the frames from head to head + size and for no other",
          [](PathExplorer& explorer) {
            const unsigned order = explorer.choose("order", 0, kMaxOrder);
            const SymbolicWord head = block_head(explorer, "head", order);
            const SymbolicWord pfn = explorer.input("pfn", kPfnBits);
            explorer.require(Rules::block_holds(head, order, pfn) == specs::covers(head, order, pfn),
                             "block_holds says what the range says");
          }};
}

template <class Rules>
Theorem overlap_is_a_shared_frame() {
  return {"buddy.overlap", "two blocks overlap exactly when their ranges share a frame", [](PathExplorer& explorer) {
            const unsigned a_order = explorer.choose("a_order", 0, kMaxOrder);
            const unsigned b_order = explorer.choose("b_order", 0, kMaxOrder);
            const SymbolicWord a = block_head(explorer, "a", a_order);
            const SymbolicWord b = block_head(explorer, "b", b_order);
            explorer.require(
                Rules::blocks_overlap(a, a_order, b, b_order) == !specs::are_disjoint(a, a_order, b, b_order),
                "blocks_overlap says what the ranges say");
          }};
}

// All four inputs are arbitrary 64-bit words; the specification is computed with integers that have no end.
template <class Rules>
Theorem watermark_never_wraps() {
  return {"zone.watermark", "a zone gives pages iff free - (pages - 1) > min + reserve over the integers",
          [](PathExplorer& explorer) {
            const auto free = explorer.integer("free"), pages = explorer.integer("pages");
            const auto min = explorer.integer("min"), reserve = explorer.integer("reserve");
            explorer.assume(pages >= SymbolicInteger<true>(1));
            explorer.require(Rules::zone_may_give(free, pages, min, reserve) ==
                                 specs::zone_keeps_its_reserve(free.unbounded(), pages.unbounded(), min.unbounded(),
                                                               reserve.unbounded()),
                             "the rule agrees with unbounded arithmetic");
          }};
}

template <class Rules>
Theorem atomic_requests_dig_through_half() {
  return {"zone.min_for", "an atomic request must leave half of min, rounded up; others all of it",
          [](PathExplorer& explorer) {
            constexpr unsigned kRoomForSums = 68;
            const SymbolicWord min = explorer.input("min");
            explorer.require(
                specs::is_half_rounded_up(Rules::min_for(min, true).widened(kRoomForSums), min.widened(kRoomForSums)),
                "atomic: half");
            explorer.require(Rules::min_for(min, false) == min, "otherwise: all");
          }};
}

std::vector<Theorem> buddy_theorems();
std::vector<Theorem> watermark_theorems();

}  // namespace mmtwin::smt
