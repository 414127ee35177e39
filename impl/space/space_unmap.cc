// Unmapping, and the heap, which grows and shrinks by mapping and unmapping.

#include <algorithm>

#include "impl/space/spaces.h"

namespace mmtwin::impl {

template <class Geometry>
Ref<Range> Spaces<Geometry>::range_around(Ref<Space> space, std::uint64_t first, std::uint64_t end) {
  const Ref<Range> found = tree(space).first_ending_after(first);
  if (found.is_none() || range(found).start >= first || range(found).end <= end) return {};
  return found;
}

template <class Geometry>
Outcome<Done> Spaces<Geometry>::unmap(CpuId cpu, Ref<Space> space, std::uint64_t at, std::uint64_t length) {
  return locked(cpu, space, [&] { return unmap_locked(cpu, space, at, length); });
}

template <class Geometry>
Outcome<Done> Spaces<Geometry>::unmap_locked(CpuId cpu, Ref<Space> space, std::uint64_t at, std::uint64_t length) {
  if (at % kPageBytes != 0 || at > Layout::kEnd || length > Layout::kEnd - at || length == 0) return Refusal::kInvalid;
  return remove(cpu, space, at, at + round_up(length), true);
}

template <class Geometry>
Outcome<Done> Spaces<Geometry>::remove(CpuId cpu, Ref<Space> space, std::uint64_t first, std::uint64_t end,
                                       bool obeys_cap) {
  Spares spares;
  const Ref<Range> around = range_around(space, first, end);
  if (!around.is_none()) {
    if (obeys_cap && at_cap(space)) return Refusal::kNoMemory;
    const Outcome<Spares> reserved = reserve_split(cpu, around);
    if (!reserved) return reserved.refusal();
    spares = *reserved;
  }
  remove_reserved(cpu, space, first, end, spares);
  return Done{};
}

//   AAABBBCCC   first and end anywhere      A..   ..C   or, strictly inside one range (`spares`):   A..A
template <class Geometry>
void Spaces<Geometry>::remove_reserved(CpuId cpu, Ref<Space> space, std::uint64_t first, std::uint64_t end,
                                       const Spares& spares) {
  RangeTree ranges = tree(space);
  std::uint64_t bytes = 0;
  for (Ref<Range> r = ranges.first_ending_after(first); !r.is_none() && range(r).start < end;) {
    const Ref<Range> next = ranges.next(r);
    const std::uint64_t start = range(r).start, stop = range(r).end;
    bytes += std::min(stop, end) - std::max(start, first);
    if (start < first && stop > end) {
      split(cpu, space, r, end, spares);
      set_end(space, r, first);
    } else if (start < first) {
      set_end(space, r, first);
    } else if (stop > end) {
      set_start(space, r, end);
    } else {
      discard(cpu, space, r);
    }
    r = next;
  }
  if (bytes == 0) return;
  ram().edit(space).total_pages -= bytes / kPageBytes;
  const Ref<Range> below = ranges.last_starting_before(first), above = ranges.first_ending_after(first);
  const PageSpan hole{below.is_none() ? Vpn(0) : page_of(Address(range(below).end)),
                      above.is_none() ? Vpn(Layout::kPages) : page_of(Address(range(above).start))};
  tables_.unmap(cpu, tables_of(space), pages_between(first, end), hole);
}

template <class Geometry>
BreakAnswer Spaces<Geometry>::set_break(CpuId cpu, Ref<Space> space, std::uint64_t wanted) {
  return locked(cpu, space, [&] { return set_break_locked(cpu, space, wanted); });
}

template <class Geometry>
BreakAnswer Spaces<Geometry>::set_break_locked(CpuId cpu, Ref<Space> space, std::uint64_t wanted) {
  const Space& s = at(space);
  const BreakAnswer as_before{Refusal::kNone, s.heap_end};
  if (wanted < s.heap_start || wanted > Layout::kEnd) return as_before;
  const std::uint64_t old_end = round_up(s.heap_end), new_end = round_up(wanted);
  if (new_end > old_end) return grow_heap(cpu, space, old_end, new_end, wanted);
  if (new_end < old_end) {
    if (is_free(space, new_end, old_end)) return as_before;
    const Outcome<Done> done = remove(cpu, space, new_end, old_end, true);
    if (!done) return {done.refusal() == Refusal::kOom ? Refusal::kOom : Refusal::kNone, as_before.value};
  }
  ram().edit(space).heap_end = wanted;
  return {Refusal::kNone, wanted};
}

template <class Geometry>
BreakAnswer Spaces<Geometry>::grow_heap(CpuId cpu, Ref<Space> space, std::uint64_t first, std::uint64_t end,
                                        std::uint64_t wanted) {
  const BreakAnswer as_before{Refusal::kNone, at(space).heap_end};
  // One page stays free behind the heap. Linux also keeps a gap below stacks that grow, of which there are none.
  if (first < Layout::kLowest || !is_free(space, first, end + kPageBytes) || over_cap(space)) return as_before;
  const Prot prot = kProtRead | kProtWrite;
  const Piece piece{.exists = true, .start = first, .end = end, .offset = first,
                    .attributes = {prot, MapFlags{}, is_accountable(prot, MapFlags{}), 0}};
  // The heap joins itself, never what lies below it.
  const Neighbours touching = neighbours(space, first, end);
  const Piece left = first > at(space).heap_start ? touching.left : Piece{};
  const Outcome<Done> done = put(cpu, space, piece, touching, merge_sides(left, piece, {}), true);
  if (!done) return {done.refusal(), as_before.value};
  ram().edit(space).heap_end = wanted;
  return {Refusal::kNone, wanted};
}

template Outcome<Done> Spaces<X86Geometry>::unmap(CpuId, Ref<Space>, std::uint64_t, std::uint64_t);
template BreakAnswer Spaces<X86Geometry>::set_break(CpuId, Ref<Space>, std::uint64_t);
template Ref<Range> Spaces<X86Geometry>::range_around(Ref<Space>, std::uint64_t, std::uint64_t);
template Outcome<Done> Spaces<X86Geometry>::remove(CpuId, Ref<Space>, std::uint64_t, std::uint64_t, bool);
template void Spaces<X86Geometry>::remove_reserved(CpuId, Ref<Space>, std::uint64_t, std::uint64_t, const Spares&);
template Outcome<Done> Spaces<SmallGeometry>::unmap(CpuId, Ref<Space>, std::uint64_t, std::uint64_t);
template BreakAnswer Spaces<SmallGeometry>::set_break(CpuId, Ref<Space>, std::uint64_t);
template Ref<Range> Spaces<SmallGeometry>::range_around(Ref<Space>, std::uint64_t, std::uint64_t);
template Outcome<Done> Spaces<SmallGeometry>::remove(CpuId, Ref<Space>, std::uint64_t, std::uint64_t, bool);
template void Spaces<SmallGeometry>::remove_reserved(CpuId, Ref<Space>, std::uint64_t, std::uint64_t, const Spares&);

}  // namespace mmtwin::impl
