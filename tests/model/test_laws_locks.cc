// LOCK-1 to LOCK-3, LIVE-2, and what operations in flight may do to each other.
#include <cstdint>
#include <vector>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kThere = 0x200000;
constexpr EventKind kTaken = EventKind::kLockTaken, kReleased = EventKind::kLockReleased;

Narrator one_space(unsigned cpus = 1, const Claims& claims = kAllClaims) {
  Narrator n(machine_of("tiny", cpus), claims);
  n.create(1);
  return n;
}

Scene locked_map() {
  Narrator n = one_space();
  n.begin(Narrator::map_operation(1, kHere, 1));
  n.load_space(1);
  n.map_locked();
  n.end(Refusal::kNone, kHere);
  return n.scene();
}

TEST(Lock1, ALockHasOneHolderWhoReleasesIt) {
  const Scene legal = locked_map();
  expect_legal(legal);
  for (const int i : {0, 1}) {
    expect_found(Law::kLock1, twice(legal, nth(legal, kTaken, i)));
    expect_found(Law::kLock1, without(legal, nth(legal, kTaken, i)));
    expect_found(Law::kLock1, twice(legal, nth(legal, kReleased, i)));
    expect_found(Law::kLock1, without(legal, nth(legal, kReleased, i)));
    expect_found(Law::kLock1, altered(legal, nth(legal, kReleased, i), [](Event& e) { ++e.place; }));
  }
}

// Two operations on two CPUs: the first, on p1, has a lock, the second takes one.
Scene two_lockers(LockClass lock_class, std::uint64_t first, unsigned other_space, std::uint64_t second) {
  Narrator n = one_space(2);
  n.create(2);
  n.begin_step(Narrator::map_operation(1, kHere, 1), 3);
  n.load_space(1);
  n.lock(lock_class, first);
  n.begin_step(Narrator::map_operation(other_space, kThere, 1, kReadWrite, 1), 4);
  n.load_space(other_space);
  n.lock(lock_class, second);
  return n.scene();
}

TEST(Lock1, NobodyTakesWhatAnotherHolds) {
  for (const LockClass c : {LockClass::kSpace, LockClass::kTables, LockClass::kFamily, LockClass::kSlab})
    expect_found(Law::kLock1, two_lockers(c, 1, 1, 1));
  expect_legal(two_lockers(LockClass::kSlab, 1, 1, 2));
}

// A second lock for the same thing would exclude nobody.
TEST(Lock1, AThingHasOneLock) {
  for (const LockClass c : {LockClass::kSpace, LockClass::kTables}) {
    expect_legal(two_lockers(c, 1, 2, 2));
    expect_found(Law::kLock1, two_lockers(c, 1, 2, 1));
    expect_found(Law::kLock1, two_lockers(c, 1, 1, 2));
  }
  expect_found(Law::kLock1, two_lockers(LockClass::kFamily, 1, 1, 2));
  expect_found(Law::kLock1, two_lockers(LockClass::kFamily, 1, 2, 2));
  expect_found(Law::kLock1, two_lockers(LockClass::kSlab, 1, 2, kCacheNames.size()));
  for (const std::uint64_t no_zone : {0u, 64u})
    expect_found(Law::kLock1, two_lockers(LockClass::kZone, 1, kNormalZone, no_zone));
}

TEST(Lock1, WhoNamesNoSpaceTakesNoSpacesLock) {
  for (const LockClass c : {LockClass::kSpace, LockClass::kTables}) {
    Narrator n = one_space();
    n.begin(SlabShrink{CpuId(0)});
    n.lock(c, 1);
    expect_found(Law::kLock1, n.scene());
  }
}

TEST(Lock1, ASpaceThatIsGoneLeavesItsLockToTheNext) {
  Narrator n = one_space();
  n.begin(Narrator::map_operation(1, kHere, 1));
  n.load_space(1);
  n.map_locked();
  n.note_mapped(1, kHere, 1, kReadWrite);
  n.end(Refusal::kNone, kHere);
  n.exit(1);
  n.create(2);
  n.begin(Narrator::map_operation(2, kHere, 1));
  n.load_space(2);
  n.map_locked();
  n.end(Refusal::kNone, kHere);
  expect_legal(n.scene());
}

