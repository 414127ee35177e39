// PT, FRAME-3, ROLLBACK and OOM of killed spaces: how tables come and go, and what refused operations leave behind.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kNear = 0x140000, kThere = 0x1100000;
constexpr EventKind kStored = EventKind::kTableStore, kZeroed = EventKind::kFrameZeroed,
                    kReturned = EventKind::kFrameReturned, kMarked = EventKind::kTableMark;

// p1 stored 7 at kHere; its tables are made one below the other.
Narrator one_page() {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.map(1, kHere, 4);
  n.store(1, kHere, 7);
  return n;
}
// Two leaf tables below one; the second goes with its range.
Narrator two_tables_then_one() {
  Narrator n = one_page();
  n.map(1, kNear, 1);
  n.store(1, kNear, 8);
  n.unmap(1, kNear, 1);
  return n;
}
auto to_frame(std::uint64_t frame) {
  return [frame](Event& e) { e.frame = Pfn(frame); };
}
auto to_entry(std::uint64_t frame) {
  return [frame](Event& e) { e.after = entry_of(frame, kLink); };
}

// ---- PT ----
TEST(Pt1, ATableIsZeroedThenLinkedThenFilled) {
  const Scene legal = one_page().scene();
  expect_legal(legal);
  expect_found(Law::kPt1, without(legal, nth(legal, kStored, 0)));
  expect_found(Law::kIso2, without(legal, nth(legal, kZeroed, 2)));  // the root: 0 and 1 are boot's
  expect_found(Law::kIso2, without(legal, nth(legal, kZeroed, 3)));
  expect_found(Law::kPt1, altered(legal, nth(legal, kStored), to_frame(40)));
  expect_found(Law::kPt1, altered(legal, nth(legal, kStored), to_frame(64)));
  expect_found(Law::kPt1, altered(legal, nth(legal, kStored), [](Event& e) { e.index = 16; }));
}

TEST(Pt1, ATableIsLinkedOnce) {
  Narrator n = one_page();
  n.map(1, kThere, 1);
  n.store(1, kThere, 8);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t link = nth(legal, kStored, -2);
  expect_found(Law::kPt1, altered(legal, link, to_entry(n.leaf_table(1, kHere))));
  expect_found(Law::kPt1, altered(legal, link, to_entry(n.kernel_root())));
  expect_found(Law::kPt1, altered(legal, link, to_entry(40)));
  expect_found(Law::kPt1, altered(legal, link, to_entry(64)));
  expect_found(Law::kPt1, altered(legal, link, [](Event& e) { e.after |= kBitHuge; }));
}

TEST(Pt1, ALinkIsNeverReplacedAndALeafIsPresentOrZero) {
  const Scene legal = one_page().scene();
  Event link = std::get<Event>(legal.steps[nth(legal, kStored, 0)]);
  link.before = link.after;
  link.after = entry_of(40, kLink);
  expect_found(Law::kPt1, before(legal, nth(legal, kStored) + 1, {link}));
  expect_found(Law::kPt1, altered(legal, nth(legal, kStored), [](Event& e) { e.after &= ~kBitPresent; }));
}

TEST(Pt1, OnlyAnEmptyTableIsUnlinked) {
  const Scene legal = two_tables_then_one().scene();
  expect_legal(legal);
  Scene swapped_stores = legal;
  std::swap(swapped_stores.steps[nth(legal, kStored, -2)], swapped_stores.steps[nth(legal, kStored)]);
  expect_found(Law::kPt1, swapped_stores);
}

TEST(Pt1, ARootTableIsLoadedAndASpaceHasOne) {
  const Scene legal = one_page().scene();
  const std::size_t loaded = nth(legal, EventKind::kSpaceLoaded);
  expect_found(Law::kPt1, altered(legal, loaded, to_frame(1)));
  expect_found(Law::kPt1, altered(legal, loaded, to_frame(64)));
  Writer w(machine_of("tiny"));
  w.boot();
  w.begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(1)});
  w.object(CacheName::kSpace);
  Writer twice = w;
  w.end();
  expect_found(Law::kPt1, w.scene());
  twice.take_zeroed(Role::kRootTable);
  twice.take_zeroed(Role::kRootTable);
  expect_found(Law::kFrame1, twice.scene());
}

