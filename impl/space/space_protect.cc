// Protecting: piece by piece up to the first hole, each piece joined with its neighbours or cut out of its range.

#include <algorithm>

#include "impl/space/spaces.h"

namespace mmtwin::impl {

template <class Geometry>
Outcome<Done> Spaces<Geometry>::protect(CpuId cpu, Ref<Space> space, std::uint64_t at, std::uint64_t length,
                                        Prot prot) {
  return locked(cpu, space, [&] { return protect_locked(cpu, space, at, length, prot); }).done;
}

template <class Geometry>
typename Spaces<Geometry>::Prefix Spaces<Geometry>::protect_locked(CpuId cpu, Ref<Space> space, std::uint64_t at,
                                                                   std::uint64_t length, Prot prot) {
  if (at % kPageBytes != 0) return {Refusal::kInvalid};
  if (length == 0) return {};
  const std::uint64_t end = at + round_up(length);
  if (end <= at) return {Refusal::kNoMemory};
  PendingFlush pending;
  Prefix prefix{.done = Done{}, .stopped_at = at};
  while (prefix.stopped_at < end && prefix.done.is_ok()) {
    const std::uint64_t from = prefix.stopped_at;
    const Ref<Range> r = tree(space).first_ending_after(from);
    if (r.is_none() || range(r).start > from) {
      prefix.done = Refusal::kNoMemory;
      break;
    }
    const std::uint64_t to = std::min(range(r).end, end);
    prefix.done = protect_piece(cpu, space, r, from, to, prot, pending);
    if (prefix.done) prefix.stopped_at = to;
  }
  // Also after a refusal: what lies before it has lost its rights.
  tables_.flush(cpu, tables_of(space), pending);
  return prefix;
}

template <class Geometry>
Outcome<Done> Spaces<Geometry>::protect_piece(CpuId cpu, Ref<Space> space, Ref<Range> r, std::uint64_t first,
                                              std::uint64_t end, Prot prot, PendingFlush& pending) {
  if (range(r).prot == prot) return Done{};
  const Piece before = piece_of(r);
  const RangeAttributes attributes = protected_attributes(before.attributes, before.family != 0, prot);
  const Outcome<Done> done = modify(cpu, space, r, first, end, attributes);
  if (!done) return done;
  if (before.family != 0 || before.attributes.file == 0)
    tables_.protect(cpu, tables_of(space), pages_between(first, end), prot, pending);
  return Done{};
}

// Linux vma_modify: merge if possible, else cut the piece out and change it.
template <class Geometry>
Outcome<Done> Spaces<Geometry>::modify(CpuId cpu, Ref<Space> space, Ref<Range> r, std::uint64_t first,
                                       std::uint64_t end, const RangeAttributes& attributes) {
  Piece piece = clipped(piece_of(r), first, end);
  piece.attributes = attributes;
  const Piece left = first == range(r).start ? piece_of(tree(space).prev(r)) : Piece{};
  const Piece right = end == range(r).end ? piece_of(tree(space).next(r)) : Piece{};
  const MergeSides sides = merge_sides(left, piece, right);
  if (!sides.left && !sides.right) return split_modified(cpu, space, r, piece);
  merge_modified(cpu, space, r, piece, sides);
  return Done{};
}

//   both    AAAbbbAAA  ->  AAAAAAAAA     the piece is its whole range, which goes, as does the right one
//   left    AAAbbbccc  ->  AAAAAAccc     the piece starts its range, or is all of it
//   right   cccbbbAAA  ->  cccAAAAAA     the piece ends its range, or is all of it
template <class Geometry>
void Spaces<Geometry>::merge_modified(CpuId cpu, Ref<Space> space, Ref<Range> r, const Piece& piece,
                                      MergeSides sides) {
  const bool is_whole = range(r).start == piece.start && range(r).end == piece.end;
  if (sides.left) {
    const Ref<Range> left = tree(space).prev(r);
    const Ref<Range> right = sides.right ? tree(space).next(r) : Ref<Range>{};
    if (is_whole)
      discard(cpu, space, r);
    else
      set_start(space, r, piece.end);
    set_end(space, left, piece.end);
    if (!right.is_none()) absorb_right(cpu, space, left, right);
    return;
  }
  const Ref<Range> right = tree(space).next(r);
  if (is_whole)
    discard(cpu, space, r);
  else
    set_end(space, r, piece.start);
  set_start(space, right, piece.start);
}

//   aaaaaaaaa  ->  aaabbbaaa
template <class Geometry>
Outcome<Done> Spaces<Geometry>::split_modified(CpuId cpu, Ref<Space> space, Ref<Range> r, const Piece& piece) {
  const bool cuts_below = range(r).start < piece.start, cuts_above = piece.end < range(r).end;
  if ((cuts_below || cuts_above) && at_cap(space)) return Refusal::kNoMemory;
  const bool second_exceeds_cap =
      cuts_below && cuts_above && at(space).range_count + 1 >= hardware_.machine().range_cap;
  // Both cuts are paid for before the first is made; a cut that the cap forbids is found out only after the first.
  Spares below, above;
  if (cuts_below) {
    const Outcome<Spares> reserved = reserve_split(cpu, r);
    if (!reserved) return reserved.refusal();
    below = *reserved;
  }
  if (cuts_above && !second_exceeds_cap) {
    const Outcome<Spares> reserved = reserve_split(cpu, r);
    if (!reserved) {
      release(cpu, below);
      return reserved.refusal();
    }
    above = *reserved;
  }
  Ref<Range> changed = r;
  if (cuts_below) changed = split(cpu, space, r, piece.start, below);
  if (second_exceeds_cap) return Refusal::kNoMemory;
  if (cuts_above) split(cpu, space, changed, piece.end, above);
  Range& e = ram().edit(changed);
  e.prot = piece.attributes.prot;
  e.accounted = piece.attributes.accounted;
  return Done{};
}

template Outcome<Done> Spaces<X86Geometry>::protect(CpuId, Ref<Space>, std::uint64_t, std::uint64_t, Prot);
template Outcome<Done> Spaces<SmallGeometry>::protect(CpuId, Ref<Space>, std::uint64_t, std::uint64_t, Prot);

}  // namespace mmtwin::impl