// While it forks, both trees may be locked, in whatever order; later each has the lock it had.
TEST(Lock1, AForkMayLockTheTablesOfBothSpaces) {
  const auto forked = [](std::uint64_t first, std::uint64_t second, std::uint64_t later) {
    Narrator n = one_space();
    n.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
    n.load_space(1);
    n.object(CacheName::kSpace);
    n.start_child(1, 2);
    for (const std::uint64_t instance : {first, second, first}) {
      n.lock(LockClass::kTables, instance);
      n.unlock(LockClass::kTables, instance);
    }
    n.end();
    for (const unsigned p : {1u, 2u}) {
      n.begin(Narrator::map_operation(p, kHere, 1));
      n.load_space(p);
      n.lock(LockClass::kTables, p == 1 ? 1 : later);
      n.unlock(LockClass::kTables, p == 1 ? 1 : later);
      n.object(CacheName::kRange);
      n.end(Refusal::kNone, kHere);
    }
    return n.scene();
  };
  expect_legal(forked(1, 2, 2));
  expect_legal(forked(2, 1, 2));
  expect_found(Law::kLock1, forked(1, 2, 1));
}

// CPU 1 gives its lists back for CPU 0.
Scene locked_drain() {
  const Claims claims = all_claims_and({Claim::kLocks});
  Narrator n(machine_of("tiny", 2), claims);
  n.single(1, 1);
  n.begin(drain_of(1));
  n.interrupt(1);
  for (const std::uint64_t frame : std::vector(n.list(1))) n.drain(1, frame);
  n.end();
  Scene scene = n.scene();
  const auto lock = [](EventKind kind) {
    Event e = event_of(kind, 0, kNormalZone);
    e.index = static_cast<std::uint16_t>(LockClass::kZone);
    e.cpu = CpuId(1);
    return e;
  };
  scene = before(scene, nth(scene, EventKind::kListDrained, 0), {lock(kTaken)});
  return before(scene, nth(scene, EventKind::kListDrained) + 1, {lock(kReleased)});
}

TEST(Lock1, AnInterruptedCpuTakesItsOwnLocks) {
  const Scene legal = locked_drain();
  expect_legal(legal);
  const auto by_sender = [](Event& e) { e.cpu = CpuId(0); };
  const std::size_t taken = nth(legal, kTaken), released = nth(legal, kReleased);
  expect_found(Law::kCpu2, altered(legal, taken, by_sender));
  expect_found(Law::kCpu2, altered(legal, released, by_sender));
}

TEST(Lock1, NobodyWaitsInACircle) {
  Narrator n = one_space(2);
  n.begin_step(Narrator::map_operation(1, kHere, 1), 2);
  n.event(EventKind::kStuck, 0, 2);
  expect_found(Law::kLock1, n.scene());
}

// A thing of the class that exists.
std::uint64_t some_lock(LockClass c) { return c == LockClass::kZone ? kNormalZone : 1; }

TEST(Lock2, OnlyInnerLocksAreTakenUnderOuterOnes) {
  using enum LockClass;
  for (const LockClass outer : {kSpace, kTables, kFamily, kSlab, kZone})
    for (const LockClass inner : {kSpace, kTables, kFamily, kSlab, kZone}) {
      Narrator n = one_space();
      n.begin(Narrator::map_operation(1, kHere, 1));
      n.load_space(1);
      n.lock(outer, some_lock(outer));
      n.lock(inner, some_lock(inner) + (inner == outer ? 1 : 0));
      const bool is_declared = (outer == kSpace && inner != kSpace) || (inner == kZone && outer != kZone) ||
                               (outer == kFamily && inner == kSlab);
      if (is_declared)
        expect_legal(n.scene());
      else
        expect_found(Law::kLock2, n.scene());
    }
}

TEST(Lock3, NobodyWaitsUnderASpinningLock) {
  for (const LockClass held : {LockClass::kSpace, LockClass::kTables, LockClass::kFamily, LockClass::kZone}) {
    Narrator n = one_space();
    n.begin(Narrator::map_operation(1, kHere, 1));
    n.load_space(1);
    n.lock(held, some_lock(held));
    n.object(CacheName::kRange);
    if (held == LockClass::kSpace)
      expect_legal(n.scene());
    else
      expect_found(Law::kLock3, n.scene());
  }
  for (const Gfp gfp : {kGfpWait, Gfp()}) {
    Narrator n = one_space();
    n.begin(alloc(1, 3, gfp));
    n.lock(LockClass::kZone, kNormalZone);
    n.request(Role::kBlock, 3);
    if (gfp == kGfpWait)
      expect_found(Law::kLock3, n.scene());
    else
      expect_legal(n.scene());
  }
}