TEST(Pt2, ATableExistsOnlyWhereARangeJustifiesIt) {
  Narrator n = one_page();
  n.begin(n.store_operation(1, kThere, 8));
  n.walk(1, kThere / kPage, Access::kStore);
  n.reach(1, kThere / kPage);
  expect_found(Law::kPt2, n.scene());
  const Scene legal = two_tables_then_one().scene();
  Scene kept = legal;
  kept.steps.erase(kept.steps.begin() + static_cast<std::ptrdiff_t>(nth(legal, kStored)), kept.steps.end() - 1);
  expect_found(Law::kPt2, kept);
}

TEST(Pt2, ASpaceThatIsGoneHasNoRoot) {
  Narrator n = one_page();
  n.exit(1);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kPt2, without(legal, nth(legal, kReturned)));
}

TEST(Pt3, ATableHoldsWhatWasStoredThere) {
  Narrator n = one_page();
  const Scene told = n.scene();
  expect_found(Law::kPt3, altered(told, nth(told, kStored), [](Event& e) { e.before = kBitUser; }));
  EntryObservation entry{.present = true, .writable = true, .user = true, .executable = false, .accessed = true,
                         .dirty = true, .frame = Pfn(n.frame_at(1, kHere))};
  n.step(SeenEntry{1, kHere / kPage, entry});
  n.step(SeenEntry{1, kHere / kPage + 1, {}});
  const Scene legal = n.scene();
  expect_legal(legal);
  const auto with = [&](auto change) {
    return altered<SeenEntry>(legal, nth<SeenEntry>(legal, 0), [&](SeenEntry& s) { change(s.seen); });
  };
  expect_found(Law::kPt3, with([](EntryObservation& e) { e.present = false; }));
  expect_found(Law::kPt3, with([](EntryObservation& e) { e.writable = false; }));
  expect_found(Law::kPt3, with([](EntryObservation& e) { e.user = false; }));
  expect_found(Law::kPt3, with([](EntryObservation& e) { e.executable = true; }));
  expect_found(Law::kPt3, with([](EntryObservation& e) { e.accessed = false; }));
  expect_found(Law::kPt3, with([](EntryObservation& e) { e.dirty = false; }));
  expect_found(Law::kPt3, with([](EntryObservation& e) { e.frame = Pfn(40); }));
  expect_found(Law::kPt3, altered<SeenEntry>(legal, nth<SeenEntry>(legal),
                                             [](SeenEntry& s) { s.seen.present = true; }));
}

TEST(Pt3, TheWalkerMarksPresentEntriesOfTables) {
  Narrator n = one_page();
  const Scene legal = n.scene();
  const std::size_t marked = nth(legal, kMarked);
  expect_found(Law::kPt3, altered(legal, marked, [](Event& e) { e.after |= kBitDirty; }));
  expect_found(Law::kPt3, altered(legal, marked, [](Event& e) { e.after &= ~kBitUser; }));
  expect_found(Law::kPt3, altered(legal, marked, [](Event& e) { e.before |= kBitDirty; }));
  expect_found(Law::kPt3, altered(legal, marked, [](Event& e) {
                 e.index = 15;
                 e.before = 0;
                 e.after = kBitAccessed;
               }));
  expect_found(Law::kPt1, altered(legal, marked, [](Event& e) { e.index = 16; }));
  for (const std::uint64_t frame : {n.frame_at(1, kHere), n.zero_page(), std::uint64_t{40}, std::uint64_t{64}})
    expect_found(Law::kPt1, altered(legal, marked, to_frame(frame)));
}

TEST(Pt3, SoftwareNeitherLosesNorInventsMarks) {
  Narrator forked = one_page();
  forked.fork(1, 2);
  const Scene copied = forked.scene();
  expect_legal(copied);
  const std::size_t parent = nth(copied, kStored, -2), child = nth(copied, kStored);
  expect_found(Law::kPt3, altered(copied, child, [](Event& e) { e.after |= kBitAccessed; }));
  expect_found(Law::kPt3, altered(copied, child, [](Event& e) { e.after &= ~kBitDirty; }));
  expect_found(Law::kPt3, altered(copied, parent, [](Event& e) { e.after &= ~kBitDirty; }));
  Narrator untouched = one_page();
  untouched.load(1, kHere + kPage);
  const Scene zero = untouched.scene();
  expect_legal(zero);
  expect_found(Law::kPt3, altered(zero, nth(zero, kStored), [](Event& e) { e.after |= kBitDirty; }));
}

