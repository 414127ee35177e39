// TLB-1, ISO-2 and CONTENT-2 where a leaf comes to name another frame: broken before it is made, copied before it is
// broken.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kPageHere = kHere / kPage;
constexpr std::uint64_t kStoreBits = kBitPresent | kBitAccessed | kBitUser | kBitWritable | kBitDirty | kBitNoExecute;

// What a store replaces: a page that p1 shares with p2, or the zero page.
enum class Old { kShared, kZeroPage };
constexpr Old kOlds[] = {Old::kShared, Old::kZeroPage};

// p1 has an `old` page at kHere; nobody has it cached.
Narrator page_of(Old old, unsigned cpus = 2) {
  Narrator n(machine_of("tiny", cpus));
  n.create(1);
  n.create(3);
  n.map(1, kHere, 4);
  if (old == Old::kShared) {
    n.store(1, kHere, 7);
    n.fork(1, 2);
    return n;
  }
  n.load(1, kHere);
  n.begin(CpuFlushSpace{CpuId(0)});
  n.forget(0, 1, kPageHere, false);
  n.end();
  return n;
}
std::uint64_t value_of(Old old) { return old == Old::kShared ? 7 : 0; }

// Up to the frame that will replace the old one, which is returned.
std::uint64_t begin_store(Narrator& n, Old old) {
  n.begin(n.store_operation(1, kHere, 8));
  n.load_space(1);
  n.walk(1, kPageHere, Access::kStore);
  if (old == Old::kShared) return n.take_copy(n.frame_at(1, kHere));
  n.object(CacheName::kAnonFamily);
  n.object(CacheName::kFamilyLink);
  return n.take_zeroed(Role::kAnon);
}
void finish_store(Narrator& n) {
  n.use(1, kPageHere, Access::kStore);
  n.end();
}

enum class Order { kBreakFlushMake, kMakeFlush, kBreakMakeFlush, kMake };
// CPU 0 stores where n has the old page; the scene is over with the leaf or, by the book, with the store.
Scene replaced(Narrator n, Old old, Order order) {
  const std::uint64_t made = begin_store(n, old);
  if (order == Order::kBreakMakeFlush) n.set_leaf(1, kPageHere, 0);
  if (order == Order::kBreakFlushMake) n.break_leaf(1, kPageHere);
  n.set_leaf(1, kPageHere, entry_of(made, kStoreBits));
  if (order == Order::kMakeFlush || order == Order::kBreakMakeFlush) n.flush_page(1, kPageHere, false, true);
  finish_store(n);
  return n.scene();
}
// Not later than at the store to the leaf.
void expect_found_at_the_store(Scene scene) {
  scene.steps.resize(nth(scene, EventKind::kTableStore) + 1);
  expect_found(Law::kTlb1, scene);
}

TEST(BreakBeforeMake, AnotherCpusSlotIsGoneBeforeTheLeafNamesAnotherFrame) {
  for (const Old old : kOlds) {
    Narrator n = page_of(old);
    n.load(1, kHere, value_of(old), 1);
    expect_legal(replaced(n, old, Order::kBreakFlushMake));
    for (const Order order : {Order::kMakeFlush, Order::kBreakMakeFlush})
      expect_found_at_the_store(replaced(n, old, order));
  }
}

TEST(BreakBeforeMake, SoIsItsOwn) {
  for (const Old old : kOlds) {
    Narrator n = page_of(old);
    n.load(1, kHere, value_of(old));
    expect_legal(replaced(n, old, Order::kBreakFlushMake));
    for (const Order order : {Order::kMakeFlush, Order::kBreakMakeFlush})
      expect_found_at_the_store(replaced(n, old, order));
  }
}

TEST(BreakBeforeMake, WhereNoCpuHasThePageCachedNothingNeedsToBeBroken) {
  for (const Old old : kOlds) expect_legal(replaced(page_of(old), old, Order::kMakeFlush));
}

// The flush reaches neither, and is made up for when the space runs there again.
TEST(BreakBeforeMake, ALazyCpuOrOneThatRunsAnotherSpaceKeepsItsSlot) {
  for (const Old old : kOlds) {
    Narrator lazy = page_of(old);
    lazy.load(1, kHere, value_of(old), 1);
    Narrator elsewhere = lazy;
    lazy.go_lazy(1);
    elsewhere.switch_to(3, 1);
    for (const Narrator& n : {lazy, elsewhere}) {
      expect_legal(replaced(n, old, Order::kBreakFlushMake));
      expect_legal(replaced(n, old, Order::kMakeFlush));
    }
  }
}

