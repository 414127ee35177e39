// Spaces: makes, forks and ends address spaces, and maps, unmaps and protects their ranges.
//
// Laws: VMA-1 to VMA-3, PT-2, ROLLBACK-1 and ROLLBACK-2: what a change needs is taken before anything is changed.
// Context: the space's lock, taken inside. Cost: O(log ranges) plus what lies in the span. Ranges split and merge as
// docs/RULES.md section 3 says (merge_rules.h). It deliberately handles no faults (impl/fault) and knows no handles.
//
// Locks, outermost first: space, tables (impl/pgtable), family, slab, zone.
#pragma once

#include <cstdint>
#include <cstdio>
#include <type_traits>

#include "impl/base/audit.h"
#include "impl/base/outcome.h"
#include "impl/pgtable/page_tables.h"
#include "impl/platform/hardware.h"
#include "impl/platform/lock_guard.h"
#include "impl/slab/slab.h"
#include "impl/space/families.h"
#include "impl/space/merge_rules.h"
#include "impl/space/range_tree.h"
#include "impl/space/space.h"
#include "impl/space/user_layout.h"
#include "version/point.h"
#include "vocab/flags.h"
#include "vocab/units.h"

namespace mmtwin::impl {

struct MapRequest {
  std::uint64_t at = 0;
  std::uint64_t length = 0;
  Prot prot;
  MapFlags flags;
  std::uint16_t file = 0;  // 0: anonymous
  std::uint64_t offset = 0;
};

// brk answers the break after the call, also when it refuses.
struct BreakAnswer {
  Refusal refusal;
  std::uint64_t value = 0;
};

template <class Geometry>
class Spaces {
 public:
  using Layout = UserLayout<Geometry>;

  Spaces(Hardware& hardware, Slab& slab, LoadedTables<Geometry>& loaded, PageTables<Geometry>& tables,
         Families& families);

  // `heap_start`, `top`: 0 for the geometry's default. Refusals: kOom.
  Outcome<Ref<Space>> create(CpuId cpu, std::uint64_t heap_start, std::uint64_t top);
  // Refusals: kOom; kNoMemory: a page has as many references as one may have. The parent is as before.
  Outcome<Ref<Space>> fork(CpuId cpu, Ref<Space> parent);
  // Everything goes, the object too.
  void exit(CpuId cpu, Ref<Space> space);
  // For an access that was refused memory: everything goes but the object, which is marked. Narrates kSpaceKilled
  // first. Answers what the access does: kOom, or kKilled if somebody else has ended it meanwhile.
  Refusal kill(CpuId cpu, Ref<Space> space);

  // Answers the address. Refusals: kInvalid, kNoMemory, kPermission, kExists, kOom; nothing changed.
  Outcome<std::uint64_t> map(CpuId cpu, Ref<Space> space, MapRequest request);
  // Refusals: kInvalid, kNoMemory, kOom; nothing changed.
  Outcome<Done> unmap(CpuId cpu, Ref<Space> space, std::uint64_t at, std::uint64_t length);
  // Refusals: kInvalid, kNoMemory, kOom; what lies before the refused range is done.
  Outcome<Done> protect(CpuId cpu, Ref<Space> space, std::uint64_t at, std::uint64_t length, Prot prot);
  BreakAnswer set_break(CpuId cpu, Ref<Space> space, std::uint64_t wanted);
  // Adopts one range as it is, merging nothing; `gone`: only removes. Refusals: kInvalid, kOom; nothing changed.
  Outcome<Done> assume(CpuId cpu, Ref<Space> space, const MapRequest& request, bool gone);

  const Space& at(Ref<Space> space) const { return hardware_.ram().at(space); }
  // Under the space's lock: another CPU may have ended it meanwhile.
  bool is_killed(Ref<Space> space) const {
    touches(&at(space).killed, false, Point::kTouchSequence);
    return load_relaxed(at(space).killed) != 0;
  }
  RangeTree tree(Ref<Space> space) { return {hardware_.ram(), ranges_of(space)}; }
  Piece piece_of(Ref<Range> range) const;

  void dump(Ref<Space> space, std::FILE* to);
  void audit(Audit& audit, Ref<Space> space);

 private:
  // What a split takes.
  struct Spares {
    Ref<Range> range;
    Ref<FamilyLink> links;
  };
  struct Neighbours {
    Ref<Range> left_range;
    Ref<Range> right_range;
    Piece left;
    Piece right;
    bool span_is_free;
  };

  // How far a protect came.
  struct Prefix {
    Outcome<Done> done = Done{};
    std::uint64_t stopped_at = 0;
  };

  // ---- answers that count when the space's lock is given back ----
  template <class Body>
  std::invoke_result_t<Body> locked(CpuId cpu, Ref<Space> space, Body&& body) {
    const LockGuard guard(hardware_, cpu, LockClass::kSpace, space.offset, ram().edit(space).lock);
    const std::invoke_result_t<Body> answer =
        is_killed(space) ? std::invoke_result_t<Body>{Refusal::kKilled} : body();
    commit(cpu, answer);
    return answer;
  }
  void commit(CpuId cpu, const Outcome<std::uint64_t>& at) {
    hardware_.commit(cpu, at.refusal(), at.is_ok() ? at.value() : 0);
  }
  void commit(CpuId cpu, const BreakAnswer& answer) { hardware_.commit(cpu, answer.refusal, answer.value); }
  void commit(CpuId cpu, const Prefix& prefix) {
    const Refusal refusal = prefix.done.refusal();
    hardware_.commit(cpu, refusal, 0, refusal == Refusal::kOom ? prefix.stopped_at : 0);
  }
  template <class T>
  void commit(CpuId cpu, const Outcome<T>& done) {
    hardware_.commit(cpu, done.refusal());
  }