// ---- FRAME-2, FRAME-3 ----
TEST(Frame2, CountsEqualTheReferencesThatExist) {
  Narrator n = one_page();
  n.fork(1, 2);
  const FrameObservation seen{.state = FrameState::kUsed, .role = Role::kAnon, .order = {}, .cpu = {},
                              .head = Pfn(n.frame_at(1, kHere)), .references = 2, .mappings = 2, .exclusive = false};
  n.step(SeenFrame{seen.head.raw(), seen});
  n.exit(2);
  n.store(1, kHere, 8);
  FrameObservation own = seen;
  own.references = own.mappings = 1;
  own.exclusive = true;
  n.step(SeenFrame{own.head.raw(), own});
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int i : {0, 1}) {
    const auto with = [&](auto change) {
      return altered<SeenFrame>(legal, nth<SeenFrame>(legal, i), [&](SeenFrame& s) { change(s.seen); });
    };
    expect_found(Law::kFrame2, with([](FrameObservation& s) { ++s.references; }));
    expect_found(Law::kFrame2, with([](FrameObservation& s) { --s.mappings; }));
    expect_found(Law::kFrame2, with([](FrameObservation& s) { s.exclusive = !s.exclusive; }));
  }
}

// A page may have two references: one fork is legal, and a second one must be refused.
TEST(Frame2, NoPageHasMoreReferencesThanItMay) {
  MachineDescription machine = machine_of("tiny");
  machine.reference_cap = 2;
  Narrator n(machine);
  n.create(1);
  n.map(1, kHere, 2);
  n.store(1, kHere, 7);
  n.fork(1, 2);
  Narrator beyond = n;
  n.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(3)});
  n.object(CacheName::kSpace);
  n.start_child(1, 3);
  n.tear_down(3);
  n.end(Refusal::kNoMemory);
  n.exit(2);
  n.fork(1, 2);
  expect_legal(n.scene());
  beyond.fork(2, 3);
  expect_found(Law::kFrame2, beyond.scene());
}

TEST(Frame2, AForkIsNotRefusedBeforeItsPagesHaveAllTheReferencesTheyMayHave) {
  Narrator n = one_page();
  n.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
  n.object(CacheName::kSpace);
  n.start_child(1, 2);
  n.tear_down(2);
  n.end(Refusal::kNoMemory);
  expect_found(Law::kAnswer, n.scene());
}

TEST(Frame3, AFrameIsReturnedOnlyWhenNothingRefersToIt) {
  const Scene legal = two_tables_then_one().scene();
  const std::size_t page = nth(legal, kReturned, -2), table = nth(legal, kReturned);
  const std::size_t leaf = nth(legal, kStored, -2), link = nth(legal, kStored);
  expect_found(Law::kFrame3, before(without(legal, page), leaf, {legal.steps[page]}));
  expect_found(Law::kFrame3, before(without(legal, table), link, {legal.steps[table]}));
}

TEST(Frame1, ARootStaysAsLongAsItsSpace) {
  Narrator n = one_page();
  n.unmap(1, kHere, 4);
  n.exit(1);
  const Scene legal = n.scene();
  const std::size_t root = nth(legal, kReturned), exit = nth<Operation>(legal);
  expect_found(Law::kTlb2, before(legal, exit - 1, {legal.steps[root]}));
  expect_found(Law::kCpu1, before(legal, exit - 1, {legal.steps[nth(legal, EventKind::kSpaceLoaded)]}));
  Narrator other = one_page();
  other.create(2);
  other.begin(drain_of(0));
  other.put(other.root(2));
  expect_found(Law::kFrame1, other.scene());
}

// ---- refusals ----
// The fault of p1 finds no frame for its page: everything goes.
Narrator killed_space() {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, kHere, 4);
  n.fail_next(6);
  n.begin(n.store_operation(1, kHere, 7));
  n.load_space(1);
  n.walk(1, kHere / kPage, Access::kStore);
  n.object(CacheName::kAnonFamily);
  n.object(CacheName::kFamilyLink);
  n.reach(1, kHere / kPage);
  n.request(Role::kAnon);
  n.inject();
  n.refuse_page();
  n.event(EventKind::kSpaceKilled, n.root(1));
  n.tear_down(1);
  n.end(Refusal::kOom);
  return n;
}

