// The ranges of one address space: what is mapped where, with which attributes, and how Linux 6.12 merges and splits.
//
// Laws: VMA-1, VMA-2, VMA-3, and the answers of every range_ operation. Context: one thread; a value, copied for fork.
// Cost: a std::map keyed by start; one operation costs the ranges it meets. It deliberately knows nothing of pages,
// tables or memory: answers for want of memory are judged elsewhere, and an operation is applied only once the system's
// answer is known. docs/RULES.md section 3 is the specification.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "model/contract/geometry.h"
#include "vocab/responses.h"

namespace mmtwin::model {

// Families (Linux: anon_vma) are shared by all spaces of a machine. Number 0: none.
using FamilyId = std::uint32_t;
struct Family {
  FamilyId parent = 0;           // itself for a family made by a fault
  std::uint32_t children = 0;    // families whose parent it is; one made by a fault counts itself, as Linux does
  std::uint32_t active = 0;      // ranges whose own family it is
  std::uint32_t links = 0;       // chain entries that name it; at 0 it is gone
};
class Families {
 public:
  FamilyId make(FamilyId parent);  // parent 0: made by a fault, its own parent
  Family& at(FamilyId id);
  void link(FamilyId id);
  void unlink(FamilyId id);  // frees it at 0 links
  std::uint64_t live() const;
  std::uint64_t links() const { return links_; }  // of all families
  void clear();

 private:
  std::uint64_t links_ = 0;
  std::vector<Family> all_;
  std::vector<FamilyId> spare_;
};

struct Range {
  std::uint64_t start = 0;  // bytes
  std::uint64_t end = 0;
  Prot prot;
  MapFlags flags;  // shared, noreserve, stack only
  bool accounted = false;
  std::uint64_t file = 0;    // 0: anonymous
  std::uint64_t offset = 0;  // bytes
  FamilyId family = 0;
  std::vector<FamilyId> chain;  // oldest first; empty iff there is no family
  bool family_unknown = false;  // adopt() cut it: whatever a family could forbid is taken as allowed
  bool is_private() const { return !flags.any(kMapShared); }
};

struct MapRequest {
  std::uint64_t at = 0;
  std::uint64_t length = 0;  // raw, not rounded
  Prot prot = {};
  MapFlags flags = {};
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
};

// Of an operation that asks for a mapping, at the address that its place means.
template <class Op>
MapRequest request_of(const Op& op, std::uint64_t at) {
  MapRequest request{at, op.length.raw(), op.prot.value(), op.flags.value()};
  if constexpr (requires { op.file; }) {
    request.file = op.file.raw();
    request.offset = op.offset.raw();
  }
  return request;
}

// A fork reused families as the rule says, one of several that may have been free, or one where none was.
enum class ForkChoice : std::uint8_t { kKnown, kOpen, kImpossible };

// What an operation must answer, before it is known whether memory suffices.
struct Verdict {
  Refusal refusal = Refusal::kNone;
  std::uint64_t value = 0;     // address or break
  bool address_is_choice = false;  // `value` is the policy's answer; any free, page-aligned gap is contract
  // Bytes whose pages lose their contents or rights if the operation succeeds; empty if none.
  std::uint64_t from = 0, to = 0;
};

class Ranges {
 public:
  Ranges(const Geometry& geometry, std::uint32_t range_cap, Families& families);
  void set_heap(std::uint64_t brk, std::uint64_t top);  // 0: the geometry's default

  // The answer of each operation in the present state; nothing changes.
  Verdict judge_map(const MapRequest& request) const;
  Verdict judge_unmap(std::uint64_t at, std::uint64_t length) const;
  // value: where it stops, the rounded end if nowhere. A stop for want of range numbers is the start of the piece that
  // could not be cut out of its range.
  Verdict judge_protect(std::uint64_t at, std::uint64_t length, Prot prot) const;
  Verdict judge_brk(std::uint64_t wanted) const;
  Verdict judge_assume(const MapRequest& request) const;