// How often the last store to a leaf exercised TLB-1.
std::uint64_t exercised_by_the_leaf(const Scene& scene) {
  Model model;
  model.start(scene.machine, scene.claims);
  const std::size_t stored = nth(scene, EventKind::kTableStore);
  for (std::size_t i = 0; i < stored; ++i) perform(model, scene.steps[i]);
  const std::uint64_t before = model.exercised()[static_cast<unsigned>(Law::kTlb1)];
  perform(model, scene.steps[stored]);
  EXPECT_FALSE(model.finding());
  return model.exercised()[static_cast<unsigned>(Law::kTlb1)] - before;
}

TEST(BreakBeforeMake, IsExercisedWhereACpuStillHasTheOldFrameCached) {
  for (const Old old : kOlds) {
    Narrator n = page_of(old);
    EXPECT_EQ(exercised_by_the_leaf(replaced(n, old, Order::kBreakFlushMake)), 0u);
    n.load(1, kHere, value_of(old), 1);
    EXPECT_EQ(exercised_by_the_leaf(replaced(n, old, Order::kBreakFlushMake)), 0u);
    n.go_lazy(1);
    EXPECT_EQ(exercised_by_the_leaf(replaced(n, old, Order::kBreakFlushMake)), 1u);
  }
}

TEST(BreakBeforeMake, ASlotOfAnotherSpacesPageIsNoneOfThisOne) {
  Narrator n = page_of(Old::kShared);
  n.load(2, kHere, 7, 1);
  n.switch_to(1, 1);
  expect_legal(replaced(n, Old::kShared, Order::kMakeFlush));
  n.load(1, kHere, 7, 1);
  expect_found_at_the_store(replaced(n, Old::kShared, Order::kMakeFlush));
}

// The zero page's leaf is cleared and set again, and a page that p1 has alone becomes writable where it is.
TEST(BreakBeforeMake, ASlotThatNamesTheFrameIsNoOldOne) {
  Narrator n = page_of(Old::kZeroPage);
  n.load(1, kHere, 0, 1);
  n.begin(n.store_operation(1, kHere, 8));
  n.load_space(1);
  n.walk(1, kPageHere, Access::kStore);
  const std::uint64_t leaf = n.leaf(1, kPageHere);
  n.set_leaf(1, kPageHere, 0);
  n.set_leaf(1, kPageHere, leaf);
  n.flush_page(1, kPageHere, false, true);
  n.fault_for_store(1, kPageHere);
  finish_store(n);
  expect_legal(n.scene());

  Narrator alone = page_of(Old::kShared);
  alone.exit(2);
  alone.load(1, kHere, 7, 1);
  alone.store(1, kHere, 8);
  expect_legal(alone.scene());
}

// ---- beside others ----
// CPU 1 has p1's page cached. CPU 0 replaces it and stops before the flush; CPU 2 stores to what is mapped by then.
Scene stored_to_meanwhile(Old old, Order order) {
  Narrator n = page_of(old, 3);
  n.load(1, kHere, value_of(old), 1);
  n.begin_step(n.store_operation(1, kHere, 8), 9);
  n.load_space(1);
  n.walk(1, kPageHere, Access::kStore);
  n.lock(LockClass::kSpace, 1);
  if (old == Old::kZeroPage) {
    n.object(CacheName::kAnonFamily);
    n.object(CacheName::kFamilyLink);
  }
  const std::uint64_t made =
      old == Old::kShared ? n.take_copy(n.frame_at(1, kHere)) : n.take_zeroed(Role::kAnon);
  if (order == Order::kBreakMakeFlush) n.set_leaf(1, kPageHere, 0);
  n.set_leaf(1, kPageHere, entry_of(made, kStoreBits));
  n.begin_step(n.store_operation(1, kHere + 1, 9, 2), 10);
  n.load_space(1);
  n.use(1, kPageHere, Access::kStore);
  n.end();
  n.begin_step(MemoryLoad{CpuId(1), SpaceHandle(1), place(kHere + 1), Width(1)}, 11);
  n.translated(kPageHere, Access::kLoad);
  n.end();
  return n.scene();
}

