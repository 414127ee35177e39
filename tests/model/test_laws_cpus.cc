// CPU, WALK, SLUB and what is judged of narration: who acts where, how the hardware walks, which objects there are.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kPageHere = kHere / kPage;
constexpr EventKind kInterrupted = EventKind::kInterrupted, kSent = EventKind::kInterruptSent,
                    kLoaded = EventKind::kSpaceLoaded,
                    kFilled = EventKind::kTlbFilled, kUsed = EventKind::kTlbUsed, kDropped = EventKind::kTlbDropped,
                    kMarked = EventKind::kTableMark, kStored = EventKind::kTableStore,
                    kWalkFilled = EventKind::kWalkCacheFilled, kWalkUsed = EventKind::kWalkCacheUsed,
                    kWalkDropped = EventKind::kWalkCacheDropped, kObject = EventKind::kObjectRequested,
                    kObjectBack = EventKind::kObjectReturned;

auto to_cpu(unsigned cpu) {
  return [cpu](Event& e) { e.cpu = CpuId(cpu); };
}
auto to_index(unsigned index) {
  return [index](Event& e) { e.index = static_cast<std::uint16_t>(index); };
}
auto to_cache(CacheName cache) {
  return [cache](Event& e) { e.place = static_cast<std::uint64_t>(cache); };
}
// p1 stored 7 at kHere on CPU 0; CPU 1 loaded it; CPU 2 does nothing.
Narrator cached_on_both() {
  Narrator n(machine_of("tiny", 3));
  n.create(1);
  n.map(1, kHere, 4);
  n.store(1, kHere, 7);
  n.load(1, kHere, 7, 1);
  return n;
}

Scene unmapped() {
  Narrator n = cached_on_both();
  n.unmap(1, kHere, 4);
  return n.scene();
}

// ---- CPU-1 ----
TEST(Cpu1, EveryEventIsOnTheCpuOfItsOperation) {
  const Scene legal = unmapped();
  expect_legal(legal);
  for (std::size_t i = nth<Booted>(legal); i < legal.steps.size(); ++i) {
    const auto* event = std::get_if<Event>(&legal.steps[i]);
    if (event == nullptr) continue;
    expect_found(Law::kCpu1, altered(legal, i, to_cpu(2)));
  }
}

TEST(Cpu1, AnotherCpuActsOnlyOnceItWasInterrupted) {
  const Scene legal = unmapped();
  expect_found(Law::kCpu1, without(legal, nth(legal, kInterrupted, 0)));
}

TEST(Cpu1, AnOperationRunsInItsSpace) {
  const Scene legal = cached_on_both().scene();
  expect_found(Law::kCpu1, without(legal, nth(legal, kLoaded, 0)));
  expect_found(Law::kCpu1, twice(legal, nth(legal, kLoaded, 0)));
  expect_found(Law::kCpu1, swapped(legal, nth(legal, kLoaded, 0), nth(legal, kLoaded, 0) + 1));
  Narrator lazy = cached_on_both();
  lazy.go_lazy(1);
  const Scene idle = lazy.scene();
  expect_legal(idle);
  expect_found(Law::kCpu1, twice(idle, nth(idle, EventKind::kSpaceUnloaded)));
}

// ---- CPU-2 ----
TEST(Cpu2, ACpuIsInterruptedForWhatItCouldHaveCached) {
  const Scene legal = unmapped();
  const std::size_t sent = nth(legal, kSent, 0);
  expect_found(Law::kCpu2, twice(legal, sent));
  for (const unsigned target : {0u, 2u, 3u, 60000u}) expect_found(Law::kCpu2, altered(legal, sent, to_index(target)));
  expect_found(Law::kCpu2, before(legal, nth<Response>(legal, 0), {legal.steps[sent]}));
}

// CPU 1 has dropped everything by itself, which software cannot know.
TEST(Cpu2, ACpuIsInterruptedWhateverItHasCached) {
  Narrator n = cached_on_both();
  n.begin(CpuFlushSpace{CpuId(1)});
  n.forget(1, 1, kPageHere, false);
  n.end();
  n.protect(1, kHere, 4, kProtRead);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kCpu2, without(legal, nth(legal, kSent)));
}