  // Does it; the arguments were judged ok. `address` is the one that the system answered.
  void map(const MapRequest& request, std::uint64_t address);
  void unmap(std::uint64_t from, std::uint64_t to);
  // Up to the first hole, `to`, or the piece that `range_cap` forbids to cut out (of which the lower cut may then be
  // done: Linux leaves it). Answers where it stopped.
  std::uint64_t protect(std::uint64_t from, std::uint64_t to, Prot prot);
  void set_brk(std::uint64_t brk);
  void assume(const MapRequest& request, bool gone);
  // Where a protect that ran out of memory may have stopped: where a range begins to be changed, up to the first hole
  // or `to`, in order.
  std::vector<std::uint64_t> protect_stops(std::uint64_t from, std::uint64_t to) const;
  // `made`: which ranges were seen to get a family of their own, in order. Whether an older one may be reused depends
  // on what other spaces do with it at that moment, which the spaces' own locks do not order. Null: the rule decides.
  // `leaving`: own families of ranges that may be going just now, one for each. `child` is empty.
  ForkChoice fork_into(Ranges& child, const std::vector<bool>* made = nullptr,
                       const std::vector<FamilyId>& leaving = {}) const;
  void clear();                         // exit: all families unlinked
  // A store met the private anonymous page at `at`: the range gets a family if it has none.
  void prepare_store(std::uint64_t at);
  // For systems whose touches nobody saw: takes over `seen`, if the present list explains it (equal coverage and
  // attributes, boundaries explained by unknown families). False: not explainable.
  bool adopt(const std::vector<RangeObservation>& seen);

  const Range* find(std::uint64_t at) const;               // the range that holds `at`
  const Range* first_at_or_above(std::uint64_t at) const;  // whose end is above `at`
  bool meets(std::uint64_t from, std::uint64_t to) const;  // any range in [from, to)?
  // Could a mapping of that many bytes be answered at `at`, were placement not a policy?
  bool may_hold(std::uint64_t at, std::uint64_t bytes) const;
  const std::map<std::uint64_t, Range>& all() const { return by_start_; }
  std::uint64_t brk() const { return brk_; }
  std::uint64_t heap_start() const { return heap_start_; }
  std::uint64_t top() const { return top_; }
  std::uint64_t total_pages() const;
  std::uint64_t links() const;  // chain entries of all ranges
  static RangeObservation observe(const Range& range);

 private:
  struct Place {
    std::uint64_t address = 0;
    bool is_choice = false;
  };
  // Checks and sizes (ranges.cc).
  Verdict judge_fixed(std::uint64_t at, std::uint64_t length, bool noreplace) const;
  bool middle_split_exceeds_cap(std::uint64_t from, std::uint64_t to) const;
  std::uint64_t first_hole(std::uint64_t from, std::uint64_t to) const;  // `to` if none
  std::uint64_t protect_stop(std::uint64_t from, std::uint64_t to, Prot prot) const;
  FamilyId reusable(const Range& range, const std::vector<FamilyId>& leaving) const;
  bool may_be_reusable(FamilyId id, const std::vector<FamilyId>& leaving) const;
  std::uint32_t children_leaving(FamilyId id, const std::vector<FamilyId>& leaving) const;
  static Range range_of(const MapRequest& request, std::uint64_t at);

  // Placement (ranges_place.cc): none if nothing fits.
  bool is_free(std::uint64_t at, std::uint64_t length) const;  // and inside the user half
  std::optional<std::uint64_t> highest_gap(std::uint64_t length) const;
  std::optional<std::uint64_t> lowest_gap(std::uint64_t length) const;
  std::optional<std::uint64_t> any_gap(std::uint64_t length) const;  // the highest below top, else the lowest above
  bool wants_huge_alignment(const MapRequest& request, std::uint64_t hint, std::uint64_t length) const;
  std::optional<Place> place(const MapRequest& request, std::uint64_t hint, std::uint64_t length) const;

  // Cutting, joining and families (ranges_merge.cc).
  Range* holder(std::uint64_t at);
  Range* ending_at(std::uint64_t at);
  Range* starting_at(std::uint64_t at);
  void share_family(const Range& source, Range& target);  // target has none
  void take_over(Range& target, const Range& source);     // what joins `target` brings its family if target has none
  void erase(std::uint64_t start);
  void move_start(std::uint64_t start, std::uint64_t to);  // either way, the offset with it
  void split(std::uint64_t at);                            // `at` is inside a range
  void insert_apart(const Range& fresh);
  void insert_merging(const Range& fresh, bool left_only);
  std::optional<std::uint64_t> merge_changed(const Range& whole, const Range& changed);
  std::optional<std::uint64_t> change_piece(std::uint64_t from, std::uint64_t to, Prot prot);

  // Adopting (ranges_adopt.cc).
  bool explains(const std::vector<RangeObservation>& seen) const;
  void join_with_next(std::uint64_t start);

  const Geometry* geometry_;
  std::uint32_t range_cap_;
  Families* families_;
  std::map<std::uint64_t, Range> by_start_;
  std::uint64_t heap_start_ = 0, brk_ = 0, top_ = 0;
};

}  // namespace mmtwin::model
