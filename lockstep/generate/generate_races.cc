// The scenes of races: an operation pauses on its way, others that want the same page, family or zone run meanwhile, it
// goes on.
#include <algorithm>
#include <span>
#include <utility>

#include "lockstep/generate/aim.h"
#include "lockstep/generate/generate.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

constexpr Prot kReadWrite = kProtRead | kProtWrite;

// Points that operations pass. At any other they would not stop.
constexpr Point kOfAccess[] = {Point::kFault,      Point::kWalkMark,      Point::kSpaceTake,     Point::kSpaceRelease,
                               Point::kPagesTake,  Point::kEntryExchange, Point::kTablesLoad,    Point::kTablesFlush,
                               Point::kTablesTake, Point::kInterruptWait, Point::kMappingRemove, Point::kFramePut,
                               Point::kPageMark,   Point::kTouchEntry,    Point::kTouchFreelist, Point::kTouchCount,
                               Point::kTouchDescriptor, Point::kTouchSequence};
constexpr Point kOfChange[] = {Point::kSpaceTake,   Point::kSpaceRelease,  Point::kEntryExchange, Point::kTablesTake,
                               Point::kTablesRelease, Point::kTablesFlush, Point::kInterruptWait, Point::kMappingRemove,
                               Point::kFramePut,    Point::kFamilyTake,    Point::kFamilyRelease, Point::kSlabTake,
                               Point::kTablesLoad,  Point::kVisitWait,     Point::kTouchEntry,   Point::kTouchFreelist,
                               Point::kTouchCount,  Point::kTouchSequence};
constexpr Point kOfFork[] = {Point::kSpaceTake,  Point::kEntryExchange, Point::kFrameGet,   Point::kMappingAdd,
                             Point::kPageMark,   Point::kTablesTake,    Point::kFamilyTake, Point::kFamilyRelease,
                             Point::kTablesFlush, Point::kInterruptWait, Point::kPagesTake,  Point::kContextTake,
                             Point::kTouchEntry,  Point::kTouchDescriptor, Point::kTouchCount, Point::kTouchSequence};

std::span<const Point> points_of(const Operation& operation) {
  const bool is_access = std::holds_alternative<MemoryLoad>(operation) ||
                         std::holds_alternative<MemoryStore>(operation) ||
                         std::holds_alternative<MemoryFetch>(operation);
  if (is_access) return kOfAccess;
  if (std::holds_alternative<SpaceFork>(operation)) return kOfFork;
  return kOfChange;
}

}  // namespace

// A pause at which the CPU may run another operation.
Pause Generator::preemption() {
  for (;;) {
    const auto point = static_cast<Point>(random_.between(1, kPoints.size() - 1));
    if (is_preemptible(point)) return pause_at(random_, point);
  }
}

Pause Generator::on_the_way_of(const Operation& operation) {
  const std::span<const Point> points = points_of(operation);
  if (random_.percent(75)) return pause_at(random_, points[random_.below(points.size())]);
  return pause_anywhere(random_);
}

void Generator::emit_paused(const Operation& operation, Pause pause) {
  const std::size_t before = into_->size();
  emit(operation);
  if (into_->size() != before) std::visit([&](auto& op) { op.pause = pause; }, into_->back());
}

// One of the operations that race for a page.
Operation Generator::rival(CpuId on, SpaceHandle space, const Place& at) {
  const ByteCount page(kPageBytes);
  const Prot less[] = {kProtRead, kProtNone, kReadWrite};
  // Different bytes: what one CPU stores, another may lose.
  const Place byte{at.base, at.offset + 8 * random_.below(4)};
  switch (random_.below(8)) {
    case 0: return MemoryLoad{on, space, byte, Width(1)};
    case 1:
    case 2: return MemoryStore{on, space, byte, Width(1), Value(random_.between(1, 255))};
    case 3: return RangeUnmap{on, space, at, page};
    case 4: return RangeProtect{on, space, at, page, random_.pick(less)};
    case 5: return RangeMapAnon{on, space, at, page, kReadWrite, kMapFixed, {}};
    case 6: return CpuSwitchSpace{on, random_.percent(50) ? space : SpaceHandle()};
    default: break;
  }
  const unsigned child = known_.free_handle(SpaceHandle::kLetter);
  if (child == 0) return SpaceExit{on, space};
  return SpaceFork{on, space, Fresh<SpaceHandle::kLetter>(child)};
}

