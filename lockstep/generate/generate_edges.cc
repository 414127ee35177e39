// Scenes at the edges of capacities: a low top, the cap of ranges, a full flush batch, no memory left, several slab
// frames.
#include <algorithm>
#include <utility>

#include "lockstep/generate/generate.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

constexpr Prot kReadWrite = kProtRead | kProtWrite;
constexpr std::uint64_t kLowest = 0x10000;  // no mapping lies below

ByteCount bytes_of(std::uint64_t pages) { return ByteCount(pages * kPageBytes); }
Place page_at(std::uint64_t start, std::uint64_t number) { return {AddressHandle(), start + number * kPageBytes}; }

}  // namespace

// Little lies below the top, and most of it is taken: mappings without a hint fill the holes, the highest that fits
// first.
void Generator::dense_below_top() {
  const unsigned number = known_.free_handle(SpaceHandle::kLetter);
  if (number == 0) return at_the_edges();
  const SpaceHandle space(number);
  const CpuId on = cpu();
  const std::uint64_t pages = random_.between(6, 24);
  emit(SpaceCreate{on, {}, Address(kLowest + pages * kPageBytes), Fresh<SpaceHandle::kLetter>(number)});
  for (std::uint64_t at = random_.below(3); at < pages;) {
    const std::uint64_t length = std::min(random_.between(1, 3), pages - at);
    const Prot prot = random_.percent(50) ? kReadWrite : kProtRead;
    emit(RangeMapAnon{on, space, page_at(kLowest, at), bytes_of(length), prot, kMapFixed, {}});
    at += length + random_.below(4);
  }
  const std::uint64_t tries = random_.between(2, 6);
  for (std::uint64_t i = 0; i < tries; ++i) {
    const bool digs = random_.percent(35);
    if (digs) emit(RangeUnmap{on, space, page_at(kLowest, random_.below(pages)), bytes_of(random_.between(1, 2))});
    const Prot prot = random_.percent(50) ? kReadWrite : kProtRead;
    const unsigned result = random_.percent(50) ? known_.free_handle(AddressHandle::kLetter) : 0;
    emit(RangeMapAnon{on, space, {}, bytes_of(random_.between(1, 4)), prot, {}, Fresh<AddressHandle::kLetter>(result)});
  }
}

// What changes ranges, each where its answer changes, or what it merges or splits, with stores and loads between.
void Generator::at_the_edges() {
  constexpr std::size_t kKinds[] = {kKindOf<RangeMapAnon>, kKindOf<RangeMapAnon>, kKindOf<RangeUnmap>,
                                    kKindOf<RangeProtect>, kKindOf<RangeBrk>,     kKindOf<RangeMapFile>};
  const std::uint64_t steps = random_.between(1, 3);
  for (std::uint64_t i = 0; i < steps; ++i) {
    emit_edge(random_.pick(kKinds));
    SpaceHandle space;
    const KnownRange* const touched = random_.percent(50) ? some_memory(space) : nullptr;
    if (touched != nullptr) store_to(space, KnownRange(*touched), cpu());
    if (random_.percent(20)) emit_edge(random_.percent(50) ? kKindOf<MemoryLoad> : kKindOf<MemoryStore>);
  }
}

// A space gets as many ranges as it may have, or one less; what comes then may need one more.
void Generator::up_to_the_cap() {
  const std::uint64_t cap = known_.machine().range_cap;
  const KnownSpace* const found = some_space();
  if (found == nullptr || cap > 40) return at_the_edges();
  const SpaceHandle space(found->number);
  const std::uint64_t heap = found->heap, wanted = cap - random_.below(2);
  const CpuId on = cpu();
  if (random_.percent(50)) emit(RangeBrk{on, space, page_at(heap, random_.between(3, 6))});
  for (std::uint64_t n = 0; n < cap && known_.contract().ranges(space).all().size() < wanted; ++n) {
    const Prot prot = n % 2 == 0 ? kReadWrite : kProtRead;
    emit(RangeMapAnon{on, space, page_at(window_, 2 * n), bytes_of(random_.between(1, 2)), prot, kMapFixed, {}});
  }
  const std::uint64_t moves = random_.between(1, 2);
  for (std::uint64_t i = 0; i < moves; ++i) {
    if (random_.percent(40)) emit(RangeProtect{on, space, page_at(heap, random_.below(4)), bytes_of(1), kProtRead});
    if (random_.percent(60)) emit(RangeBrk{on, space, page_at(heap, random_.below(7))});
    at_the_edges();
  }
}

// More touched pages than one flush takes, seen by another CPU, and all taken away at once.
void Generator::more_than_a_batch() {
  const KnownSpace* found = some_space();
  const std::uint64_t batch = known_.machine().flush_batch;
  if (found == nullptr || batch > 12 || known_.frames_free() < 3 * batch) return touch();
  const SpaceHandle space(found->number);
  const CpuId here = cpu(), there = cpu();
  const std::uint64_t pages = batch + random_.between(1, batch + 1);
  emit(RangeMapAnon{here, space, page_at(window_, 0), bytes_of(pages), kReadWrite, kMapFixed, {}});
  for (std::uint64_t n = 0; n < pages; ++n)
    emit(MemoryStore{here, space, page_at(window_, n), Width(1), Value(n + 1)});
  emit(MemoryLoad{there, space, page_at(window_, random_.below(pages)), Width(1)});
  if (random_.percent(25)) emit_kind(kKindOf<SpaceFork>);
  if (random_.percent(60)) emit(MemoryLoad{there, space, page_at(window_, pages - 1), Width(1)});
  const std::uint64_t first = random_.below(2);
  const ByteCount rest = bytes_of(pages - first);
  switch (random_.below(4)) {
    case 0: emit(RangeMapAnon{here, space, page_at(window_, first), rest, kReadWrite, kMapFixed, {}}); break;
    case 1: emit(SpaceExit{here, space}); break;
    default: emit(RangeUnmap{here, space, page_at(window_, first), rest}); break;
  }
  if (random_.percent(60)) emit(MemoryLoad{there, space, page_at(window_, pages - 1), Width(1)});
}

