// Mapping: where, instead of what, and joined with whom.

#include <algorithm>

#include "impl/space/spaces.h"

namespace mmtwin::impl {
namespace {

bool is_fixed(const MapRequest& request) { return request.flags.any(kMapFixed | kMapNoReplace); }

RangeAttributes attributes_of(const MapRequest& request) {
  return {request.prot, request.flags & (kMapShared | kMapNoReserve | kMapStack),
          is_accountable(request.prot, request.flags), request.file};
}

// Is the offset no multiple of a page, or does it wrap within the range?
bool offset_fault(const MapRequest& request) {
  return request.offset % kPageBytes != 0 || request.offset + round_up(request.length) < request.offset;
}

// The request's own faults; its length is not yet rounded.
Refusal fault_of(const MapRequest& request, std::uint64_t user_end) {
  const bool is_file = request.file != 0;
  if (is_file && request.offset % kPageBytes != 0) return Refusal::kInvalid;
  if (request.length == 0) return Refusal::kInvalid;
  if (request.length > user_end) return Refusal::kNoMemory;
  if (!is_file && request.flags.has(kMapShared)) return Refusal::kInvalid;
  if (is_file && request.offset + round_up(request.length) < request.offset) return Refusal::kInvalid;
  return Refusal::kNone;
}

// Linux 6.12 thp_get_unmapped_area: anonymous mappings of whole huge pages, files with a whole huge page inside.
bool wants_huge_alignment(const MapRequest& request, std::uint64_t huge) {
  if (request.file == 0) return request.at == 0 && request.length % huge == 0;
  if (request.offset + request.length + huge < request.offset) return false;
  const std::uint64_t first_whole = (request.offset + huge - 1) / huge * huge;
  return first_whole + huge <= request.offset + request.length;
}

}  // namespace

template <class Geometry>
Outcome<std::uint64_t> Spaces<Geometry>::place(Ref<Space> space, const MapRequest& request) {
  const std::uint64_t huge = Layout::kHugeBytes, length = request.length;
  const RangeTree ranges = tree(space);
  const std::uint64_t top = std::min(round_down(at(space).top), Layout::kEnd);
  const auto search = [&](std::uint64_t bytes) {
    const auto high = ranges.highest_gap(Layout::kLowest, top, bytes);
    return high ? high : ranges.lowest_gap(Layout::kBottomUp, Layout::kEnd, bytes);
  };
  const auto hint_fits = [&](std::uint64_t bytes) {
    return request.at != 0 && bytes <= Layout::kEnd && request.at <= Layout::kEnd - bytes &&
           is_free(space, request.at, request.at + bytes);
  };
  if (wants_huge_alignment(request, huge)) {
    if (hint_fits(length + huge)) return request.at;
    if (const auto gap = search(length + huge)) {
      // The next congruent address above the gap's start, also if that one is congruent itself.
      const std::uint64_t wanted = request.file == 0 ? 0 : request.offset;
      const std::uint64_t up = (wanted - *gap) % huge;
      return *gap + (up == 0 ? huge : up);
    }
  }
  if (hint_fits(length)) return request.at;
  if (const auto gap = search(length)) return *gap;
  return Refusal::kNoMemory;
}

// `request` is rounded and has no fault of its own.
template <class Geometry>
Outcome<std::uint64_t> Spaces<Geometry>::choose_address(Ref<Space> space, const MapRequest& request) {
  if (!is_fixed(request)) return place(space, request);
  if (request.at > Layout::kEnd - request.length) return Refusal::kNoMemory;
  if (request.at % kPageBytes != 0) return Refusal::kInvalid;
  if (request.at < Layout::kLowest) return Refusal::kPermission;
  const bool noreplace = request.flags.has(kMapNoReplace);
  if (noreplace && !is_free(space, request.at, request.at + request.length)) return Refusal::kExists;
  return request.at;
}

// What will touch [first, end) when it is empty: the parts of ranges that stay.
template <class Geometry>
typename Spaces<Geometry>::Neighbours Spaces<Geometry>::neighbours(Ref<Space> space, std::uint64_t first,
                                                                   std::uint64_t end) {
  const RangeTree ranges = tree(space);
  const Ref<Range> left = ranges.last_starting_before(first);
  const Ref<Range> right = ranges.first_ending_after(end);
  Neighbours found{.left_range = left, .right_range = right, .left = {}, .right = {}, .span_is_free = false};
  const Ref<Range> after_left = left.is_none() ? ranges.first() : ranges.next(left);
  found.span_is_free = (left.is_none() || range(left).end <= first) && after_left == right &&
                       (right.is_none() || range(right).start >= end);
  if (!left.is_none() && range(left).end >= first) found.left = clipped(piece_of(left), 0, first);
  if (!right.is_none() && range(right).start <= end) found.right = clipped(piece_of(right), end, ~std::uint64_t{0});
  return found;
}

template <class Geometry>
Outcome<std::uint64_t> Spaces<Geometry>::map(CpuId cpu, Ref<Space> space, MapRequest request) {
  return locked(cpu, space, [&] { return map_locked(cpu, space, request); });
}

template <class Geometry>
Outcome<std::uint64_t> Spaces<Geometry>::map_locked(CpuId cpu, Ref<Space> space, MapRequest request) {
  const Refusal fault = fault_of(request, Layout::kEnd);
  if (fault != Refusal::kNone) return fault;
  request.length = round_up(request.length);
  if (!is_fixed(request)) {
    request.at = round_down(request.at);
    if (request.at != 0) request.at = std::max(request.at, Layout::kLowest);
  }
  if (over_cap(space)) return Refusal::kNoMemory;
  const Outcome<std::uint64_t> address = choose_address(space, request);
  if (!address) return address;
  const Piece piece{.exists = true,
                    .start = *address,
                    .end = *address + request.length,
                    .offset = request.file == 0 ? *address : request.offset,
                    .attributes = attributes_of(request)};
  const Neighbours touching = neighbours(space, piece.start, piece.end);
  const Outcome<Done> done = put(cpu, space, piece, touching, merge_sides(touching.left, piece, touching.right), true);
  if (!done) return done.refusal();
  return address;
}

// Everything in the piece's way is unmapped. What both need is taken before either begins.
template <class Geometry>
Outcome<Done> Spaces<Geometry>::put(CpuId cpu, Ref<Space> space, const Piece& piece, const Neighbours& touching,
                                    MergeSides sides, bool obeys_cap) {
  const Ref<Range> around = touching.span_is_free ? Ref<Range>{} : range_around(space, piece.start, piece.end);
  Spares spares;
  if (!around.is_none()) {
    if (obeys_cap && at_cap(space)) return Refusal::kNoMemory;
    const Outcome<Spares> reserved = reserve_split(cpu, around);
    if (!reserved) return reserved.refusal();
    spares = *reserved;
  }
  Ref<Range> fresh;
  if (!sides.left && !sides.right) {
    const Outcome<Ref<Range>> reserved = slab_.allocate<Range>(cpu);
    if (!reserved) {
      release(cpu, spares);
      return reserved.refusal();
    }
    fresh = *reserved;
  }
  if (!touching.span_is_free) remove_reserved(cpu, space, piece.start, piece.end, spares);
  insert(cpu, space, piece, touching, sides, fresh);
  return Done{};
}

//   AAA...BB    AAACCCBB      the span is empty; `fresh` is needed only if no side merges
// A left neighbour starts below the span, so that emptying the span never removed it. A right one may be the upper half
// of a range that was split, but then the left one is the lower half, and both sides merge or none.
template <class Geometry>
void Spaces<Geometry>::insert(CpuId cpu, Ref<Space> space, const Piece& piece, const Neighbours& touching,
                              MergeSides sides, Ref<Range> fresh) {
  RangeTree ranges = tree(space);
  ram().edit(space).total_pages += (piece.end - piece.start) / kPageBytes;
  if (sides.left) {
    const Ref<Range> left = touching.left_range;
    if (sides.right)
      absorb_right(cpu, space, left, ranges.next(left));
    else
      set_end(space, left, piece.end);
    return;
  }
  if (sides.right) {
    set_start(space, touching.right_range, piece.start);
    return;
  }
  fill(fresh, piece);
  ranges.insert(fresh);
  count_ranges(space, 1);
}

template <class Geometry>
Outcome<Done> Spaces<Geometry>::assume(CpuId cpu, Ref<Space> space, const MapRequest& request, bool gone) {
  return locked(cpu, space, [&] { return assume_locked(cpu, space, request, gone); });
}

template <class Geometry>
Outcome<Done> Spaces<Geometry>::assume_locked(CpuId cpu, Ref<Space> space, const MapRequest& request, bool gone) {
  if (fault_of(request, Layout::kEnd) != Refusal::kNone || offset_fault(request)) return Refusal::kInvalid;
  if (request.at % kPageBytes != 0 || request.at > Layout::kEnd || request.length > Layout::kEnd - request.at)
    return Refusal::kInvalid;
  const std::uint64_t end = request.at + round_up(request.length);
  if (gone) return remove(cpu, space, request.at, end, false);
  const Piece piece{.exists = true,
                    .start = request.at,
                    .end = end,
                    .offset = request.offset,
                    .attributes = attributes_of(request)};
  return put(cpu, space, piece, neighbours(space, piece.start, piece.end), {}, false);
}

template Outcome<std::uint64_t> Spaces<X86Geometry>::map(CpuId, Ref<Space>, MapRequest);
template Outcome<Done> Spaces<X86Geometry>::put(CpuId, Ref<Space>, const Piece&, const Neighbours&, MergeSides, bool);
template Spaces<X86Geometry>::Neighbours Spaces<X86Geometry>::neighbours(Ref<Space>, std::uint64_t, std::uint64_t);
template Outcome<Done> Spaces<X86Geometry>::assume(CpuId, Ref<Space>, const MapRequest&, bool);
template Outcome<std::uint64_t> Spaces<SmallGeometry>::map(CpuId, Ref<Space>, MapRequest);
template Outcome<Done> Spaces<SmallGeometry>::put(CpuId, Ref<Space>, const Piece&, const Neighbours&, MergeSides, bool);
template Spaces<SmallGeometry>::Neighbours Spaces<SmallGeometry>::neighbours(Ref<Space>, std::uint64_t, std::uint64_t);
template Outcome<Done> Spaces<SmallGeometry>::assume(CpuId, Ref<Space>, const MapRequest&, bool);

}  // namespace mmtwin::impl
