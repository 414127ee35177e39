// The scenes: short sequences that reach what single random operations hardly ever do.
#include <algorithm>

#include "lockstep/generate/generate.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

constexpr Prot kReadWrite = kProtRead | kProtWrite;

}  // namespace

struct Generator::SceneRow {
  Scene play;
  Family family;  // whose weight multiplies
  std::uint32_t weight;
  bool needs_pauses = false;
};

const Generator::SceneRow Generator::kScenes[] = {
    {&Generator::run_of_pages, Family::kPages, 5},
    {&Generator::near_exhaustion, Family::kPages, 2},
    {&Generator::map_and_touch, Family::kRange, 5},
    {&Generator::touch, Family::kMemory, 6},
    {&Generator::fork_and_store, Family::kSpace, 6},
    {&Generator::protect_and_back, Family::kRange, 3},
    {&Generator::at_the_edges, Family::kRange, 4},
    {&Generator::up_to_the_cap, Family::kRange, 1},
    {&Generator::straddle, Family::kMemory, 2},
    {&Generator::stale_translation, Family::kCpu, 6},
    {&Generator::lazy_cpu, Family::kCpu, 3},
    {&Generator::fail_something, Family::kWorld, 3},
    {&Generator::dense_below_top, Family::kRange, 1},
    {&Generator::more_than_a_batch, Family::kMemory, 1},
    {&Generator::faults_without_memory, Family::kMemory, 1},
    {&Generator::several_slab_frames, Family::kRange, 1},
    {&Generator::race, Family::kMemory, 4, true},
    {&Generator::shared_page_taken_away, Family::kMemory, 4, true},
    {&Generator::replaced_under_a_reader, Family::kMemory, 1, true},
    {&Generator::walk_beside_a_change, Family::kMemory, 1, true},
    {&Generator::forks_in_a_chain, Family::kSpace, 2, true},
    {&Generator::forks_at_the_cap, Family::kSpace, 1, true},
    {&Generator::free_near_the_watermark, Family::kPages, 2, true},
    {&Generator::visit_near_the_watermark, Family::kPages, 2, true},
    {&Generator::two_spaces_at_once, Family::kSpace, 1, true},
    {&Generator::speculation_beside_unmap, Family::kCpu, 2, true},
    {&Generator::family_dropped_beside_a_first_store, Family::kSpace, 2, true},
};

void Generator::scene(std::vector<Operation>& into) {
  into_ = &into;
  // Where frames run short the next requests are refused, and what would use their results is skipped.
  const bool is_crowded = known_.pressure() > 80 || known_.spaces().size() > 6 || known_.blocks().size() > 10;
  const bool relieves = random_.percent(is_crowded ? 60 : 2);
  if (relieves) return give_back();
  if (random_.percent(40)) return one_operation();
  std::array<std::uint32_t, std::size(kScenes)> weights{};
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (pauses_ == 0 && kScenes[i].needs_pauses) continue;
    sum += weights[i] = kScenes[i].weight * weights_[static_cast<std::size_t>(kScenes[i].family)];
  }
  if (sum == 0) return one_operation();
  (this->*kScenes[random_.weighted(weights)].play)();
}

template <class Op>
Op Generator::filled() {
  Op op{};
  Aim(random_, known_, window_, pauses_).fill(op);
  return op;
}

void Generator::emit(Operation operation) {
  if (!may_use(operation.index())) return;
  // What means nothing is seldom worth its place.
  const bool is_in_vain = known_.is_in_vain(operation);
  if (is_in_vain && !random_.percent(5)) return;
  std::visit([&](auto& op) { op.pause = Aim(random_, known_, window_, pauses_).pause(); }, operation);
  into_->push_back(operation);
  if (!is_in_vain) known_.play(operation);
}

const KnownSpace* Generator::some_space() {
  if (known_.spaces().empty() && known_.free_handle(SpaceHandle::kLetter) != 0) emit(filled<SpaceCreate>());
  return known_.spaces().empty() ? nullptr : &random_.pick_from(known_.spaces());
}

