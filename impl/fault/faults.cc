#include "impl/fault/faults.h"

#include "impl/platform/lock_guard.h"

namespace mmtwin::impl {
namespace {

// A page is readable if the range gives any right at all: x86 cannot write or execute without reading.
bool allows(Prot prot, Access access) {
  switch (access) {
    case Access::kLoad:
      return !prot.empty();
    case Access::kStore:
      return prot.has(kProtWrite);
    case Access::kFetch:
      return prot.has(kProtExec);
  }
  return false;
}

}  // namespace

template <class Geometry>
Outcome<Done> Faults<Geometry>::handle(CpuId cpu, Ref<Space> space, Vpn page, Access access) {
  const Outcome<Done> done = handle_locked(cpu, space, page, access);
  if (!done && done.refusal() == Refusal::kOom) return spaces_.kill(cpu, space);
  return done;
}

template <class Geometry>
Outcome<Done> Faults<Geometry>::handle_locked(CpuId cpu, Ref<Space> space, Vpn page, Access access) {
  const LockGuard guard(hardware_, cpu, LockClass::kSpace, space.offset, hardware_.ram().edit(space).lock);
  const Outcome<Done> done = spaces_.is_killed(space) ? Refusal::kKilled : resolve(cpu, space, page, access);
  // A refused access counts here; one that has found no memory when its space is ended.
  if (!done && done.refusal() != Refusal::kOom) hardware_.commit(cpu, done.refusal());
  return done;
}

template <class Geometry>
Outcome<Done> Faults<Geometry>::resolve(CpuId cpu, Ref<Space> space, Vpn page, Access access) {
  const std::uint64_t address = address_of(page).raw();
  const Ref<Range> found = spaces_.tree(space).find(address);
  if (found.is_none() || hardware_.ram().at(found).start > address) return Refusal::kSegvMapErr;
  const Range& range = hardware_.ram().at(found);
  if (!allows(range.prot, access)) return Refusal::kSegvAccErr;
  if (range.file != 0) return Refusal::kBus;
  if (access == Access::kStore) return store(cpu, space, found, page);
  return read(cpu, space, page, range.prot);
}

template <class Geometry>
Outcome<Done> Faults<Geometry>::read(CpuId cpu, Ref<Space> space, Vpn page, Prot prot) {
  const LeafPlace place = tables_.find(tables_of(space), page);
  if (!is_present(place.entry)) return tables_.map(cpu, tables_of(space), place, page, zero_leaf(zero_page_, prot));
  // The range got rights that the entry was not given at once: those to read and fetch need no copy.
  const std::uint64_t kept = is_writable(place.entry) ? kAllRights | kEntryNoExecute : kEntryUser | kEntryNoExecute;
  const std::uint64_t entry = with_rights(place.entry, rights_of(prot) & kept);
  if (entry != place.entry) tables_.widen(cpu, place, page, entry);
  return Done{};
}

template <class Geometry>
Outcome<Done> Faults<Geometry>::store(CpuId cpu, Ref<Space> space, Ref<Range> found, Vpn page) {
  if (hardware_.ram().at(found).family.is_none()) {
    const Outcome<Done> done = families_.found(cpu, found, family_to_share(space, found));
    if (!done) return done;
  }
  const Prot prot = hardware_.ram().at(found).prot;
  const LeafPlace place = tables_.find(tables_of(space), page);
  if (is_present(place.entry) && !is_special(place.entry)) return store_to_page(cpu, space, place, page, prot);
  const Outcome<Pfn> fresh = pages_.make_zeroed(cpu);
  if (!fresh) return fresh.refusal();
  if (is_present(place.entry)) {
    tables_.replace(cpu, tables_of(space), place, page, written_leaf(*fresh, prot));
    return Done{};
  }
  const Outcome<Done> mapped = tables_.map(cpu, tables_of(space), place, page, written_leaf(*fresh, prot));
  if (!mapped) pages_.drop(cpu, *fresh);
  return mapped;
}

// Copy on write, or reuse of a page that nobody else maps.
template <class Geometry>
Outcome<Done> Faults<Geometry>::store_to_page(CpuId cpu, Ref<Space> space, const LeafPlace& place, Vpn page,
                                              Prot prot) {
  const Pfn original(frame_of(place.entry));
  if (pages_.may_reuse(original)) {
    pages_.claim(original);
    const std::uint64_t entry = with_rights(place.entry, rights_of(prot)) | kEntryAccessed | kEntryDirty;
    if (entry != place.entry) tables_.widen(cpu, place, page, entry);
    return Done{};
  }
  const Outcome<Pfn> fresh = pages_.make_copy(cpu, original);
  if (!fresh) return fresh.refusal();
  tables_.replace(cpu, tables_of(space), place, page, written_leaf(*fresh, prot));
  pages_.drop(cpu, original);
  return Done{};
}

// Linux find_mergeable_anon_vma: the next range's family, else the previous one's.
template <class Geometry>
Ref<Family> Faults<Geometry>::family_to_share(Ref<Space> space, Ref<Range> found) {
  const RangeTree tree = spaces_.tree(space);
  const Piece piece = spaces_.piece_of(found);
  const Piece next = spaces_.piece_of(tree.next(found));
  if (may_share_family(piece, next, next)) return {next.family};
  const Piece prev = spaces_.piece_of(tree.prev(found));
  if (may_share_family(prev, piece, prev)) return {prev.family};
  return {};
}

template class Faults<X86Geometry>;
template class Faults<SmallGeometry>;

}  // namespace mmtwin::impl
