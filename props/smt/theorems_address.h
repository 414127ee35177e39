// What is proved about virtual addresses, for each geometry.
//
// Laws: PT, ISO. Context: bodies of theorems, run by a PathExplorer. Cost: one to four queries each, milliseconds.
// Every theorem is a template over the rules, so that a test can hand in wrong ones and see them refuted; production
// rules are `RunningAddressRules`. It deliberately says nothing about memory: theorems_walk.h does.
#pragma once

#include <string>
#include <vector>

#include "impl/pgtable/address_rules.h"
#include "model/specs/address_laws.h"
#include "props/smt/theorem.h"

namespace mmtwin::smt {

template <class GeometryOfRules>
struct RunningAddressRules {
  using Geometry = GeometryOfRules;
  template <class Word>
  static Word index_at(Word vpn, unsigned level) {
    return impl::index_at<Geometry>(vpn, level);
  }
  template <class Word>
  static Word table_base(Word vpn, unsigned level) {
    return impl::table_base<Geometry>(vpn, level);
  }
  template <class Word>
  static Word vpn_from_indices(const Word (&index)[Geometry::kLevels]) {
    return impl::vpn_from_indices<Geometry>(index);
  }
  template <class Word>
  static auto is_canonical(Word address) {
    return impl::is_canonical<Geometry>(address);
  }
  template <class Word>
  static Word page_offset(Word address) {
    return impl::page_offset(address);
  }
};

inline constexpr unsigned kVpnBits = 52;
static_assert(impl::X86Geometry::kLevels == 4 && impl::SmallGeometry::kLevels == 4, "the theorems write four digits");

template <class Rules>
Theorem canonical_as_specified(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".address.canonical", "an address is canonical iff it is in the lowest or the highest half-range",
          [](PathExplorer& explorer) {
            const SymbolicWord address = explorer.input("address");
            explorer.require(Rules::is_canonical(address) ==
                                 specs::is_canonical_address(address, Geometry::kEntriesPerTable, Geometry::kLevels),
                             "is_canonical says what the ranges say");
          }};
}

template <class Rules>
Theorem index_is_a_digit(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".address.index", "the index at a level is that digit of the page number",
          [](PathExplorer& explorer) {
            const unsigned level = explorer.choose("level", 0, Geometry::kLevels - 1);
            const SymbolicWord vpn = explorer.input("vpn", kVpnBits);
            explorer.require(Rules::index_at(vpn, level) == specs::table_index(vpn, Geometry::kEntriesPerTable, level),
                             "index_at says what division says");
          }};
}

template <class Rules>
Theorem split_then_recombine(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".address.split_recombine", "a canonical address is the sum of its four indices and its offset",
          [](PathExplorer& explorer) {
            const SymbolicWord address = explorer.input("address");
            explorer.assume(specs::is_canonical_address(address, Geometry::kEntriesPerTable, Geometry::kLevels));
            const SymbolicWord vpn = address / SymbolicWord(specs::kBytesPerPage);
            const SymbolicWord index[] = {Rules::index_at(vpn, 0), Rules::index_at(vpn, 1), Rules::index_at(vpn, 2),
                                          Rules::index_at(vpn, 3)};
            const SymbolicWord again = Rules::vpn_from_indices(index);
            explorer.require(again == vpn, "the indices give the page back");
            explorer.require(specs::byte_of_page(again, Rules::page_offset(address)) == address,
                             "page and offset give the address back");
          }};
}

template <class Rules>
Theorem recombine_then_split(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".address.recombine_split", "any four indices lead to a canonical page with these four indices",
          [](PathExplorer& explorer) {
            const unsigned bits = Geometry::kBitsPerLevel;
            const SymbolicWord index[] = {explorer.input("index0", bits), explorer.input("index1", bits),
                                          explorer.input("index2", bits), explorer.input("index3", bits)};
            const SymbolicWord vpn = Rules::vpn_from_indices(index);
            explorer.require(specs::is_canonical_page(vpn, Geometry::kEntriesPerTable, Geometry::kLevels), "canonical");
            for (unsigned level = 0; level < Geometry::kLevels; ++level)
              explorer.require(Rules::index_at(vpn, level) == index[level], "the page gives the indices back");
          }};
}

// Two different pages of the machine part ways at some level: what the walk theorems call "another page".
template <class Rules>
Theorem pages_part_at_some_level(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".address.same_page",
          "two canonical addresses have the same four indices iff they are in one page", [](PathExplorer& explorer) {
            const SymbolicWord a = explorer.input("a"), b = explorer.input("b");
            explorer.assume(specs::is_canonical_address(a, Geometry::kEntriesPerTable, Geometry::kLevels));
            explorer.assume(specs::is_canonical_address(b, Geometry::kEntriesPerTable, Geometry::kLevels));
            const SymbolicWord page(specs::kBytesPerPage);
            SymbolicBool same(true);
            for (unsigned level = 0; level < Geometry::kLevels; ++level)
              same = same && Rules::index_at(a / page, level) == Rules::index_at(b / page, level);
            explorer.require(same == specs::same_page(a, b), "the indices tell pages apart");
          }};
}

template <class Rules>
Theorem table_base_starts_the_covered_range(const std::string& geometry) {
  using Geometry = typename Rules::Geometry;
  return {geometry + ".address.table_base", "a table covers an aligned range, cut in equal parts by its entries",
          [](PathExplorer& explorer) {
            const unsigned level = explorer.choose("level", 0, Geometry::kLevels - 1);
            const SymbolicWord vpn = explorer.input("vpn", kVpnBits);
            const std::uint64_t part = specs::pages_of_an_entry(Geometry::kEntriesPerTable, level);
            const std::uint64_t covered = specs::pages_of_an_entry(Geometry::kEntriesPerTable, level + 1);
            const SymbolicWord base = Rules::table_base(vpn, level);
            const SymbolicWord entry_base = base + Rules::index_at(vpn, level) * SymbolicWord(part);
            explorer.require(specs::lies_in_aligned_range(vpn, base, covered), "the table's range holds the page");
            explorer.require(specs::lies_in_aligned_range(vpn, entry_base, part), "the entry's part holds the page");
          }};
}

std::vector<Theorem> address_theorems();

}  // namespace mmtwin::smt