TEST(Rollback1, AKilledSpaceGivesEverythingBack) {
  Narrator n = killed_space();
  n.begin(n.map_operation(1, kHere, 1));
  n.end(Refusal::kKilled);
  n.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)});
  n.end(Refusal::kKilled);
  n.begin(SpaceExit{CpuId(0), SpaceHandle(1)});
  n.end();
  expect_legal(n.scene());
  const Scene legal = killed_space().scene();
  const std::size_t killed = nth(legal, EventKind::kSpaceKilled);
  expect_found(Law::kRollback1, without(legal, nth(legal, kReturned)));
  expect_found(Law::kRollback1, altered(legal, killed, to_frame(0)));
  expect_found(Law::kOom1, before(legal, killed, {legal.steps[killed]}));
  expect_found(Law::kCpu1, without(legal, killed));
  Scene unsaid = legal;
  unsaid.steps.erase(unsaid.steps.begin() + static_cast<std::ptrdiff_t>(killed), unsaid.steps.end() - 1);
  expect_found(Law::kRollback1, unsaid);
}

TEST(Rollback1, OnlyAnAccessWithoutMemoryKills) {
  const Scene legal = one_page().scene();
  const auto& op = std::get<Operation>(legal.steps[nth<Operation>(legal)]);
  ASSERT_TRUE(std::holds_alternative<MemoryStore>(op));
  Narrator n = one_page();
  n.begin(n.store_operation(1, kHere + kPage, 8));
  n.walk(1, kHere / kPage + 1, Access::kStore);
  n.event(EventKind::kSpaceKilled, n.root(1));
  expect_found(Law::kOom1, n.scene());
  Narrator map = one_page();
  map.begin(map.map_operation(1, kThere, 1));
  map.event(EventKind::kSpaceKilled, map.root(1));
  expect_found(Law::kOom1, map.scene());
}

TEST(Answer1, AKilledSpaceAnswersSo) {
  const Narrator killed = killed_space();
  const auto answering = [&](const Operation& operation, Refusal refusal) {
    Narrator n = killed;
    n.begin(operation);
    n.end(refusal);
    return n.scene();
  };
  const Operation operations[] = {
      Narrator::map_operation(1, kHere, 1),
      Narrator::store_operation(1, kHere, 1),
      RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage)},
      RangeProtect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kProtRead},
      RangeBrk{CpuId(0), SpaceHandle(1), place(0)},
      SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)},
  };
  for (const Operation& operation : operations) {
    expect_legal(answering(operation, Refusal::kKilled));
    expect_found(Law::kAnswer, answering(operation, Refusal::kNone));
  }
}

// The mapping that is to be replaced is gone when its object is refused.
TEST(Rollback1, ARefusedMappingLeavesWhatWasThere) {
  for (const bool atomic : {true, false}) {
    Narrator n = one_page();
    const std::uint64_t frame = n.frame_at(1, kHere);
    n.fail_next(1);
    n.begin(n.map_operation(1, kHere, 1));
    if (!atomic) {
      n.set_leaf(1, kHere / kPage, 0);
      n.flush_page(1, kHere / kPage);
      n.put(frame);
    }
    n.object(CacheName::kRange);
    n.inject();
    n.refuse_object();
    n.end(Refusal::kOom);
    if (atomic)
      expect_legal(n.scene());
    else
      expect_found(Law::kRollback1, n.scene());
  }
}

RangeObservation range_seen(std::uint64_t from, std::uint64_t to, Prot prot) {
  RangeObservation seen;
  seen.start = Address(from);
  seen.end = Address(to);
  seen.prot = prot;
  seen.accounted = true;
  seen.offset = from;
  return seen;
}

TEST(Rollback1, ARefusedMappingLeavesTheRangesThatWereThere) {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, kHere, 2);
  n.fail_next(1);
  n.begin(n.map_operation(1, kHere, 1, kProtRead));
  n.object(CacheName::kRange);
  n.inject();
  n.refuse_object();
  n.end(Refusal::kOom);
  const auto scene_with = [&](const SeenRanges& s) {
    Narrator with = n;
    with.step(s);
    return with.scene();
  };
  expect_legal(scene_with({1, {range_seen(kHere, kHere + 2 * kPage, kReadWrite)}}));
  expect_found(Law::kRollback1, scene_with({1, {range_seen(kHere + kPage, kHere + 2 * kPage, kReadWrite)}}));
  expect_found(Law::kRollback1, scene_with({1, {}}));
}