// A page that one or two spaces have: an operation on it pauses, others run, on its own CPU too, it goes on, perhaps to
// the next pause.
void Generator::race() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const KnownRange range = *found;
  const std::uint64_t pages = std::clamp<std::uint64_t>(range.length / kPageBytes, 1, 16);
  const Place at = range.place(random_.below(pages) * kPageBytes);
  const unsigned usual = std::exchange(pauses_, 0);
  emit(MemoryStore{cpu(), space, at, Width(1), Value(1)});
  SpaceHandle other = space;
  const unsigned child = known_.free_handle(SpaceHandle::kLetter);
  if (child != 0 && random_.percent(50)) {
    other = SpaceHandle(child);
    emit(SpaceFork{cpu(), space, Fresh<SpaceHandle::kLetter>(child)});
  }
  if (random_.percent(60)) emit(MemoryLoad{cpu(), random_.percent(50) ? space : other, at, Width(1)});
  const CpuId first = cpu();
  const bool preempts = random_.percent(25);
  const Operation slow = rival(first, random_.percent(60) ? space : other, at);
  emit_paused(slow, preempts ? preemption() : on_the_way_of(slow));
  const std::uint64_t rivals = random_.between(1, 3);
  for (std::uint64_t i = 0; i < rivals; ++i) {
    pauses_ = preempts && random_.percent(50) ? 60 : usual;
    emit(rival(preempts && random_.percent(80) ? first : cpu(), random_.percent(50) ? space : other, at));
  }
  pauses_ = usual;
  emit(Resume{first, Switch(random_.percent(preempts ? 50 : 10) ? 1 : 0)});
  if (random_.percent(40)) emit(MemoryLoad{cpu(), other, at, Width(8)});
}

// A CPU keeps a page cached that another one replaces by a copy; before that one's flush is over a third one stores,
// and the first reads.
void Generator::replaced_under_a_reader() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const Place at = found->place(0);
  const unsigned usual = std::exchange(pauses_, 0);
  const CpuId reader = cpu(), first = cpu(), second = cpu();
  if (random_.percent(60)) {  // else the zero page is what is replaced
    emit(MemoryStore{first, space, at, Width(1), Value(1)});
    (void)fork(first, space, Pause{});
  }
  emit(MemoryLoad{reader, space, at, Width(1)});
  const Point waits[] = {Point::kInterruptWait, Point::kTablesFlush, Point::kVisitWait};
  emit_paused(MemoryStore{first, space, at, Width(1), Value(2)}, {random_.pick(waits), 1});
  emit(MemoryStore{second, space, at, Width(1), Value(3)});
  emit(MemoryLoad{reader, space, at, Width(1)});
  pauses_ = usual;
  emit(Resume{first});
}

// A child has its pages with A clear: the first walk marks an entry that an operation has read and not changed yet.
void Generator::walk_beside_a_change() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const Place at = found->place(0);
  const unsigned usual = std::exchange(pauses_, 0);
  const CpuId walker = cpu(), changer = cpu();
  emit(MemoryStore{changer, space, at, Width(1), Value(1)});
  const SpaceHandle child = fork(changer, space, Pause{});
  if (!child.is_none()) space = child;
  emit_paused(taking_away(changer, space, at), {Point::kEntryExchange, 1});
  emit(MemoryLoad{walker, space, at, Width(1)});
  pauses_ = usual;
  emit(Resume{changer});
}