  Ram& ram() { return hardware_.ram(); }
  const Range& range(Ref<Range> r) const { return hardware_.ram().at(r); }

  // ---- ranges (spaces.cc) ----
  void fill(Ref<Range> fresh, const Piece& piece);
  Outcome<Spares> reserve_split(CpuId cpu, Ref<Range> split);
  void release(CpuId cpu, const Spares& spares);
  // The range ends at `at`; a new one from there on takes over the rest.
  Ref<Range> split(CpuId cpu, Ref<Space> space, Ref<Range> lower, std::uint64_t at, const Spares& spares);
  void set_start(Ref<Space> space, Ref<Range> r, std::uint64_t start);
  void set_end(Ref<Space> space, Ref<Range> r, std::uint64_t end);
  void discard(CpuId cpu, Ref<Space> space, Ref<Range> r);
  // `right` goes, `left` ends where it ended and takes over its family if it has none.
  void absorb_right(CpuId cpu, Ref<Space> space, Ref<Range> left, Ref<Range> right);
  void end(CpuId cpu, Ref<Space> space);
  void end_ranges(CpuId cpu, Ref<Space> space);
  void discard_space(CpuId cpu, Ref<Space> space);
  void discard_below(CpuId cpu, Ref<Range> top);
  void count_ranges(Ref<Space> space, int change) {
    ram().edit(space).range_count += static_cast<std::uint32_t>(change);
  }
  bool at_cap(Ref<Space> space) const { return at(space).range_count >= hardware_.machine().range_cap; }
  bool over_cap(Ref<Space> space) const { return at(space).range_count > hardware_.machine().range_cap; }
  bool is_free(Ref<Space> space, std::uint64_t first, std::uint64_t end);

  // ---- map and unmap ----
  Outcome<std::uint64_t> map_locked(CpuId cpu, Ref<Space> space, MapRequest request);
  Outcome<Done> assume_locked(CpuId cpu, Ref<Space> space, const MapRequest& request, bool gone);
  Outcome<Done> unmap_locked(CpuId cpu, Ref<Space> space, std::uint64_t at, std::uint64_t length);
  BreakAnswer set_break_locked(CpuId cpu, Ref<Space> space, std::uint64_t wanted);
  Outcome<std::uint64_t> choose_address(Ref<Space> space, const MapRequest& request);
  Outcome<std::uint64_t> place(Ref<Space> space, const MapRequest& request);
  Neighbours neighbours(Ref<Space> space, std::uint64_t first, std::uint64_t end);
  // The range that [first, end) lies strictly inside, if any.
  Ref<Range> range_around(Ref<Space> space, std::uint64_t first, std::uint64_t end);
  Outcome<Done> put(CpuId cpu, Ref<Space> space, const Piece& piece, const Neighbours& touching, MergeSides sides,
                    bool obeys_cap);
  void insert(CpuId cpu, Ref<Space> space, const Piece& piece, const Neighbours& touching, MergeSides sides,
              Ref<Range> fresh);
  Outcome<Done> remove(CpuId cpu, Ref<Space> space, std::uint64_t first, std::uint64_t end, bool obeys_cap);
  void remove_reserved(CpuId cpu, Ref<Space> space, std::uint64_t first, std::uint64_t end, const Spares& spares);
  BreakAnswer grow_heap(CpuId cpu, Ref<Space> space, std::uint64_t first, std::uint64_t end, std::uint64_t wanted);

  // ---- protect ----
  Prefix protect_locked(CpuId cpu, Ref<Space> space, std::uint64_t at, std::uint64_t length, Prot prot);
  Outcome<Done> protect_piece(CpuId cpu, Ref<Space> space, Ref<Range> r, std::uint64_t first, std::uint64_t end,
                              Prot prot, PendingFlush& pending);
  Outcome<Done> modify(CpuId cpu, Ref<Space> space, Ref<Range> r, std::uint64_t first, std::uint64_t end,
                       const RangeAttributes& attributes);
  void merge_modified(CpuId cpu, Ref<Space> space, Ref<Range> r, const Piece& piece, MergeSides sides);
  Outcome<Done> split_modified(CpuId cpu, Ref<Space> space, Ref<Range> r, const Piece& piece);

  // ---- fork ----
  Outcome<Ref<Space>> fork_locked(CpuId cpu, Ref<Space> parent);
  Outcome<Done> fork_ranges(CpuId cpu, Ref<Space> parent, Ref<Space> child, PendingFlush& pending);
  Outcome<Done> fork_range(CpuId cpu, Ref<Space> child, Ref<Range> original, Ref<Space> parent, PendingFlush& pending);

  Hardware& hardware_;
  Slab& slab_;
  LoadedTables<Geometry>& loaded_;
  PageTables<Geometry>& tables_;
  Families& families_;
};

constexpr PageSpan pages_between(std::uint64_t first, std::uint64_t end) {
  return {page_of(Address(first)), page_of(Address(end))};
}

}  // namespace mmtwin::impl