TEST(Lock4, WhatALockProtectsChangesUnderIt) {
  const Scene legal = locked_life();
  expect_legal(legal);
  const auto unlocked = [&](LockClass lock_class, std::size_t which) {
    std::vector<std::size_t> taken;
    for (std::size_t i = 0; i < legal.steps.size(); ++i) {
      const auto* e = std::get_if<Event>(&legal.steps[i]);
      if (e != nullptr && e->kind == kTaken && e->index == static_cast<unsigned>(lock_class)) taken.push_back(i);
    }
    const std::size_t at = taken.at(which % taken.size());
    std::size_t released = at;
    while (std::get<Event>(legal.steps[at]).index != std::get<Event>(legal.steps[released]).index ||
           std::get<Event>(legal.steps[released]).kind != kReleased)
      ++released;
    return without(without(legal, released), at);
  };
  expect_found(Law::kLock4, unlocked(LockClass::kZone, 0));   // a list is filled
  expect_found(Law::kLock4, unlocked(LockClass::kSpace, 1));  // a page is mapped
  for (const std::size_t link : {0, 2, 3, 5})  // a table is linked, or unlinked
    expect_found(Law::kLock4, unlocked(LockClass::kTables, link));
  expect_found(Law::kLock4, unlocked(LockClass::kSpace, 2));  // a space ends
  expect_found(Law::kLock4, unlocked(LockClass::kSlab, 1));   // objects go back
  expect_found(Law::kLock4, unlocked(LockClass::kSlab, 2));
}

// Two spaces with a page at one address. p1 unmaps or protects its own, and does the same to that of p2.
TEST(Lock4, OnlyWhoNamesASpaceChangesItsTables) {
  const auto both = [](bool unmaps, bool touches_other) {
    Narrator n = one_space();
    n.create(2);
    for (const unsigned p : {1u, 2u}) {
      n.map(p, kHere, 2);
      n.store(p, kHere, 7);
    }
    const std::uint64_t page = kHere / kPage, others = n.frame_at(2, kHere);
    if (unmaps)
      n.begin(RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage)});
    else
      n.begin(RangeProtect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(2 * kPage), kProtRead});
    n.load_space(1);
    if (unmaps) {
      n.unmap_pages(1, page, page + 1);
    } else {
      n.set_leaf(1, page, n.leaf(1, page) & ~kBitWritable);
      n.flush_page(1, page);
    }
    if (touches_other) n.set_leaf(2, page, unmaps ? 0 : n.leaf(2, page) & ~kBitWritable);
    if (touches_other && unmaps) n.put(others);
    n.end();
    return n.scene();
  };
  for (const bool unmaps : {true, false}) {
    expect_legal(both(unmaps, false));
    expect_found(Law::kLock4, both(unmaps, true));
  }
}

TEST(Live2, AnOperationComesToItsEnd) {
  Narrator n = one_space(2);
  n.begin_step(Narrator::map_operation(1, kHere, 1), 2);
  Event endless = event_of(EventKind::kStuck, 0, 2);
  endless.index = 1;
  n.event(endless);
  expect_found(Law::kLive2, n.scene());
}

// ---- what counts when ----
// A page of p1 that CPU 0 and CPU 1 have cached.
Narrator cached_on_both(const Claims& claims = kAllClaims) {
  Narrator n = one_space(2, claims);
  n.map(1, kHere, 1);
  n.store(1, kHere, 7);
  n.load(1, kHere, 7, 1);
  return n;
}

// CPU 0 unmaps, and pauses where `stops` says: 0 before it has the space's lock, 1 before the flush has reached CPU 1,
// 2 after the lock was given back. CPU 1, which has the page cached, loads meanwhile.
Scene unmap_against_load(int stops, bool uses_cached, Refusal answer, std::uint64_t value = 0) {
  Narrator n = cached_on_both(all_claims_and({Claim::kEffects}));
  const std::uint64_t page = kHere / kPage, frame = n.frame_at(1, kHere);
  const auto load = [&] {
    n.begin_step(MemoryLoad{CpuId(1), SpaceHandle(1), place(kHere), Width(1)}, 6);
    if (uses_cached) {
      n.translated(page, Access::kLoad);
      n.committed(answer, value);
    } else {
      n.walk(1, page, Access::kLoad);
      n.lock(LockClass::kSpace, 1);
      n.committed(answer, value);
      n.unlock(LockClass::kSpace, 1);
    }
    n.end(answer, value);
    n.go_on(5, 0);
  };
  n.begin_step(RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage)}, 5);
  n.load_space(1);
  if (stops == 0) load();
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, page, 0);
  if (stops == 1) load();
  n.flush_page(1, page);
  if (stops == 3) load();
  n.put(frame);
  n.forget_page(1, page);
  n.free_tables(1);
  n.committed();
  n.unlock(LockClass::kSpace, 1);
  if (stops == 2) load();
  n.ended(5);
  return n.scene();
}