// Nothing is left, and several threads of one space want a page each.
void Generator::faults_without_memory() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const KnownRange range = *found;
  const unsigned usual = std::exchange(pauses_, 0);
  for (unsigned order = known_.machine().top_order + 1; order-- > 0;) {
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned block = known_.free_handle(BlockHandle::kLetter);
      if (block == 0 || known_.frames_free() < std::uint64_t{1} << order) break;
      emit(PagesAlloc{cpu(), Order(order), kGfpWait | kGfpMovable, kAnyNode, Fresh<BlockHandle::kLetter>(block)});
    }
  }
  const std::uint64_t threads = random_.between(2, 4);
  for (std::uint64_t i = 0; i < threads; ++i) {
    constexpr Point kOnTheWay[] = {Point::kFault, Point::kPagesWait, Point::kSpaceTake, Point::kPagesTake};
    const bool pauses = usual != 0 && random_.percent(60);
    const Pause pause = pauses ? Pause{random_.pick(kOnTheWay), 1} : Pause{};
    const Place at = range.place(random_.below(std::max<std::uint64_t>(range.length / kPageBytes, 1)) * kPageBytes);
    emit_paused(MemoryStore{cpu(), space, at, Width(1), Value(i + 1)}, pause);
  }
  if (random_.percent(50)) emit(MemoryLoad{cpu(), space, range.at, Width(1)});
  pauses_ = usual;
  if (random_.percent(80)) give_back();
}

// Ranges that do not merge, until their objects fill several slab frames; some of each go, others come.
void Generator::several_slab_frames() {
  const KnownSpace* found = some_space();
  const std::uint64_t room = known_.machine().slab_objects;
  if (found == nullptr || room == 0 || room > 8) return at_the_edges();
  const SpaceHandle space(found->number);
  const CpuId on = cpu();
  const std::uint64_t count = std::min<std::uint64_t>(3 * room, known_.machine().range_cap);
  const auto map = [&](std::uint64_t n) {
    emit(RangeMapAnon{on, space, page_at(window_, 2 * n), bytes_of(1), kReadWrite, kMapFixed, {}});
  };
  for (std::uint64_t n = 0; n < count; ++n) map(n);
  for (std::uint64_t n = random_.below(2); n < count; n += random_.between(1, room + 1)) {
    emit(RangeUnmap{on, space, page_at(window_, 2 * n), bytes_of(1)});
    if (random_.percent(40)) map(random_.below(count));
  }
  if (random_.percent(30)) emit(SlabShrink{cpu(), {}});
}

// A CPU walks ahead of its program and stops in the middle; the page goes away meanwhile.
void Generator::speculation_beside_unmap() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const Place at = found->place(0);
  const unsigned usual = std::exchange(pauses_, 0);
  const CpuId reader = cpu(), writer = cpu();
  emit(MemoryStore{writer, space, at, Width(1), Value(1)});
  emit(CpuSwitchSpace{reader, space});
  emit_paused(CpuSpeculate{reader, at}, {Point::kWalkMark, static_cast<std::uint8_t>(random_.between(1, 4))});
  emit(random_.percent(60) ? Operation(RangeUnmap{writer, space, at, bytes_of(1)}) : taking_away(writer, space, at));
  emit(Resume{reader});
  if (random_.percent(50)) emit(MemoryLoad{reader, space, at, Width(1)});
  pauses_ = usual;
}

// The first store to a range makes its family; meanwhile the range is split, goes, or is forked, or a child that
// shares the family ends.
void Generator::family_dropped_beside_a_first_store() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  const unsigned child = known_.free_handle(SpaceHandle::kLetter);
  if (found == nullptr || child == 0) return touch();
  const KnownRange range = *found;
  const unsigned usual = std::exchange(pauses_, 0);
  const CpuId first = cpu(), second = cpu();
  const bool is_forked = random_.percent(60);
  if (is_forked) {
    if (random_.percent(70)) store_to(space, range, first);
    emit(SpaceFork{first, space, Fresh<SpaceHandle::kLetter>(child)});
  }
  const SpaceHandle storer = is_forked && random_.percent(60) ? SpaceHandle(child) : space;
  constexpr Point kOnTheWay[] = {Point::kFamilyTake, Point::kFamilyRelease, Point::kSlabTake, Point::kPagesTake,
                                 Point::kSlabRelease, Point::kTablesTake};
  emit_paused(MemoryStore{first, storer, range.at, Width(1), Value(5)},
              {random_.pick(kOnTheWay), static_cast<std::uint8_t>(random_.between(1, 3))});
  const SpaceHandle other = is_forked && random_.percent(60) ? (storer == space ? SpaceHandle(child) : space) : storer;
  switch (random_.below(4)) {
    case 0: emit(SpaceExit{second, other}); break;
    case 1: emit(RangeProtect{second, other, range.at, bytes_of(1), kProtRead}); break;
    case 2: emit_kind(kKindOf<SpaceFork>); break;
    default: emit(RangeUnmap{second, other, range.at, ByteCount(range.length)}); break;
  }
  emit(Resume{first});
  pauses_ = usual;
}

}  // namespace mmtwin::lockstep
