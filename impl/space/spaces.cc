#include "impl/space/spaces.h"

#include <algorithm>
#include <cinttypes>

namespace mmtwin::impl {

template <class Geometry>
Spaces<Geometry>::Spaces(Hardware& hardware, Slab& slab, LoadedTables<Geometry>& loaded, PageTables<Geometry>& tables,
                         Families& families)
    : hardware_(hardware), slab_(slab), loaded_(loaded), tables_(tables), families_(families) {}

template <class Geometry>
Outcome<Ref<Space>> Spaces<Geometry>::create(CpuId cpu, std::uint64_t heap_start, std::uint64_t top) {
  const Outcome<Ref<Space>> space = slab_.allocate<Space>(cpu);
  if (!space) return space.refusal();
  const Outcome<Done> made = tables_.create(cpu, tables_of(*space));
  if (!made) {
    slab_.free(cpu, *space);
    return made.refusal();
  }
  Space& s = ram().edit(*space);
  s.ranges = {};
  s.total_pages = 0;
  s.heap_start = s.heap_end = heap_start == 0 ? Layout::kBreak : heap_start;
  s.top = top == 0 ? Layout::kTop : top;
  s.range_count = 0;
  s.killed = 0;
  s.lock = {};
  return *space;
}

template <class Geometry>
void Spaces<Geometry>::exit(CpuId cpu, Ref<Space> space) {
  if (at(space).killed == 0) {
    const LockGuard guard(hardware_, cpu, LockClass::kSpace, space.offset, ram().edit(space).lock);
    end_ranges(cpu, space);
    hardware_.commit(cpu, Refusal::kNone);
  }
  slab_.free(cpu, space);
}

template <class Geometry>
void Spaces<Geometry>::discard_space(CpuId cpu, Ref<Space> space) {
  end_ranges(cpu, space);
  slab_.free(cpu, space);
}

template <class Geometry>
Refusal Spaces<Geometry>::kill(CpuId cpu, Ref<Space> space) {
  const LockGuard guard(hardware_, cpu, LockClass::kSpace, space.offset, ram().edit(space).lock);
  const Refusal answer = is_killed(space) ? Refusal::kKilled : Refusal::kOom;
  if (answer == Refusal::kOom) end(cpu, space);
  hardware_.commit(cpu, answer);
  return answer;
}

template <class Geometry>
void Spaces<Geometry>::end(CpuId cpu, Ref<Space> space) {
  hardware_.emit({.kind = EventKind::kSpaceKilled, .cpu = cpu, .frame = Pfn(at(space).tables.root)});
  end_ranges(cpu, space);
  touches(&at(space).killed, true, Point::kTouchSequence);
  store_relaxed(ram().edit(space).killed, std::uint32_t{1});
}

template <class Geometry>
void Spaces<Geometry>::end_ranges(CpuId cpu, Ref<Space> space) {
  loaded_.expel(cpu, tables_of(space));
  tables_.destroy(cpu, tables_of(space));
  discard_below(cpu, at(space).ranges.root);
  Space& s = ram().edit(space);
  s.ranges = {};
  s.range_count = 0;
  s.total_pages = 0;
}

// The whole subtree at once: no tree is left to be kept in balance.
template <class Geometry>
void Spaces<Geometry>::discard_below(CpuId cpu, Ref<Range> top) {
  if (top.is_none()) return;
  const Ref<Range> left = range(top).left, right = range(top).right;
  discard_below(cpu, left);
  families_.leave(cpu, top);
  slab_.free(cpu, top);
  discard_below(cpu, right);
}

template <class Geometry>
Piece Spaces<Geometry>::piece_of(Ref<Range> at) const {
  if (at.is_none()) return {};
  const Range& r = range(at);
  return {.exists = true,
          .start = r.start,
          .end = r.end,
          .offset = r.offset,
          .attributes = {r.prot, r.flags, r.accounted != 0, r.file},
          .family = r.family.offset,
          .links = r.links};
}

// All but links of the tree.
template <class Geometry>
void Spaces<Geometry>::fill(Ref<Range> fresh, const Piece& piece) {
  Range& r = ram().edit(fresh);
  r = {};
  r.start = piece.start;
  r.end = piece.end;
  r.offset = piece.offset;
  r.file = piece.attributes.file;
  r.prot = piece.attributes.prot;
  r.flags = piece.attributes.flags;
  r.accounted = piece.attributes.accounted;
}

template <class Geometry>
Outcome<typename Spaces<Geometry>::Spares> Spaces<Geometry>::reserve_split(CpuId cpu, Ref<Range> split) {
  const Outcome<Ref<Range>> fresh = slab_.allocate<Range>(cpu);
  if (!fresh) return fresh.refusal();
  const Outcome<Ref<FamilyLink>> links = families_.reserve(cpu, range(split).links);
  if (!links) {
    slab_.free(cpu, *fresh);
    return links.refusal();
  }
  return Spares{*fresh, *links};
}

template <class Geometry>
void Spaces<Geometry>::release(CpuId cpu, const Spares& spares) {
  families_.release(cpu, spares.links);
  if (!spares.range.is_none()) slab_.free(cpu, spares.range);
}

template <class Geometry>
Ref<Range> Spaces<Geometry>::split(CpuId cpu, Ref<Space> space, Ref<Range> lower, std::uint64_t at,
                                   const Spares& spares) {
  const Piece whole = piece_of(lower);
  fill(spares.range, clipped(whole, at, whole.end));
  families_.copy(cpu, spares.range, lower, spares.links);
  set_end(space, lower, at);
  tree(space).insert(spares.range);
  count_ranges(space, 1);
  return spares.range;
}

template <class Geometry>
void Spaces<Geometry>::set_start(Ref<Space> space, Ref<Range> r, std::uint64_t start) {
  Range& e = ram().edit(r);
  e.offset += start - e.start;
  e.start = start;
  tree(space).bounds_changed(r);
}

template <class Geometry>
void Spaces<Geometry>::set_end(Ref<Space> space, Ref<Range> r, std::uint64_t end) {
  ram().edit(r).end = end;
  tree(space).bounds_changed(r);
}

template <class Geometry>
void Spaces<Geometry>::discard(CpuId cpu, Ref<Space> space, Ref<Range> r) {
  tree(space).remove(r);
  count_ranges(space, -1);
  families_.leave(cpu, r);
  slab_.free(cpu, r);
}

template <class Geometry>
void Spaces<Geometry>::absorb_right(CpuId cpu, Ref<Space> space, Ref<Range> left, Ref<Range> right) {
  const std::uint64_t end = range(right).end;
  // Moved rather than copied: Linux clones the chain and then drops the original's.
  if (range(left).family.is_none() && !range(right).family.is_none()) families_.move(cpu, left, right);
  discard(cpu, space, right);
  set_end(space, left, end);
}

template <class Geometry>
bool Spaces<Geometry>::is_free(Ref<Space> space, std::uint64_t first, std::uint64_t end) {
  const Ref<Range> found = tree(space).first_ending_after(first);
  return found.is_none() || range(found).start >= end;
}

template <class Geometry>
void Spaces<Geometry>::dump(Ref<Space> space, std::FILE* to) {
  const Space& s = at(space);
  std::fprintf(to, "space 0x%" PRIx64 "%s ranges %u pages %" PRIu64, space.offset, s.killed != 0 ? " killed" : "",
               s.range_count, s.total_pages);
  std::fprintf(to, " heap 0x%" PRIx64 "-0x%" PRIx64 " top 0x%" PRIx64 "\n", s.heap_start, s.heap_end, s.top);
  if (s.killed != 0) return;
  tree(space).dump(to);
  tables_.dump(tables_of(space), to);
}

template <class Geometry>
void Spaces<Geometry>::audit(Audit& audit, Ref<Space> space) {
  const Space& s = at(space);
  audit.claim(tree(space).audit(audit) == s.range_count, "ACCT-2: a space counts its ranges");
  std::uint64_t pages = 0;
  for (Ref<Range> r = tree(space).first(); !r.is_none() && audit.is_clean(); r = tree(space).next(r)) {
    pages += (range(r).end - range(r).start) / kPageBytes;
    audit.claim(range(r).end <= Layout::kEnd, "VMA-1: ranges lie in the user half");
    families_.audit(audit, r);
  }
  audit.claim(pages == s.total_pages, "ACCT-2: a space counts its pages");
  if (audit.is_clean()) tables_.audit(audit, tables_of(space));
}

template class Spaces<X86Geometry>;
template class Spaces<SmallGeometry>;

}  // namespace mmtwin::impl
