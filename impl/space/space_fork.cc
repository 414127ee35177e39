// Fork: the child has the same ranges, shares the parent's pages, and nobody may write them until they are copied.

#include "impl/space/spaces.h"

namespace mmtwin::impl {

template <class Geometry>
Outcome<Ref<Space>> Spaces<Geometry>::fork(CpuId cpu, Ref<Space> parent) {
  return locked(cpu, parent, [&] { return fork_locked(cpu, parent); });
}

template <class Geometry>
Outcome<Ref<Space>> Spaces<Geometry>::fork_locked(CpuId cpu, Ref<Space> parent) {
  const Outcome<Ref<Space>> child = create(cpu, at(parent).heap_start, at(parent).top);
  if (!child) return child;
  ram().edit(*child).heap_end = at(parent).heap_end;
  PendingFlush pending;
  const Outcome<Done> done = fork_ranges(cpu, parent, *child, pending);
  // Also after a refusal: entries of the parent may have lost the right to write.
  tables_.flush(cpu, tables_of(parent), pending);
  if (done) return child;
  // Nobody else knows the child: it needs no lock.
  discard_space(cpu, *child);
  return done.refusal();
}

template <class Geometry>
Outcome<Done> Spaces<Geometry>::fork_ranges(CpuId cpu, Ref<Space> parent, Ref<Space> child, PendingFlush& pending) {
  const RangeTree originals = tree(parent);
  for (Ref<Range> r = originals.first(); !r.is_none(); r = originals.next(r)) {
    const Outcome<Done> done = fork_range(cpu, child, r, parent, pending);
    if (!done) return done;
  }
  return Done{};
}

// Only ranges with a family have pages that the child could not make itself: what was merely read is zero anyway.
template <class Geometry>
Outcome<Done> Spaces<Geometry>::fork_range(CpuId cpu, Ref<Space> child, Ref<Range> original, Ref<Space> parent,
                                           PendingFlush& pending) {
  const Outcome<Ref<Range>> copy = slab_.allocate<Range>(cpu);
  if (!copy) return copy.refusal();
  const Piece piece = piece_of(original);
  fill(*copy, piece);
  if (piece.family != 0) {
    const Outcome<Done> inherited = families_.inherit(cpu, *copy, original);
    if (!inherited) {
      slab_.free(cpu, *copy);
      return inherited;
    }
  }
  tree(child).insert(*copy);
  Space& c = ram().edit(child);
  ++c.range_count;
  c.total_pages += (piece.end - piece.start) / kPageBytes;
  if (piece.family == 0) return Done{};
  return tables_.copy(cpu, tables_of(parent), tables_of(child), pages_between(piece.start, piece.end), pending);
}

template Outcome<Ref<Space>> Spaces<X86Geometry>::fork(CpuId, Ref<Space>);
template Outcome<Ref<Space>> Spaces<SmallGeometry>::fork(CpuId, Ref<Space>);

}  // namespace mmtwin::impl
