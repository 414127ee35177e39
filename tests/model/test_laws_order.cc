// What the judge did not notice until legal runs were altered: ends that are not told, walks and faults told twice,
// flushes told in part, locks taken too late.
#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kPageHere = kHere / kPage, kThere = 0x200000;
constexpr EventKind kTaken = EventKind::kLockTaken;

Claims narrated_locks() { return all_claims_and({Claim::kLocks}); }

// Beside a map in flight, CPU 0 loads from a page that nobody touched yet: a walk, a fault, a walk.
Scene load_beside_a_map() {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.map(1, kHere, 2);
  n.store(1, kHere, 7);
  n.begin_step(Narrator::map_operation(1, kThere, 1, kReadWrite, 1), 5);
  n.begin_step(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere + kPage), Width(1)}, 6);
  n.walk(1, kPageHere + 1, Access::kLoad);
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, kPageHere + 1, entry_of(n.zero_page(), n.bits_for_reading(1, kPageHere + 1) | kBitSpecial));
  n.unlock(LockClass::kSpace, 1);
  n.walk(1, kPageHere + 1, Access::kLoad);
  n.translated(kPageHere + 1, Access::kLoad);
  n.end();
  n.go_on(5, 1);
  n.load_space(1);
  n.map_locked();
  n.ended(5, kThere);
  return n.scene();
}

// A store to a page that no range holds, or that one does: only the second may ask for a family first.
TEST(Oom1, AFaultThatIsRefusedAnywayAsksForNoMemory) {
  const auto asked = [](bool is_mapped) {
    Narrator n(machine_of("tiny"), narrated_locks());
    n.create(1);
    if (is_mapped) n.map(1, kHere, 1);
    n.fail_next(1);
    n.begin(Narrator::store_operation(1, kHere, 1));
    n.load_space(1);
    n.walk(1, kHere / kPage, Access::kStore);
    n.lock(LockClass::kSpace, 1);
    n.object(CacheName::kAnonFamily);
    n.inject();
    n.refuse_object();
    n.unlock(LockClass::kSpace, 1);
    return n.scene();
  };
  expect_legal(asked(true));
  expect_found(Law::kOom1, asked(false));
}

TEST(Walk1, AnAccessIsRefusedByAFault) {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)});
  n.load_space(1);
  n.walk(1, kPageHere, Access::kLoad);
  n.end(Refusal::kSegvMapErr);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kWalk1, without(legal, nth(legal, EventKind::kFaulted)));
}

TEST(Overlap, AWalkStartsAnewAndAFaultRecursOnlyIfOthersActed) {
  const Scene legal = load_beside_a_map();
  expect_legal(legal);
  expect_found(Law::kWalk1, twice(legal, nth(legal, EventKind::kFaulted)));
  for (const int walk : {-2, -1}) expect_found(Law::kWalk1, twice(legal, nth(legal, EventKind::kWalkCacheUsed, walk)));
}

TEST(Overlap, WhoActsIsToldOnce) {
  const Scene legal = load_beside_a_map();
  expect_found(Law::kAnswer, twice(legal, nth(legal, EventKind::kWentOn)));
}

TEST(Overlap, AnAccessThatHappenedAnswersSo) {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.map(1, kHere, 1);
  n.store(1, kHere, 7);
  n.begin_step(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)}, 4);
  n.translated(kPageHere, Access::kLoad);
  n.begin_step(Narrator::map_operation(1, kThere, 1, kReadWrite, 1), 5);
  n.load_space(1);
  n.map_locked();
  n.end(Refusal::kNone, kThere);
  n.go_on(4, 0);
  n.ended(4, 7);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (const Refusal refusal : {Refusal::kOom, Refusal::kKilled})
    expect_found(Law::kAnswer, altered(legal, nth(legal, EventKind::kEnded), [&](Event& e) {
                   e.index = static_cast<std::uint16_t>(refusal);
                   e.after = 0;
                 }));
}

TEST(Live2, TheEndOfAnOperationIsTold) {
  const Scene legal = load_beside_a_map();
  for (const bool is_told : {true, false}) {
    Model model;
    const Scene scene = is_told ? legal : without(legal, nth(legal, EventKind::kEnded));
    EXPECT_FALSE(judged(model, scene).law.has_value());
    model.judge_ended(StepNumber(5));
    EXPECT_EQ(model.finding().has_value(), !is_told);
  }
}

