// Two operations on one CPU: where one may have the CPU while the other is in flight, and what is to be done on return.
#include <cstdint>
#include <vector>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kThere = 0x200000;
constexpr std::uint64_t kPageHere = kHere / kPage;

Narrator two_spaces(unsigned cpus = 1) {
  Narrator n(machine_of("tiny", cpus));
  n.create(1);
  n.create(2);
  return n;
}

// A map of p1 pauses before it has the space's lock. An operation of p2 has the CPU meanwhile.
Scene map_preempted() {
  Narrator n = two_spaces();
  n.begin_step(Narrator::map_operation(1, kHere, 1), 3);
  n.load_space(1);
  n.begin_step(Narrator::map_operation(2, kThere, 1), 4);
  n.load_space(2);
  n.lock(LockClass::kSpace, 2);
  n.object(CacheName::kRange);
  n.unlock(LockClass::kSpace, 2);
  n.end(Refusal::kNone, kThere);
  n.go_on(3, 0);
  n.load_space(1);
  n.map_locked();
  n.ended(3, kHere);
  return n.scene();
}

TEST(Preemption, WhoReturnsToItsCpuLoadsItsSpaceAgainFirst) {
  const Scene legal = map_preempted();
  expect_legal(legal);
  const std::size_t loaded = nth(legal, EventKind::kSpaceLoaded);
  expect_found(Law::kCpu1, without(legal, loaded));
  expect_found(Law::kCpu1, swapped(legal, loaded, loaded + 1));
  expect_found(Law::kCpu1, twice(legal, loaded));
}

TEST(Preemption, AThreadOfTheSameSpaceLeavesNothingToLoad) {
  Narrator n = two_spaces();
  n.begin_step(Narrator::map_operation(1, kHere, 1), 3);
  n.load_space(1);
  n.begin_step(Narrator::map_operation(1, kThere, 1), 4);
  n.map_locked();
  n.end(Refusal::kNone, kThere);
  n.go_on(3, 0);
  n.map_locked();
  n.ended(3, kHere);
  const Scene legal = n.scene();
  expect_legal(legal);
  Event again = std::get<Event>(legal.steps[nth(legal, EventKind::kSpaceLoaded)]);
  expect_found(Law::kCpu1, before(legal, nth(legal, EventKind::kWentOn) + 1, {again}));
}

TEST(Preemption, ASpinningLockKeepsItsCpu) {
  const Scene legal = map_preempted();
  const std::size_t preempted = nth<Numbered>(legal);
  const auto lock = [](EventKind kind, LockClass lock_class) {
    Event e = event_of(kind, 0, lock_class == LockClass::kSpace ? 1 : 0);
    e.index = static_cast<std::uint16_t>(lock_class);
    return e;
  };
  expect_found(Law::kLock3, before(legal, preempted, {lock(EventKind::kLockTaken, LockClass::kFamily)}));
  // A space's lock is one that sleeps.
  Narrator n = two_spaces();
  n.begin_step(Narrator::map_operation(1, kHere, 1), 3);
  n.load_space(1);
  n.lock(LockClass::kSpace, 1);
  n.begin_step(Narrator::map_operation(2, kThere, 1), 4);
  n.load_space(2);
  n.lock(LockClass::kSpace, 2);
  n.object(CacheName::kRange);
  n.unlock(LockClass::kSpace, 2);
  n.end(Refusal::kNone, kThere);
  n.go_on(3, 0);
  n.load_space(1);
  n.object(CacheName::kRange);
  n.unlock(LockClass::kSpace, 1);
  n.ended(3, kHere);
  expect_legal(n.scene());
}

TEST(Preemption, AWalkKeepsItsCpu) {
  Narrator n = two_spaces();
  n.map(1, kHere, 1);
  n.load(1, kHere, 0);
  n.begin(CpuFlushSpace{CpuId(0)});
  n.forget(0, 1, kPageHere, false);
  n.end();
  n.begin_step(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)}, 5);
  n.use(1, kPageHere, Access::kLoad);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t walking = nth(legal, EventKind::kWalkCacheFilled) + 1;
  const Numbered other{Narrator::map_operation(2, kThere, 1), 6};
  expect_found(Law::kCpu1, before(legal, walking, {other}));
}

TEST(Preemption, WhoWaitsForAnInterruptKeepsItsCpu) {
  Narrator n = two_spaces(2);
  n.map(1, kHere, 1);
  n.store(1, kHere, 7);
  n.load(1, kHere, 7, 1);
  n.begin_step(RangeProtect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kProtRead}, 6);
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, kPageHere, n.leaf(1, kPageHere) & ~kBitWritable);
  n.flush_page(1, kPageHere);
  n.unlock(LockClass::kSpace, 1);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  const Numbered other{Narrator::map_operation(2, kThere, 1), 7};
  expect_found(Law::kCpu1, before(legal, nth(legal, EventKind::kInterruptSent) + 1, {other}));
}