Operation Generator::taking_away(CpuId on, SpaceHandle space, const Place& at) {
  const ByteCount page(kPageBytes);
  switch (random_.below(4)) {
    case 0: return RangeUnmap{on, space, at, page};
    case 1: return RangeProtect{on, space, at, page, random_.percent(50) ? kProtRead : kReadWrite};
    case 2: return RangeMapAnon{on, space, at, page, kReadWrite, kMapFixed, {}};
    default: return MemoryStore{on, space, at, Width(1), Value(2)};
  }
}

// A page that two spaces share since a fork is taken away from one; the other one, and a CPU that may have it cached,
// go on with it before everybody has been told.
void Generator::shared_page_taken_away() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  const unsigned child = known_.free_handle(SpaceHandle::kLetter);
  if (found == nullptr || child == 0) return touch();
  const Place at = found->place(0);
  const unsigned usual = std::exchange(pauses_, 0);
  emit(MemoryStore{cpu(), space, at, Width(1), Value(1)});
  emit(SpaceFork{cpu(), space, Fresh<SpaceHandle::kLetter>(child)});
  const bool is_child = random_.percent(60);
  const SpaceHandle loser = is_child ? SpaceHandle(child) : space, other = is_child ? space : SpaceHandle(child);
  const CpuId reader = cpu(), writer = cpu();
  const std::uint64_t caches = random_.below(3);  // all of it, what a walk that is under way has passed, or nothing
  if (caches == 0) emit(MemoryLoad{reader, loser, at, Width(1)});
  if (caches == 1) {
    emit(CpuSwitchSpace{reader, loser});
    emit_paused(CpuSpeculate{reader, at}, {Point::kWalkMark, static_cast<std::uint8_t>(random_.between(1, 4))});
  }
  constexpr Point kOnTheWay[] = {Point::kEntryExchange, Point::kMappingRemove, Point::kFramePut,
                                 Point::kTablesFlush,   Point::kInterruptWait, Point::kWalkMark};
  emit_paused(taking_away(writer, loser, at), {random_.pick(kOnTheWay), 1});
  const unsigned acts = static_cast<unsigned>(random_.between(1, 7));
  if ((acts & 1) != 0) emit(MemoryLoad{reader, loser, at, Width(1)});
  if ((acts & 2) != 0) emit(taking_away(cpu(), other, at));
  if ((acts & 4) != 0) emit(MemoryStore{cpu(), other, at, Width(1), Value(3)});
  if (random_.percent(40)) emit(MemoryLoad{reader, loser, at, Width(1)});
  emit(Resume{writer});
  pauses_ = usual;
}

SpaceHandle Generator::fork(CpuId on, SpaceHandle parent, Pause pause) {
  const unsigned child = parent.is_none() ? 0 : known_.free_handle(SpaceHandle::kLetter);
  if (child != 0) emit_paused(SpaceFork{on, parent, Fresh<SpaceHandle::kLetter>(child)}, pause);
  return SpaceHandle(child);
}

// Generations of one space, of which the second has left its memory: what it left may be taken over, once.
void Generator::forks_in_a_chain() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const KnownRange range = *found;
  const unsigned usual = std::exchange(pauses_, 0);
  store_to(space, range, cpu());
  const SpaceHandle second = fork(cpu(), space, {}), third = fork(cpu(), second, {}), fourth = fork(cpu(), third, {});
  if (!fourth.is_none()) {
    emit(RangeUnmap{cpu(), second, range.at, ByteCount(range.length)});
    const CpuId first = cpu();
    fork(first, third, pause_at(random_, random_.percent(60) ? Point::kFamilyTake : Point::kFamilyRelease));
    const SpaceHandle last = fork(cpu(), fourth, {});
    emit(Resume{first});
    if (!last.is_none() && random_.percent(60)) emit(SpaceExit{cpu(), last});
    fork(cpu(), third, {});
  }
  pauses_ = usual;
}