TEST(BreakBeforeMake, ANewPageIsStoredToByNobodyWhileAnotherCpuReadsTheOld) {
  for (const Old old : kOlds)
    for (const Order order : {Order::kMake, Order::kBreakMakeFlush}) {
      Scene scene = stored_to_meanwhile(old, order);
      expect_found(Law::kTlb1, scene);
      scene.steps.resize(nth(scene, EventKind::kTableStore) + 1);
      expect_found(Law::kTlb1, scene);
    }
}

// ---- what a copy holds ----
SeenBytes seen_in(std::uint64_t frame, std::uint8_t first) {
  SeenBytes bytes{frame, {}};
  bytes.seen[0] = first;
  return bytes;
}

// CPU 0 copies the page that p1 shares with p2 and clears p1's leaf; CPU 1, which runs p2, stores 9 to the original, in
// place since nobody else maps it; then CPU 0 sets the leaf, and stores a byte further on.
TEST(CopyOnWrite, ACopyHoldsWhatItsOriginalHeldWhenItWasCopied) {
  Narrator n = page_of(Old::kShared);
  const std::uint64_t original = n.frame_at(1, kHere);
  n.begin_step(n.store_operation(1, kHere + 1, 8), 9);
  n.load_space(1);
  n.walk(1, kPageHere, Access::kStore);
  n.lock(LockClass::kSpace, 1);
  const std::uint64_t copy = n.take_copy(original);
  n.break_leaf(1, kPageHere);
  n.begin_step(n.store_operation(2, kHere, 9, 1), 10);
  n.load_space(2);
  n.walk(2, kPageHere, Access::kStore);
  n.lock(LockClass::kSpace, 2);
  n.fault_for_store(2, kPageHere);
  n.unlock(LockClass::kSpace, 2);
  n.use(2, kPageHere, Access::kStore);
  n.end();
  n.go_on(9, 0);
  n.set_leaf(1, kPageHere, entry_of(copy, kStoreBits));
  n.unlock(LockClass::kSpace, 1);
  n.use(1, kPageHere, Access::kStore);
  n.ended(9);
  ASSERT_EQ(n.frame_at(2, kHere), original);
  SeenBytes of_copy = seen_in(copy, 7);
  of_copy.seen[1] = 8;
  n.step(of_copy);
  n.step(seen_in(original, 9));
  n.load(1, kHere, 7);
  n.load(2, kHere, 9, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kContent2,
               altered<SeenBytes>(legal, nth<SeenBytes>(legal, 0), [](SeenBytes& s) { s.seen[0] = 9; }));
}

// CPU 1 stores 9, in step 11, and faults.
void stored_by_cpu_1(Narrator& n) {
  n.begin_step(n.store_operation(1, kHere, 9, 1), 11);
  n.walk(1, kPageHere, Access::kStore);
  n.lock(LockClass::kSpace, 1);
  n.fault_for_store(1, kPageHere);
  n.unlock(LockClass::kSpace, 1);
  n.use(1, kPageHere, Access::kStore);
  n.end();
}

// CPU 0 copies the page before it has p1's lock. Meanwhile p2 ends and, or not, CPU 1 stores to p1's page, in place.
// Then CPU 0 has the lock and replaces the page by the copy, or reuses it and gives the copy back, or keeps that.
enum class Then { kReplaces, kReuses, kKeepsBoth };
Scene copied_early(bool is_stored_to, Then then) {
  Narrator n = page_of(Old::kShared);
  n.switch_to(1, 1);
  const std::uint64_t original = n.frame_at(1, kHere);
  n.begin_step(n.store_operation(1, kHere + 1, 8), 9);
  n.load_space(1);
  n.walk(1, kPageHere, Access::kStore);
  const std::uint64_t copy = n.take_copy(original);
  n.begin_step(SpaceExit{CpuId(1), SpaceHandle(2)}, 10);
  n.tear_down(2);
  n.end();
  if (is_stored_to) stored_by_cpu_1(n);
  n.go_on(9, 0);
  n.lock(LockClass::kSpace, 1);
  if (then == Then::kReplaces) {
    n.break_leaf(1, kPageHere);
    n.set_leaf(1, kPageHere, entry_of(copy, kStoreBits));
    n.put(original);
  } else {
    if (!is_stored_to) n.set_leaf(1, kPageHere, entry_of(original, kStoreBits));
    if (then == Then::kReuses) n.put(copy);
  }
  n.unlock(LockClass::kSpace, 1);
  n.use(1, kPageHere, Access::kStore);
  n.ended(9);
  n.load(1, kHere, is_stored_to ? 9 : 7);
  n.load(1, kHere + 1, 8);
  return n.scene();
}