TEST(Overlap, ALoadReadsThroughWhatIsCachedUntilTheFlushIsAcknowledged) {
  expect_legal(unmap_against_load(0, true, Refusal::kNone, 7));
  expect_legal(unmap_against_load(1, true, Refusal::kNone, 7));
  expect_found(Law::kContent1, unmap_against_load(1, true, Refusal::kNone, 0));
  expect_found(Law::kTlb1, unmap_against_load(3, true, Refusal::kNone, 7));
}

// CPU 0 unmaps what CPU 1 has cached, while a map of CPU 1 is in flight; the flush is answered.
Scene flush_beside_a_map() {
  Narrator n = cached_on_both();
  const std::uint64_t page = kHere / kPage, frame = n.frame_at(1, kHere);
  n.begin_step(Narrator::map_operation(1, kThere, 1, kReadWrite, 1), 5);
  n.begin_step(RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage)}, 6);
  n.load_space(1);
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, page, 0);
  n.flush_page(1, page);
  n.put(frame);
  n.forget_page(1, page);
  n.free_tables(1);
  n.unlock(LockClass::kSpace, 1);
  n.end();
  n.go_on(5, 1);
  n.map_locked();
  n.ended(5, kThere);
  return n.scene();
}

TEST(Overlap, WhatWasTakenAwayIsDroppedBeforeTheFlushIsAnswered) {
  const Scene legal = flush_beside_a_map();
  expect_legal(legal);
  const std::size_t answered = nth(legal, EventKind::kInterruptAnswered, 0);
  Scene kept = legal;
  for (std::size_t i = answered; i-- > nth(legal, EventKind::kInterrupted, 0) + 1;)
    if (std::get<Event>(kept.steps[i]).kind == EventKind::kTlbDropped) kept = without(kept, i);
  expect_found(Law::kTlb1, kept);
  // Tables: the last interrupt is for the uppermost of them.
  const std::size_t last = nth(legal, EventKind::kInterruptAnswered);
  Scene walks = legal;
  for (std::size_t i = last; i-- > 0;) {
    const auto* e = std::get_if<Event>(&walks.steps[i]);
    if (e != nullptr && e->kind == EventKind::kWalkCacheDropped && e->cpu == CpuId(1)) walks = without(walks, i);
  }
  expect_found(Law::kTlb2, walks);
}

// CPU 1 walks ahead of its program; CPU 0 unmaps a page of the space, and CPU 1 has to hear of it.
TEST(Overlap, AFlushComesBetweenWalks) {
  const auto unmapped = [](bool is_walking) {
    Narrator n = cached_on_both();
    n.begin_step(CpuSpeculate{CpuId(1), place(kHere + kPage)}, 5);
    if (is_walking) {
      Event used = event_of(EventKind::kWalkCacheUsed, n.leaf_table(1, kHere), kHere / kPage + 1);
      used.level = 1;
      used.index = (kHere / kPage >> 4) % n.scene().machine.walk_cache_entries;
      n.event(used);
    }
    n.begin_step(RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage)}, 6);
    n.lock(LockClass::kSpace, 1);
    n.set_leaf(1, kHere / kPage, 0);
    n.flush_page(1, kHere / kPage);
    n.hear();
    return n.scene();
  };
  expect_legal(unmapped(false));
  expect_found(Law::kTlb2, unmapped(true));
}

TEST(Overlap, FlushesAreOverBeforeTheLockIsGivenBack) {
  const Scene legal = flush_beside_a_map();
  const std::size_t stored = nth(legal, EventKind::kTableStore);
  Event unlock = std::get<Event>(legal.steps[nth(legal, kReleased, 0)]);
  expect_found(Law::kCpu2, before(legal, stored + 1, {unlock}));
}

// The lists of CPU 1 are drained for CPU 0 while an operation of a third is in flight, and nobody acts in between.
TEST(Overlap, ADrainedListIsEmptyIfNobodyActed) {
  Narrator n(machine_of("tiny", 3));
  n.create(1);
  n.single(1, 1);
  n.begin_step(Narrator::map_operation(1, kHere, 1, kReadWrite, 2), 3);
  n.begin_step(drain_of(1), 4);
  n.interrupt(1);
  for (const std::uint64_t frame : std::vector(n.list(1))) n.drain(1, frame);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kPcp2, without(legal, nth(legal, EventKind::kListDrained)));
}