// A page that may be shared once more is shared by two forks at once.
void Generator::forks_at_the_cap() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  const std::uint32_t cap = known_.machine().reference_cap;
  if (found == nullptr || cap > 5) return touch();
  const KnownRange range = *found;
  const unsigned usual = std::exchange(pauses_, 0);
  store_to(space, range, cpu());
  SpaceHandle child = fork(cpu(), space, {});
  for (std::uint32_t references = 2; references + 1 < cap; ++references) fork(cpu(), space, {});
  const CpuId first = cpu();
  const Point where = random_.percent(50) ? Point::kFrameGet : Point::kTouchCount;
  fork(first, space, {where, static_cast<std::uint8_t>(random_.between(1, 3))});
  fork(cpu(), child, {});
  emit(Resume{first});
  pauses_ = usual;
}

SpaceHandle Generator::make_space(CpuId on, Pause pause) {
  const unsigned number = known_.free_handle(SpaceHandle::kLetter);
  if (number != 0) emit_paused(SpaceCreate{on, {}, {}, Fresh<SpaceHandle::kLetter>(number)}, pause);
  return SpaceHandle(number);
}

// Two spaces are made at once; then one CPU runs both, with pages at the same address.
void Generator::two_spaces_at_once() {
  const unsigned usual = std::exchange(pauses_, 0);
  const CpuId first = cpu(), runs_both = cpu();
  const bool names_it = random_.percent(30);
  const SpaceHandle one = make_space(first, pause_at(random_, names_it ? Point::kContextTake : Point::kTouchSequence));
  const SpaceHandle other = make_space(cpu(), Pause{});
  emit(Resume{first});
  const Place at{{}, window_};
  for (const SpaceHandle space : {one, other}) {
    if (space.is_none()) continue;
    emit(RangeMapAnon{runs_both, space, at, ByteCount(kPageBytes), kReadWrite, kMapFixed, {}});
    emit(MemoryStore{runs_both, space, at, Width(1), Value(space.number())});
  }
  if (!one.is_none()) emit(MemoryLoad{runs_both, one, at, Width(1)});
  pauses_ = usual;
}

BlockHandle Generator::take_block(CpuId on, unsigned order) {
  const unsigned block = known_.free_handle(BlockHandle::kLetter);
  if (block != 0) emit(PagesAlloc{on, Order(order), kGfpWait, kAnyNode, Fresh<BlockHandle::kLetter>(block)});
  return BlockHandle(block);
}

// A block goes back to its zone, and before all CPUs have been told, another takes what the zone may give.
void Generator::free_near_the_watermark() {
  const unsigned usual = std::exchange(pauses_, 0);
  const CpuId first = cpu();
  const BlockHandle freed = take_block(first, static_cast<unsigned>(random_.between(1, 2)));
  for (std::uint64_t i = random_.below(10); i > 0; --i) take_block(cpu(), static_cast<unsigned>(random_.below(4)));
  if (!freed.is_none()) {
    emit_paused(PagesFree{first, freed}, {Point::kZoneRelease, 1});
    const std::uint64_t more = random_.between(1, 2);
    for (std::uint64_t i = 0; i < more; ++i) take_block(cpu(), static_cast<unsigned>(random_.below(3)));
    emit(Resume{first});
    take_block(cpu(), 0);
  }
  pauses_ = usual;
}

// A CPU visits another one's lists while their zone becomes too empty to serve from them; then that one asks for one.
void Generator::visit_near_the_watermark() {
  const unsigned usual = std::exchange(pauses_, 0);
  const CpuId visitor = cpu(), owner = cpu();
  const BlockHandle kept = take_block(owner, 0);
  const auto passing = static_cast<std::uint8_t>(random_.between(1, 6));
  emit_paused(PagesDrainCpu{visitor, owner}, {Point::kTouchFreelist, passing});
  const CpuId third = cpu();
  for (unsigned i = 0; i < 8 && known_.frames_free() > 1; ++i) {
    unsigned order = known_.machine().top_order;
    while (order > 0 && pages_in(Order(order)).raw() > known_.frames_free() * 2 / 3) --order;
    if (take_block(third, order).is_none()) break;
  }
  emit(Resume{visitor});
  if (!kept.is_none()) emit(PagesFree{owner, kept});
  take_block(owner, 0);
  pauses_ = usual;
}

}  // namespace mmtwin::lockstep