// CPU 0 takes away one page that CPU 1 has cached; CPU 2 is in the middle of a map.
TEST(Overlap, AFlushOfAPageDropsItsWalkCachesToo) {
  Narrator n(machine_of("tiny", 3));
  n.create(1);
  n.map(1, kHere, 2);
  n.store(1, kHere, 7);
  n.load(1, kHere, 7, 1);
  n.begin_step(Narrator::map_operation(1, kThere, 1, kReadWrite, 2), 5);
  n.begin_step(RangeProtect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(2 * kPage), Prot(kProtRead)}, 6);
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, kPageHere, n.leaf(1, kPageHere) & ~kBitWritable);
  n.flush_page(1, kPageHere);
  n.unlock(LockClass::kSpace, 1);
  n.end();
  n.go_on(5, 2);
  n.load_space(1);
  n.map_locked();
  n.ended(5, kThere);
  const Scene legal = n.scene();
  expect_legal(legal);
  std::size_t dropped = nth(legal, EventKind::kInterruptAnswered);
  ASSERT_EQ(std::get<Event>(legal.steps[--dropped]).kind, EventKind::kWalkCacheDropped);
  expect_found(Law::kTlb2, without(legal, dropped));
}

// A store to a page that a fork shares, which CPU 0 has cached: what the fault flushes, nobody has walked to yet.
TEST(Tlb2, AFaultFlushesItsPageBeforeItIsOver) {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, kHere, 1);
  n.store(1, kHere, 7);
  n.fork(1, 2);
  n.load(1, kHere, 7);
  n.begin(Narrator::store_operation(1, kHere, 8));
  n.walk(1, kPageHere, Access::kStore);
  n.lock(LockClass::kSpace, 1);
  n.fault_for_store(1, kPageHere);
  n.unlock(LockClass::kSpace, 1);
  const std::size_t over = n.scene().steps.size();
  n.walk(1, kPageHere, Access::kStore);
  n.translated(kPageHere, Access::kStore);
  n.end();
  Scene legal = n.scene();
  expect_legal(legal);
  legal.steps.resize(over);
  expect_legal(legal);
  expect_found(Law::kTlb2, without(legal, nth(legal, EventKind::kWalkCacheDropped)));
}

TEST(Lock1, BootGivesItsLocksBack) {
  Scene boot = locked_life();
  boot.steps.resize(nth<Booted>(boot) + 1);
  expect_legal(boot);
  expect_found(Law::kLock1, before(boot, nth<Booted>(boot), {boot.steps[nth(boot, kTaken)]}));
}

TEST(Lock4, BootLocksWhatItTakesFrom) {
  const Scene legal = locked_life();
  ASSERT_LT(nth(legal, kTaken, 0), nth<Booted>(legal));
  expect_found(Law::kLock4, swapped(legal, nth(legal, kTaken, 0), nth(legal, kTaken, 0) + 1));
}

TEST(Frame1, NobodyTakesASpacesLockForAPageThatWasAskedFor) {
  const Scene legal = locked_life();
  const std::size_t table = nth(legal, EventKind::kPageRequested, -3);  // the first of three for the fault
  ASSERT_EQ(std::get<Event>(legal.steps[table - 1]).kind, kTaken);
  expect_found(Law::kFrame1, swapped(legal, table - 1, table));
}

TEST(Lock4, ASpaceIsKilledUnderItsLock) {
  Narrator n(machine_of("tiny"), narrated_locks());
  n.create(1);
  n.begin(Narrator::map_operation(1, kHere, 1));
  n.load_space(1);
  n.map_locked();
  n.note_mapped(1, kHere, 1, kReadWrite);
  n.end(Refusal::kNone, kHere);
  n.fail_next(1);
  n.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)});
  n.walk(1, kPageHere, Access::kLoad);
  n.request(Role::kTable);
  n.inject();
  n.refuse_page();
  n.lock(LockClass::kSpace, 1);
  n.event(EventKind::kSpaceKilled, n.root(1));
  n.tear_down(1);
  n.unlock(LockClass::kSpace, 1);
  n.end(Refusal::kOom);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t killed = nth(legal, EventKind::kSpaceKilled);
  expect_found(Law::kLock4, swapped(legal, killed - 1, killed));
}

}  // namespace
}  // namespace mmtwin::model