// While a map of CPU 1 is in flight, CPU 0 makes an access that is refused, and then one that the TLB translates.
TEST(Overlap, WhatAFaultCameToIsForgottenWithItsAccess) {
  Narrator n = one_space(2);
  n.map(1, kHere, 1);
  n.store(1, kHere, 7);
  n.map(1, kThere, 1, Prot());
  n.begin_step(Narrator::map_operation(1, 2 * kThere, 1, kReadWrite, 1), 5);
  n.begin_step(MemoryLoad{CpuId(0), SpaceHandle(1), place(kThere), Width(1)}, 6);
  n.walk(1, kThere / kPage, Access::kLoad);
  n.lock(LockClass::kSpace, 1);
  n.unlock(LockClass::kSpace, 1);
  n.end(Refusal::kSegvAccErr);
  n.begin_step(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)}, 7);
  n.translated(kHere / kPage, Access::kLoad);
  n.end(Refusal::kNone, 7);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kAnswer, altered<Response>(legal, nth<Response>(legal),
                                               [](Response& r) { r = {Refusal::kSegvAccErr, 0}; }));
}

// A CPU that just gave a frame back, and has done nothing yet for the next operation, is asked for its list.
TEST(Overlap, ADrainLeavesOnlyWhatTheCpuIsGivingBackJustThen) {
  Narrator n(machine_of("tiny", 2));
  const std::uint64_t frame = n.single(1, 1);
  n.free_block(1, frame, 0, 1);
  n.begin_step(alloc(2, 0, kGfpWait, kAnyNode, 1), 3);
  n.begin_step(drain_of(1), 4);
  n.interrupt(1);
  for (const std::uint64_t listed : std::vector(n.list(1))) n.drain(1, listed);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kPcp2, without(legal, nth(legal, EventKind::kListDrained)));
}

// Three frames in a row are asked for; before the fourth goes back, another operation begins and ends.
TEST(Overlap, AnExactBlockGivesBackItsTailAndNoMore) {
  Narrator n = one_space(2);
  n.begin_step(alloc_exact(1, 3), 2);
  n.request(Role::kBlock, 2);
  const std::uint64_t first = 4;
  n.taken(first, 2);
  n.begin_step(Narrator::map_operation(1, kHere, 1, kReadWrite, 1), 3);
  n.load_space(1);
  n.map_locked();
  n.end(Refusal::kNone, kHere);
  n.go_on(2, 0);
  n.event(EventKind::kFrameReturned, first + 3);
  n.ended(2, first);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t tail = nth(legal, EventKind::kFrameReturned);
  expect_found(Law::kFrame1, without(legal, tail));
  expect_found(Law::kFrame1, before(legal, tail, {event_of(EventKind::kFrameReturned, first + 2)}));
}

TEST(Overlap, WhatAnUnmapDidCountsOnceItGaveTheLockBack) {
  expect_legal(unmap_against_load(2, false, Refusal::kSegvMapErr));
  expect_found(Law::kPerm1, unmap_against_load(2, false, Refusal::kSegvAccErr));
}

TEST(Overlap, AnOperationAnswersWhatItHadCommitted) {
  const Scene legal = unmap_against_load(2, false, Refusal::kSegvMapErr);
  for (const Refusal refusal : {Refusal::kInvalid, Refusal::kNoMemory, Refusal::kKilled})
    expect_found(Law::kAnswer, altered(legal, nth(legal, EventKind::kEnded), [&](Event& e) {
                   e.index = static_cast<std::uint16_t>(refusal);
                 }));
  expect_found(Law::kAnswer, altered(legal, nth(legal, EventKind::kEnded), [](Event& e) { e.place = 9; }));
  expect_found(Law::kAnswer, altered(legal, nth(legal, EventKind::kWentOn), [](Event& e) { e.place = 9; }));
  for (const int who : {2, -1}) {  // the unmap, the load
    const std::size_t told = nth(legal, EventKind::kCommitted, who);
    expect_found(Law::kAnswer, twice(legal, told));
    expect_found(Law::kAnswer, without(legal, told));
    expect_found(Law::kAnswer, swapped(legal, told, told + 1));  // after the lock was given back
    expect_found(Law::kAnswer, swapped(legal, told - 1, told));  // before all that counts was done
    expect_found(Law::kAnswer, altered(legal, told, [](Event& e) { e.index = 99; }));
    expect_found(Law::kAnswer, altered(legal, told, [](Event& e) { e.after = 1; }));
    expect_found(Law::kAnswer, altered(legal, told, [](Event& e) { e.place = kHere; }));
  }
  for (const EventKind kind : {EventKind::kWentOn, EventKind::kEnded})
    expect_found(Law::kCpu1, altered(legal, nth(legal, kind), [](Event& e) { e.cpu = CpuId(1); }));
}

}  // namespace
}  // namespace mmtwin::model