TEST(Cpu2, ADrainInterruptsItsTarget) {
  Narrator n = cached_on_both();
  n.drain_cpu(1);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (const EventKind kind : {kSent, kInterrupted, EventKind::kInterruptAnswered}) {
    expect_found(Law::kCpu2, without(legal, nth(legal, kind)));
    expect_found(Law::kCpu2, twice(legal, nth(legal, kind)));
    expect_found(Law::kCpu2, altered(legal, nth(legal, kind), to_index(2)));
  }
}

TEST(Cpu2, WhoInterruptsWaitsForTheAnswer) {
  const Scene legal = unmapped();
  const std::size_t answered = nth(legal, EventKind::kInterruptAnswered, 0);
  ASSERT_EQ(std::get<Event>(legal.steps[answered + 1]).kind, EventKind::kFrameReturned);
  expect_found(Law::kCpu2, swapped(legal, answered, answered + 1));
}

// ---- WALK-1 ----
// The fault was handled by mapping something else: the page is as it was, and nobody else has changed an entry.
TEST(Walk1, AFaultThatWasHandledIsNotMadeAgain) {
  constexpr std::uint64_t kFar = 0x2000000;  // no table leads there
  Narrator n = cached_on_both();
  n.map(1, kFar, 1);
  n.begin(n.store_operation(1, kFar, 7));
  n.load_space(1);
  n.walk(1, kFar / kPage, Access::kStore);
  n.set_leaf(1, kHere / kPage + 1, entry_of(n.zero_page(), kBitPresent | kBitUser | kBitSpecial));
  expect_legal(n.scene());
  n.faulted(kFar / kPage, Access::kStore);
  expect_found(Law::kWalk1, n.scene());
}

TEST(Walk1, AWalkMarksAndCachesWhatItPasses) {
  const Scene legal = cached_on_both().scene();
  for (int n : {0, 1, 2}) {
    expect_found(Law::kWalk1, without(legal, nth(legal, kMarked, n)));
    expect_found(Law::kWalk1, without(legal, nth(legal, kWalkFilled, n)));
    expect_found(Law::kWalk1, twice(legal, nth(legal, kWalkFilled, n)));
    expect_found(Law::kWalk1, swapped(legal, nth(legal, kMarked, n), nth(legal, kMarked, n) + 1));
  }
  expect_found(Law::kWalk1, twice(legal, nth(legal, kFilled, 0)));
}

TEST(Walk1, AWalkStartsAtTheLowestCachedTable) {
  Narrator n = cached_on_both();
  n.store(1, kHere + kPage, 8);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int i : {-2, -1}) {  // the walk that faults, and the one after
    expect_found(Law::kWalk1, without(legal, nth(legal, kWalkUsed, i)));
    expect_found(Law::kWalk1, twice(legal, nth(legal, kWalkUsed, i)));
  }
}

TEST(Walk1, AWalkAheadOfTheProgramGoesAsFarAsItCan) {
  Narrator n = cached_on_both();
  n.begin(CpuSpeculate{CpuId(1), place(kHere + kPage)});
  n.walk(1, kPageHere + 1, Access::kLoad);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kWalk1, without(legal, nth(legal, kWalkUsed)));
}

TEST(Walk1, AWalkHappensOnlyOnAMiss) {
  Narrator n = cached_on_both();
  n.load(1, kHere, 7, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  Event walk = std::get<Event>(legal.steps[nth(legal, kWalkFilled)]);
  walk.kind = kWalkUsed;
  expect_found(Law::kWalk1, before(legal, nth(legal, kUsed), {walk}));
}

TEST(Perm1, AnAccessTranslatesEachPageOnce) {
  const Scene legal = cached_on_both().scene();
  expect_found(Law::kPerm1, twice(legal, nth(legal, kUsed)));
  expect_found(Law::kPerm1, without(legal, nth(legal, kUsed)));
}

// ---- what flushes drop ----
TEST(Tlb1, OnlyWhatIsCachedIsDroppedAndOnlyForAReason) {
  const Scene legal = unmapped();
  expect_found(Law::kTlb1, twice(legal, nth(legal, kDropped)));
  expect_found(Law::kTlb2, twice(legal, nth(legal, kWalkDropped)));
  Narrator n = cached_on_both();
  n.begin(Narrator::map_operation(1, 0x200000, 1));
  n.evict(0, 1, kPageHere);
  expect_found(Law::kTlb1, n.scene());
}

TEST(Tlb1, AFlushDropsAllThatItIsFor) {
  Narrator n = cached_on_both();
  n.begin(CpuFlushPage{CpuId(1), place(kHere)});
  n.forget(1, 1, kPageHere, true);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kTlb1, without(legal, nth(legal, kDropped)));
  for (int i : {-3, -2, -1}) expect_found(Law::kTlb2, without(legal, nth(legal, kWalkDropped, i)));
  Narrator whole = cached_on_both();
  whole.begin(CpuFlushSpace{CpuId(1)});
  whole.forget(1, 1, kPageHere, false);
  whole.end();
  const Scene flushed = whole.scene();
  expect_legal(flushed);
  for (int i : {-3, -2, -1}) expect_found(Law::kTlb1, without(flushed, nth(flushed, kWalkDropped, i)));
}

