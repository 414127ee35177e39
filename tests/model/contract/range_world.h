// A few pages of an address space, drawn: one letter a page, one letter a range in order of address, '.' for nothing.
//
// Laws: none. Context: tests of model/ranges.h. Cost: none. It deliberately builds scenes by assume(), which merges
// nothing, and audits the families by a recount that shares no code with the model.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/contract/ranges.h"

namespace mmtwin::model {

inline constexpr std::uint64_t kBase = 0x100000;  // of drawings; below the heap of both geometries
inline constexpr Prot kRw = kProtRead | kProtWrite;
inline constexpr std::uint32_t kNoCap = 65530;

constexpr std::uint64_t page(std::uint64_t number) { return kBase + number * kPage; }

// One space, of a machine whose families it may share with others.
class RangeWorld {
 public:
  explicit RangeWorld(Families& families, std::uint32_t cap = kNoCap, const Geometry& geometry = kSmall)
      : ranges(geometry, cap, families) {}

  // A letter is a range: private anonymous memory. Page 0 of the drawing is kBase.
  void scene(std::string_view drawing, Prot prot = kRw) {
    for (std::size_t i = 0; i < drawing.size();) {
      std::size_t end = i + 1;
      while (end < drawing.size() && drawing[end] == drawing[i]) ++end;
      if (drawing[i] != '.') ranges.assume(anonymous(i, end - i, prot), false);
      i = end;
    }
  }
  static MapRequest anonymous(std::uint64_t first, std::uint64_t pages, Prot prot = kRw, MapFlags flags = {}) {
    return {.at = page(first),
            .length = pages * kPage,
            .prot = prot,
            .flags = flags | kMapFixed,
            .file = 0,
            .offset = page(first)};
  }
  static MapRequest of_file(std::uint64_t first, std::uint64_t pages, std::uint64_t file, std::uint64_t offset_pages,
                            Prot prot = kRw, MapFlags flags = {}) {
    return {.at = page(first),
            .length = pages * kPage,
            .prot = prot,
            .flags = flags | kMapFixed,
            .file = file,
            .offset = offset_pages * kPage};
  }
  // Each asks first; what is refused is not done.
  Refusal map(const MapRequest& request) {
    const Verdict verdict = ranges.judge_map(request);
    if (verdict.refusal == Refusal::kNone) ranges.map(request, verdict.value);
    return verdict.refusal;
  }
  Refusal unmap(std::uint64_t first, std::uint64_t pages) {
    const Verdict verdict = ranges.judge_unmap(page(first), pages * kPage);
    if (verdict.refusal == Refusal::kNone) ranges.unmap(page(first), page(first + pages));
    return verdict.refusal;
  }
  Refusal protect(std::uint64_t first, std::uint64_t pages, Prot prot) {
    const Verdict verdict = ranges.judge_protect(page(first), pages * kPage, prot);
    EXPECT_EQ(ranges.protect(page(first), page(first + pages), prot), verdict.value);
    return verdict.refusal;
  }
  std::uint64_t brk(std::uint64_t wanted) {
    const std::uint64_t before = ranges.brk();
    const Verdict verdict = ranges.judge_brk(wanted);
    EXPECT_EQ(verdict.refusal, Refusal::kNone);
    if (verdict.value == wanted && wanted != before) ranges.set_brk(wanted);
    return ranges.brk();
  }
  void touch(std::uint64_t number) { ranges.prepare_store(page(number)); }

  std::string drawing(std::uint64_t pages, std::uint64_t from = kBase) const {
    std::string drawn(pages, '.');
    char letter = 'A';
    for (const auto& [start, range] : ranges.all()) {
      bool visible = false;
      for (std::uint64_t i = 0; i < pages; ++i) {
        const std::uint64_t at = from + i * kPage;
        if (at < start || at >= range.end) continue;
        drawn[i] = letter;
        visible = true;
      }
      if (visible) ++letter;
    }
    return drawn;
  }
  const Range& at(std::uint64_t number) const {
    const Range* range = ranges.find(page(number));
    EXPECT_NE(range, nullptr) << "nothing at page " << number << " of " << drawing(32);
    static const Range kNothing{};
    return range == nullptr ? kNothing : *range;
  }
  FamilyId family(std::uint64_t number) const { return at(number).family; }
  std::vector<RangeObservation> seen() const {
    std::vector<RangeObservation> all;
    for (const auto& [start, range] : ranges.all()) all.push_back(Ranges::observe(range));
    return all;
  }

  Ranges ranges;
};

// Sorted, disjoint, aligned; chains and counters of all families of a machine as a recount finds them.
inline void audit(Families& families, const std::vector<const Ranges*>& spaces, const Geometry& geometry) {
  std::map<FamilyId, std::uint32_t> links;
  std::map<FamilyId, std::uint32_t> active;
  std::map<FamilyId, std::uint32_t> children;
  for (const Ranges* space : spaces) {
    std::uint64_t below = 0;
    for (const auto& [start, range] : space->all()) {
      ASSERT_EQ(start, range.start);
      ASSERT_LE(below, range.start);
      ASSERT_LT(range.start, range.end);
      ASSERT_LE(range.end, geometry.user_end);
      ASSERT_EQ((range.start | range.end | range.offset) % kPage, 0u);
      ASSERT_TRUE(range.file != 0 || range.offset == range.start) << "without moves, offsets are addresses";
      ASSERT_EQ(range.chain.empty(), range.family == 0);
      const std::set<FamilyId> distinct(range.chain.begin(), range.chain.end());
      ASSERT_EQ(distinct.size(), range.chain.size());
      if (range.family != 0) {
        ASSERT_EQ(distinct.count(range.family), 1u) << "a range stands in its own family";
        active[range.family] += 1;
      }
      for (const FamilyId id : range.chain) {
        links[id] += 1;
        ASSERT_EQ(distinct.count(families.at(id).parent), 1u) << "and in the parents of all of them";
      }
      below = range.end;
    }
  }
  for (const auto& [id, count] : links) children[families.at(id).parent] += 1;
  ASSERT_EQ(families.live(), links.size());
  for (const auto& [id, count] : links) {
    ASSERT_EQ(families.at(id).links, count);
    ASSERT_EQ(families.at(id).active, active[id]);
    ASSERT_EQ(families.at(id).children, children[id]);
  }
}

}  // namespace mmtwin::model