const KnownRange* Generator::some_memory(SpaceHandle& space) {
  for (unsigned attempt = 0; attempt < 6; ++attempt) {
    const KnownSpace* drawn = some_space();
    if (drawn == nullptr) return nullptr;
    space = SpaceHandle(drawn->number);
    if (drawn->ranges.empty()) continue;
    const KnownRange& range = random_.pick_from(drawn->ranges);
    if (range.prot.has(kProtWrite) && range.file.raw() == 0) return &range;
  }
  return nullptr;
}

void Generator::store_to(SpaceHandle space, const KnownRange& range, CpuId on) {
  MemoryStore store = filled<MemoryStore>();
  const std::uint64_t pages = std::clamp<std::uint64_t>(range.length / kPageBytes, 1, 16);
  const std::uint64_t page = random_.below(pages);
  const std::uint64_t byte = random_.below(4) * 8;
  store.cpu = on;
  store.space = space;
  store.at = range.place(page * kPageBytes + byte);
  emit(store);
}

// n allocations of one order on one CPU, then their frees in some order, sometimes on another CPU.
void Generator::run_of_pages() {
  PagesAlloc alloc = filled<PagesAlloc>();
  const std::uint64_t count = random_.between(2, 10);
  for (std::uint64_t i = 0; i < count; ++i) {
    const unsigned number = known_.free_handle(BlockHandle::kLetter);
    if (number == 0 || known_.frames_free() < pages_in(alloc.order).raw() * 2) break;
    alloc.result = Fresh<BlockHandle::kLetter>(number);
    emit(alloc);
  }
  CpuId on = alloc.cpu.value();
  if (random_.percent(30)) on = cpu();
  const bool is_backwards = random_.percent(30);
  const bool keeps_some = random_.percent(40);
  for (std::uint64_t i = 0; i < count && !known_.blocks().empty(); ++i) {
    if (keeps_some && random_.percent(30)) continue;
    const KnownBlock block = is_backwards ? known_.blocks().back() : random_.pick_from(known_.blocks());
    emit(PagesFree{on, BlockHandle(block.number)});
  }
  if (random_.percent(15)) emit(filled<PagesDrainCpu>());
}

// Large blocks until little is left, small requests at the watermark, then everything back.
void Generator::near_exhaustion() {
  PagesAlloc alloc = filled<PagesAlloc>();
  for (unsigned i = 0; i < 10; ++i) {
    const unsigned number = known_.free_handle(BlockHandle::kLetter);
    const std::uint64_t rest = known_.frames_free();
    if (number == 0 || rest < 2) break;
    unsigned order = known_.machine().top_order;
    while (order > 0 && pages_in(Order(order)).raw() > rest * 2 / 3) --order;
    alloc.order = Order(order);
    alloc.gfp = Aim(random_, known_, window_, pauses_).gfp().without(kGfpDma | kGfpDma32 | kGfpThisNode);
    alloc.node = kAnyNode;
    alloc.result = Fresh<BlockHandle::kLetter>(number);
    emit(alloc);
  }
  const std::uint64_t small_ones = random_.below(3);
  for (std::uint64_t i = 0; i < small_ones; ++i) one_operation();
  if (random_.percent(70)) give_back();
}

void Generator::map_and_touch() {
  const KnownSpace* space = some_space();
  if (space == nullptr) return;
  RangeMapAnon map = filled<RangeMapAnon>();
  map.space = SpaceHandle(space->number);
  emit(map);
  touch();
}

void Generator::touch() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) {
    const KnownSpace* any = some_space();
    if (any == nullptr) return;
    RangeMapAnon map = filled<RangeMapAnon>();
    const bool is_easy = random_.percent(80);
    map.space = SpaceHandle(any->number);
    if (is_easy) {
      map.prot = kReadWrite;
      map.flags = kMapFixed;
      map.length = ByteCount(4 * kPageBytes);
      map.at = Place{AddressHandle(), window_};
    }
    emit(map);
    return;
  }
  const KnownRange range = *found;
  const CpuId on = cpu();
  const std::uint64_t count = random_.between(1, 4);
  for (std::uint64_t i = 0; i < count; ++i) {
    store_to(space, range, on);
    MemoryLoad load = filled<MemoryLoad>();
    load.space = space;
    const std::uint64_t pages = std::clamp<std::uint64_t>(range.length / kPageBytes, 1, 16);
    load.at = range.place(random_.below(pages) * kPageBytes);
    if (random_.percent(60)) emit(load);
  }
}