// p2 gets the ASID of p1, under which CPU 1 has something cached or not.
TEST(Tlb1, AnAsidGivenAnewIsFlushed) {
  Narrator n = cached_on_both();
  n.create(2);
  n.switch_to(2, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kTlb1, altered(legal, nth(legal, kLoaded), [](Event& e) { e.after = 0; }));
  expect_found(Law::kTlb1, altered(legal, nth(legal, kLoaded), to_index(0)));
  expect_found(Law::kTlb1, altered(legal, nth(legal, kLoaded), to_index(4)));
}

// ---- SLUB ----
TEST(Slub1, TheObjectsHandedOutAreThoseOfTheState) {
  const Scene legal = space_of_objects();
  expect_legal(legal);
  for (int i = 0; i < 4; ++i) {
    expect_found(Law::kSlub1, without(legal, nth(legal, kObject, i)));
    expect_found(Law::kSlub1, twice(legal, nth(legal, kObject, i)));
    expect_found(Law::kSlub1, without(legal, nth(legal, kObjectBack, i)));
    expect_found(Law::kSlub1, twice(legal, nth(legal, kObjectBack, i)));
  }
  expect_found(Law::kSlub1, altered(legal, nth(legal, kObjectBack), to_cache(CacheName::kRange)));
  expect_found(Law::kSlub1, altered(legal, nth(legal, kObjectBack), [](Event& e) { e.place = 4; }));
}

TEST(Slub2, AnOperationAsksOnlyForWhatItMayNeed) {
  const Scene legal = space_of_objects();
  expect_found(Law::kSlub2, altered(legal, nth(legal, kObject, 0), to_cache(CacheName::kRange)));
  expect_found(Law::kSlub2, altered(legal, nth(legal, kObject, 1), to_cache(CacheName::kSpace)));
  expect_found(Law::kSlub2, altered(legal, nth(legal, kObject, 2), to_cache(CacheName::kRange)));
  expect_found(Law::kSlub2, altered(legal, nth(legal, kObject), [](Event& e) { e.place = 4; }));
  expect_found(Law::kSlub2, before(legal, nth<Response>(legal), {legal.steps[nth(legal, kObject, 0)]}));
}

// ---- requests, lists, contents ----
TEST(Frame1, ARequestIsAnsweredBeforeAnythingElseHappens) {
  Narrator n = cached_on_both();
  n.store(1, kHere + kPage, 8);
  const Scene legal = n.scene();
  const std::size_t taken = nth(legal, EventKind::kFrameTaken);
  expect_found(Law::kFrame1, before(legal, taken, {legal.steps[nth(legal, kStored)]}));
  expect_found(Law::kFrame1, swapped(legal, taken, taken + 1));
}

TEST(Oom1, AnObjectThatGotNothingIsRefusedAtOnce) {
  Narrator n = cached_on_both();
  n.fail_next(1);
  n.begin(Narrator::map_operation(1, 0x200000, 1));
  n.object(CacheName::kRange);
  n.inject();
  n.refuse_object();
  n.end(Refusal::kOom);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t refused = nth(legal, EventKind::kObjectRefused);
  expect_found(Law::kOom1, before(legal, refused, {event_of(kObjectBack, 0, 1)}));
}

TEST(Frame1, ARoleAsksOnlyInOperationsThatMayNeedIt) {
  for (const Role role : {Role::kNone, Role::kZeroPage, Role::kRootTable, Role::kAnon, Role::kSlab, Role::kBlock}) {
    Narrator n = cached_on_both();
    n.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere + kPage), Width(1)});
    n.walk(1, kPageHere + 1, Access::kLoad);
    n.request(role);
    expect_found(Law::kFrame1, n.scene());
  }
  Narrator n = cached_on_both();
  n.begin(Narrator::store_operation(1, kHere + kPage, 8));
  n.walk(1, kPageHere + 1, Access::kStore);
  n.request(Role::kTable);  // of which none is missing
  expect_found(Law::kFrame1, n.scene());
}