// AABB → a protect of all is refused memory at B, or at A.
TEST(Rollback1, AProtectWithoutMemoryLeavesAPrefixDone) {
  Narrator n(machine_of("tiny"), all_claims_and({Claim::kEffects}));
  n.create(1);
  n.map(1, kHere, 2);
  n.map(1, kHere + 3 * kPage, 2, kProtRead);
  n.begin(n.map_operation(1, kHere + 2 * kPage, 1, kProtRead | kProtExec));
  n.object(CacheName::kRange);
  n.end(Refusal::kNone, kHere + 2 * kPage);
  n.fail_next(1);
  n.begin(RangeProtect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(4 * kPage), kProtNone});
  n.lock(LockClass::kSpace, 1);
  n.object(CacheName::kRange);
  n.inject();
  n.refuse_object();
  auto seen = [](std::initializer_list<Prot> prots) {
    SeenRanges s{1, {}};
    const std::uint64_t edges[] = {kHere, kHere + 2 * kPage, kHere + 3 * kPage, kHere + 5 * kPage};
    std::size_t i = 0;
    for (const Prot prot : prots) {
      s.seen.push_back(range_seen(edges[i], edges[i + 1], prot));
      s.seen.back().accounted = i == 0 && prot.any(kProtWrite);
      ++i;
    }
    return s;
  };
  const auto scene_with = [&](std::uint64_t pages_done, const SeenRanges& s) {
    Narrator with = n;
    with.committed(Refusal::kOom, 0, kHere + pages_done * kPage);
    with.unlock(LockClass::kSpace, 1);
    with.end(Refusal::kOom);
    with.step(s);
    return with.scene();
  };
  const Prot rx = kProtRead | kProtExec;
  expect_legal(scene_with(0, seen({kReadWrite, rx, kProtRead})));
  expect_legal(scene_with(2, seen({kProtNone, rx, kProtRead})));
  expect_found(Law::kRollback1, scene_with(1, seen({kReadWrite, rx, kProtRead})));  // not at the end of a range
  expect_found(Law::kRollback1, scene_with(2, seen({kReadWrite, rx, kProtRead})));
  expect_found(Law::kRollback1, scene_with(0, seen({kProtNone, rx, kProtRead})));
  expect_found(Law::kRollback1, scene_with(0, seen({kReadWrite, kProtNone, kProtRead})));
  expect_found(Law::kRollback1, scene_with(2, seen({kProtNone, rx, kProtNone})));
}

TEST(Rollback2, NoFrameIsKeptThatTheStateDoesNotJustify) {
  const Scene legal = two_tables_then_one().scene();
  expect_found(Law::kRollback2, without(legal, nth(legal, kReturned)));
  expect_found(Law::kRollback2, without(legal, nth(legal, kReturned, -2)));
}

TEST(Rollback2, ARefusedForkKeepsNoRoot) {
  Narrator n = one_page();
  n.fail_next(3);
  n.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
  n.object(CacheName::kSpace);
  const std::uint64_t root = n.take_zeroed(Role::kRootTable);
  n.object(CacheName::kRange);
  n.inject();
  n.refuse_object();
  n.put(root);
  n.end(Refusal::kOom);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kRollback2, without(legal, nth(legal, kReturned)));
}

// One frame of a slab more than objects could need.
TEST(Rollback2, SlabsKeepNoMoreFramesThanObjects) {
  Narrator n = one_page();
  for (unsigned p = 2; p <= 4; ++p) n.create_with_slab(p);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t asked = nth(legal, EventKind::kObjectRequested) + 1;
  Narrator more = one_page();
  more.begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(2)});
  for (unsigned i = 0; i < 4; ++i) {
    more.object(CacheName::kSpace);
    more.take(Role::kSlab, static_cast<std::uint64_t>(CacheName::kSpace));
  }
  more.take_zeroed(Role::kRootTable);
  more.end();
  expect_found(Law::kRollback2, more.scene());
  expect_found(Law::kFrame1, altered(legal, asked, [](Event& e) { e.place = 4; }));
}

}  // namespace
}  // namespace mmtwin::model