// Stores on both sides of a fork, a fork of the fork, one side ends, the other stores again: copy or reuse.
void Generator::fork_and_store() {
  SpaceHandle parent;
  const KnownRange* found = some_memory(parent);
  const unsigned number = known_.free_handle(SpaceHandle::kLetter);
  if (found == nullptr || number == 0) return touch();
  const KnownRange range = *found;
  const CpuId here = cpu();
  const CpuId there = cpu();
  if (random_.percent(80)) store_to(parent, range, here);
  const SpaceHandle child(number);
  emit(SpaceFork{here, parent, Fresh<SpaceHandle::kLetter>(number)});
  const SpaceHandle sides[] = {parent, child};
  const std::uint64_t stores = random_.between(1, 3);
  for (std::uint64_t i = 0; i < stores; ++i) {
    const SpaceHandle side = random_.pick(sides);
    store_to(side, range, there);
  }
  const unsigned grandchild = known_.free_handle(SpaceHandle::kLetter);
  if (grandchild != 0 && random_.percent(30)) {
    emit(SpaceFork{there, child, Fresh<SpaceHandle::kLetter>(grandchild)});
    store_to(SpaceHandle(grandchild), range, there);
  }
  if (random_.percent(55)) {
    const SpaceHandle gone = random_.pick(sides);
    emit(SpaceExit{there, gone});
    store_to(gone == parent ? child : parent, range, here);
  }
}

void Generator::protect_and_back() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const KnownRange range = *found;
  const CpuId here = cpu();
  const CpuId there = cpu();
  if (random_.percent(70)) store_to(space, range, there);
  const std::uint64_t pages = range.length / kPageBytes;
  const std::uint64_t first = pages > 1 && random_.percent(60) ? random_.below(std::min<std::uint64_t>(pages, 8)) : 0;
  const std::uint64_t rest = std::max<std::uint64_t>(pages - std::min(pages, first), 1);
  const std::uint64_t count = random_.percent(50) ? rest : random_.between(1, std::min<std::uint64_t>(rest, 4));
  const Prot less[] = {kProtRead, kProtNone, kProtRead | kProtExec};
  RangeProtect protect{here, space, range.place(first * kPageBytes), ByteCount(count * kPageBytes), random_.pick(less)};
  emit(protect);
  if (random_.percent(50)) store_to(space, range, there);
  if (random_.percent(25)) emit_kind(kKindOf<SpaceFork>);
  protect.prot = range.prot;
  if (random_.percent(85)) emit(protect);
  if (random_.percent(50)) store_to(space, range, there);
}

// Eight bytes across the border of two pages, of which one may be missing.
void Generator::straddle() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const KnownRange range = *found;
  const std::uint64_t pages = std::clamp<std::uint64_t>(range.length / kPageBytes, 1, 16);
  const std::uint64_t border = random_.below(pages + 1) * kPageBytes;
  MemoryStore store = filled<MemoryStore>();
  MemoryLoad load = filled<MemoryLoad>();
  store.space = load.space = space;
  const std::uint64_t before = random_.between(1, 7);
  store.at = load.at = range.place(border - before);
  store.width = load.width = Width(8);
  if (random_.percent(30)) emit(load);
  emit(store);
  emit(load);
}