TEST(Pcp2, AListIsFilledOnceItIsEmptyWithOneBatch) {
  Writer w(machine_of("tiny"));
  w.boot();
  w.begin(alloc(1, 0));
  w.request(Role::kBlock);
  const std::size_t filled = w.size();
  w.taken(w.list(0).front());
  w.end(Refusal::kNone, 2);
  const Scene legal = w.scene();
  expect_legal(legal);
  Event fill = event_of(EventKind::kListFilled, 40);
  expect_found(Law::kPcp2, before(legal, filled, {fill}));  // two are still there
  const Scene boot = w.scene();
  const std::size_t last = nth(boot, EventKind::kListFilled);
  expect_found(Law::kPcp2, before(boot, last + 1, {fill}));
  expect_found(Law::kPcp2, without(boot, last));
}

// tiny: high 16, batch 4.
TEST(Pcp2, AListIsDrainedWhenItIsTooLongOrAskedFor) {
  const unsigned high = machine_of("tiny").pcp_high;
  Writer w(machine_of("tiny"));
  w.boot();
  std::vector<std::uint64_t> frames;
  for (unsigned i = 1; i <= high; ++i) frames.push_back(w.single(i));
  for (unsigned i = 1; i <= high; ++i) w.free_block(i, frames[i - 1]);
  const Scene legal = w.scene();
  expect_legal(legal);
  const std::size_t drained = nth(legal, EventKind::kListDrained);
  expect_found(Law::kPcp2, without(legal, drained));
  Event more = std::get<Event>(legal.steps[drained]);
  more.frame = Pfn(w.list(0).front());
  expect_found(Law::kPcp2, before(legal, drained + 1, {more}));
  Writer asked(machine_of("tiny"));
  asked.boot();
  asked.begin(alloc(1, 1));
  asked.request(Role::kBlock, 1);
  asked.drain_all();
  expect_found(Law::kPcp2, asked.scene());  // no need: the zone has plenty
}

TEST(Iso2, AFrameIsZeroedOrCopiedToAtOnceAndOnce) {
  Narrator n = cached_on_both();
  n.fork(1, 2);
  n.store(2, kHere, 9);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (const EventKind kind : {EventKind::kFrameZeroed, EventKind::kFrameCopied}) {
    expect_found(Law::kIso2, twice(legal, nth(legal, kind)));
    expect_found(Law::kIso2, swapped(legal, nth(legal, kind), nth(legal, kind) + 1));
  }
  Narrator made = cached_on_both();
  made.create(2);
  expect_found(Law::kIso2, without(made.scene(), nth(made.scene(), EventKind::kFrameZeroed)));  // the very last
  Writer w(machine_of("tiny"));
  w.boot();
  w.block(1, 1, 8);
  const Scene plain = w.scene();
  expect_found(Law::kIso2, before(plain, nth<Response>(plain), {event_of(EventKind::kFrameZeroed, 8)}));
}

TEST(Pt1, AnEntryHasNoBitWithoutMeaning) {
  Narrator n = cached_on_both();
  n.load(1, kHere + kPage);
  const Scene legal = n.scene();
  for (const unsigned bit : {3, 4, 7, 8, 9, 10, 11, 52, 62}) {
    const auto flip = [bit](Event& e) { e.after ^= std::uint64_t{1} << bit; };
    for (int i : {0, -2, -1}) expect_found(Law::kPt1, altered(legal, nth(legal, kStored, i), flip));  // link, leaves
  }
  for (const std::uint64_t bit : {kBitWritable, kBitUser, kBitAccessed, kBitNoExecute})
    expect_found(Law::kPt1, altered(legal, nth(legal, kStored, 0), [bit](Event& e) { e.after ^= bit; }));
}

TEST(Answer1, WhatHasNoValueAnswersZero) {
  Narrator n = cached_on_both();
  n.unmap(1, kHere, 4);
  n.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)});
  n.walk(1, kPageHere, Access::kLoad);
  n.end(Refusal::kSegvMapErr);
  n.exit(1);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (const int i : {0, 2, -3, -2, -1})  // create, store, unmap, refused load, exit
    expect_found(Law::kAnswer, altered<Response>(legal, nth<Response>(legal, i), [](Response& r) { r.value = 1; }));
}

}  // namespace
}  // namespace mmtwin::model