TEST(Preemption, WhoHasAFreshFrameKeepsItsCpu) {
  Narrator n = two_spaces();
  n.map(1, kHere, 1);
  n.begin_step(Narrator::store_operation(1, kHere, 7), 4);
  n.use(1, kPageHere, Access::kStore);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  const Numbered other{Narrator::map_operation(2, kThere, 1), 5};
  expect_found(Law::kCpu1, before(legal, nth(legal, EventKind::kFrameZeroed), {other}));
}

// CPU 0 protects a page of p1; before its flush another thread of p1 has the CPU, which has the page cached.
Scene protect_preempted(bool flushes) {
  Narrator n = two_spaces();
  n.map(1, kHere, 1);
  n.store(1, kHere, 7);
  n.begin_step(RangeProtect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kProtRead}, 5);
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, kPageHere, n.leaf(1, kPageHere) & ~kBitWritable);
  n.begin_step(Narrator::store_operation(1, kHere, 8), 6);
  n.translated(kPageHere, Access::kStore);
  n.end();
  n.go_on(5, 0);
  if (flushes) n.flush_page(1, kPageHere);
  n.unlock(LockClass::kSpace, 1);
  n.ended(5);
  return n.scene();
}

TEST(Preemption, WhatIsCachedIsUsedUntilThePreemptedOperationFlushes) {
  expect_legal(protect_preempted(true));
  expect_found(Law::kTlb1, protect_preempted(false));
  // After the lock was given back nothing stale may be used any more, by whomever.
  const Scene legal = protect_preempted(true);
  const std::size_t use = nth(legal, EventKind::kTlbUsed);
  Scene late = legal;
  const std::vector<Step> access(late.steps.begin() + static_cast<std::ptrdiff_t>(use) - 1,
                                 late.steps.begin() + static_cast<std::ptrdiff_t>(use) + 1);
  expect_found(Law::kTlb1, before(late, nth(late, EventKind::kLockReleased) + 1, access));
}

// ---- a CPU that changes from one space to another ----

enum class Where { kAboutToLoad, kHasJustLoaded, kWentOn };

// CPU 1 runs the space `runs`, or is lazy in it. Its load of a byte of `space`, or a request for a page where that is
// 0, stops there; CPU 0 unmaps a page of p1 and interrupts CPU 1.
Scene flush_beside_a_switch(unsigned runs, unsigned space, Where where, bool lazy = false) {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.create(2);
  n.map(1, kHere, 1);
  n.store(1, kHere, 7);
  n.switch_to(runs, 1);
  if (lazy) n.go_lazy(1);
  if (space != 0)
    n.begin_step(MemoryLoad{CpuId(1), SpaceHandle(space), place(kThere), Width(1)}, 7);
  else
    n.begin_step(PagesAlloc{CpuId(1), Order(0), kGfpKernel, kAnyNode, Fresh<'b'>(1)}, 7);
  if (where != Where::kAboutToLoad) n.load_space(space);
  if (where == Where::kWentOn) n.faulted(kThere / kPage, Access::kLoad);
  n.begin_step(RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage)}, 8);
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, kHere / kPage, 0);
  n.flush_page(1, kHere / kPage);
  const bool has_heard = runs == 1 && !lazy && where == Where::kAboutToLoad;
  if (!has_heard) n.ask_to_flush(1, 1);
  n.hear();
  return n.scene();
}

TEST(Switching, ACpuThatComesOrHasJustLeftIsInterruptedForNothing) {
  expect_legal(flush_beside_a_switch(2, 1, Where::kAboutToLoad));
  expect_legal(flush_beside_a_switch(1, 2, Where::kHasJustLoaded));
}

TEST(Switching, SoIsALazyOneThatWakes) {
  expect_legal(flush_beside_a_switch(1, 2, Where::kAboutToLoad, true));
  expect_legal(flush_beside_a_switch(1, 1, Where::kAboutToLoad, true));
  expect_found(Law::kCpu2, flush_beside_a_switch(1, 0, Where::kAboutToLoad, true));
  expect_found(Law::kCpu2, flush_beside_a_switch(2, 0, Where::kAboutToLoad, true));
}

TEST(Switching, OneThatWentOnOrRunsAnotherSpaceIsNot) {
  expect_found(Law::kCpu2, flush_beside_a_switch(2, 2, Where::kAboutToLoad));
  expect_found(Law::kCpu2, flush_beside_a_switch(1, 2, Where::kWentOn));
}

}  // namespace
}  // namespace mmtwin::model