// One CPU caches a translation, another changes what it translates, the first uses it again.
void Generator::stale_translation() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const KnownRange range = *found;
  const CpuId reader = cpu();
  const CpuId writer = cpu();
  const std::uint64_t pages = std::clamp<std::uint64_t>(range.length / kPageBytes, 1, 16);
  const Place at = range.place(random_.below(pages) * kPageBytes);
  const unsigned first = static_cast<unsigned>(random_.below(4));
  const unsigned second = static_cast<unsigned>(random_.below(8));
  if (first == 0) store_to(space, range, reader);
  if (first == 1) emit(CpuSpeculate{reader, at});
  if (first >= 2) emit(MemoryLoad{reader, space, at, Width(1)});
  const Prot less[] = {kProtRead, kProtNone};
  if (second == 0) emit(RangeUnmap{writer, space, at, ByteCount(kPageBytes)});
  if (second == 1) emit(RangeProtect{writer, space, at, ByteCount(kPageBytes), random_.pick(less)});
  if (second == 2) emit(MemoryStore{writer, space, at, Width(1), Value(7)});
  if (second == 3) emit_kind(kKindOf<SpaceFork>);
  if (second == 4) emit(CpuEvict{reader, at});
  if (second == 5) emit(CpuFlushPage{reader, at});
  if (second == 6) emit(RangeMapAnon{writer, space, at, ByteCount(kPageBytes), kReadWrite, kMapFixed, {}});
  if (second == 7) emit_kind(kKindOf<CpuFlushSpace>);
  if (random_.percent(50)) emit(MemoryStore{reader, space, at, Width(1), Value(9)});
  else emit(MemoryLoad{reader, space, at, Width(1)});
}

// A CPU keeps the tables of a space that it no longer runs, while another CPU takes them apart.
void Generator::lazy_cpu() {
  SpaceHandle space;
  const KnownRange* found = some_memory(space);
  if (found == nullptr) return touch();
  const KnownRange range = *found;
  const CpuId lazy = cpu();
  const CpuId busy = cpu();
  store_to(space, range, lazy);
  emit(CpuSwitchSpace{lazy, SpaceHandle()});
  const bool removes_all = random_.percent(40);
  const std::uint64_t length = removes_all ? range.length : kPageBytes;
  if (random_.percent(15)) emit(SpaceExit{busy, space});
  else emit(RangeUnmap{busy, space, range.at, ByteCount(length)});
  if (random_.percent(40)) emit_kind(kKindOf<PagesAlloc>);
  const KnownSpace* next = some_space();
  if (next == nullptr) return;
  emit(CpuSwitchSpace{lazy, SpaceHandle(next->number)});
  emit(MemoryLoad{lazy, SpaceHandle(next->number), range.at, Width(1)});
}

// A request that will not be met, right before an operation that makes several.
void Generator::fail_something() {
  FailNext fail = filled<FailNext>();
  emit(fail);
  const std::size_t hungry[] = {kKindOf<SpaceFork>,    kKindOf<SpaceCreate>,     kKindOf<RangeMapAnon>,
                                kKindOf<MemoryStore>,  kKindOf<PagesAllocExact>, kKindOf<RangeProtect>,
                                kKindOf<MemoryLoad>,   kKindOf<RangeUnmap>,      kKindOf<SpaceFork>,
                                kKindOf<RangeMapFile>, kKindOf<SpaceAssume>,     kKindOf<RangeBrk>};
  const std::size_t kind = random_.pick(hungry);
  emit_kind(kind);
  fail.n = Count(0);
  if (random_.percent(60)) emit(fail);
}

void Generator::give_back() {
  const std::uint64_t blocks = random_.below(known_.blocks().size() + 1);
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const CpuId on = cpu();
    const KnownBlock block = random_.pick_from(known_.blocks());
    emit(PagesFree{on, BlockHandle(block.number)});
  }
  const std::uint64_t spaces = random_.below(known_.spaces().size() + 1);
  for (std::uint64_t i = 0; i < spaces && !known_.spaces().empty(); ++i) {
    const CpuId on = cpu();
    const KnownSpace& space = random_.pick_from(known_.spaces());
    emit(SpaceExit{on, SpaceHandle(space.number)});
  }
  if (random_.percent(25)) emit(filled<SlabShrink>());
}

}  // namespace mmtwin::lockstep