TEST(CopyOnWrite, NothingIsStoredThereUntilTheCopyIsMapped) {
  expect_legal(copied_early(false, Then::kReplaces));
  expect_found(Law::kContent2, copied_early(true, Then::kReplaces));
}

// CPU 1 stores through a slot that it has until it hears of the flush: its leaf is cleared already.
TEST(CopyOnWrite, NorThroughASlotThatAwaitsItsFlush) {
  for (const bool is_stored_to : {false, true}) {
    Narrator n = page_of(Old::kShared);
    n.switch_to(1, 1);
    n.begin_step(n.store_operation(1, kHere + 1, 8), 9);
    n.load_space(1);
    n.walk(1, kPageHere, Access::kStore);
    n.begin_step(SpaceExit{CpuId(1), SpaceHandle(2)}, 10);
    n.tear_down(2);
    n.end();
    stored_by_cpu_1(n);
    n.go_on(9, 0);
    n.lock(LockClass::kSpace, 1);
    const std::uint64_t original = n.frame_at(1, kHere), copy = n.take_copy(original);
    n.set_leaf(1, kPageHere, 0);
    if (is_stored_to) {
      n.begin_step(n.store_operation(1, kHere, 10, 1), 12);
      n.translated(kPageHere, Access::kStore);
      n.end();
      n.go_on(9, 0);
    }
    n.flush_page(1, kPageHere, false, true);
    n.set_leaf(1, kPageHere, entry_of(copy, kStoreBits));
    n.put(original);
    n.unlock(LockClass::kSpace, 1);
    n.use(1, kPageHere, Access::kStore);
    n.ended(9);
    // Nothing else is wrong with it but that the copy was not needed: the other space is gone.
    expect_found(is_stored_to ? Law::kContent2 : Law::kCow2, n.scene());
  }
}

TEST(CopyOnWrite, ACopyThatIsNotNeededIsGivenBack) {
  for (const bool is_stored_to : {false, true}) {
    expect_legal(copied_early(is_stored_to, Then::kReuses));
    expect_found(Law::kRollback2, copied_early(is_stored_to, Then::kKeepsBoth));
  }
}

// What was mapped there until it was cleared others may have stored to.
TEST(CopyOnWrite, TheOriginalIsWhatIsMappedThere) {
  Narrator n = page_of(Old::kShared);
  n.store(1, kHere + kPage, 5);
  const std::uint64_t original = n.frame_at(1, kHere), neighbour = n.frame_at(1, kHere + kPage);
  n.begin(n.store_operation(1, kHere, 8));
  n.walk(1, kPageHere, Access::kStore);
  Narrator cleared = n;
  n.take_copy(original);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (const std::uint64_t other : {neighbour, n.zero_page(), n.root(1), std::uint64_t{40}, std::uint64_t{4000}})
    expect_found(Law::kIso2,
                 altered(legal, nth(legal, EventKind::kFrameCopied), [&](Event& e) { e.place = other; }));
  cleared.break_leaf(1, kPageHere);
  cleared.take_copy(original);
  expect_found(Law::kIso2, cleared.scene());
}

// A new page is mapped once: what was taken away again is not to be had from the same store.
TEST(CopyOnWrite, ANewPageIsMappedOnce) {
  for (const Old old : kOlds) {
    Narrator n = page_of(old);
    const std::uint64_t made = begin_store(n, old);
    n.break_leaf(1, kPageHere);
    n.set_leaf(1, kPageHere, entry_of(made, kStoreBits));
    n.break_leaf(1, kPageHere);
    expect_legal(n.scene());
    n.set_leaf(1, kPageHere, entry_of(made, kStoreBits));
    expect_found(Law::kIso1, n.scene());
  }
}

}  // namespace
}  // namespace mmtwin::model
