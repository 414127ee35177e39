// Legal scenes of every family of operations: none of them breaks a law, together they exercise all of them.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kThere = 0x200000;

Scene singles() {
  Writer w(machine_of("tiny"));
  w.boot();
  std::vector<std::uint64_t> frames;
  for (unsigned i = 1; i <= 5; ++i) frames.push_back(w.single(i));
  for (unsigned i = 1; i <= 5; ++i) w.free_block(i, frames[i - 1]);
  w.drain_cpu(0);
  w.step(AtRest{});
  return w.scene();
}

// More than `high` frames come back one by one, to the list of the CPU that frees.
Scene many_singles_freed_elsewhere() {
  Writer w(machine_of("tiny", 2));
  w.boot();
  std::vector<std::uint64_t> frames;
  for (unsigned i = 1; i <= 18; ++i) frames.push_back(w.single(i));
  for (unsigned i = 1; i <= 18; ++i) w.free_block(i, frames[i - 1], 0, 1);
  w.drain_cpu(1, 0);
  w.drain_cpu(0, 0);
  w.step(AtRest{});
  return w.scene();
}

Scene blocks_and_exact_blocks() {
  Writer w(machine_of("tiny"));
  w.boot();
  w.block(1, 3, 8);
  w.block(2, 4, 32);
  w.begin(alloc_exact(3, 5));
  w.request(Role::kBlock, 3);
  w.taken(16, 3);
  for (std::uint64_t frame = 21; frame < 24; ++frame) w.put(frame);
  w.end(Refusal::kNone, 16);
  w.begin(alloc_exact(4, 1));
  w.end(Refusal::kNone, w.take(Role::kBlock));
  w.free_block(1, 8, 3);
  w.begin(free_of(3));
  for (std::uint64_t frame = 16; frame < 21; ++frame) w.put(frame);
  w.end();
  w.free_block(2, 32, 4);
  return w.scene();
}

// NORMAL of node 0 has 66 and 67 listed and 68..79 free when order 3 is asked for a second time: node 1 gives, for DMA
// must keep 16 of its 32.
Scene fallback() {
  struct FromNormal : Writer {
    FromNormal() : Writer(machine_of("small")) {
      std::erase_if(free_, [](std::uint64_t frame) { return frame < 64; });
      boot();
    }
  } w;
  w.block(1, 6, 128);
  w.block(2, 6, 192);
  w.block(3, 5, 96);
  w.block(4, 4, 80);
  w.block(5, 5, 32, kGfpWait | kGfpDma);
  w.block(6, 3, 72);
  w.block(7, 3, 0, kGfpWait | kGfpDma);
  w.block(8, 3, 8);
  return w.scene();
}

// 16 frames, 2 of them kept: refused at once without waiting, given after a drain, refused after a drain.
Scene want() {
  Writer w(cramped());
  w.boot();
  w.block(1, 3, 8);
  w.begin(alloc(2, 2, Gfp()));
  w.request(Role::kBlock, 2);
  w.refuse_page();
  w.end(Refusal::kOom);
  w.begin(alloc(2, 2));
  w.request(Role::kBlock, 2);
  w.drain_all();
  w.taken(4, 2);
  w.end(Refusal::kNone, 4);
  w.begin(alloc(3, 1));
  w.request(Role::kBlock, 1);
  w.refuse_page();
  w.end(Refusal::kOom);
  w.free_block(2, 4, 2);
  w.block(3, 1, 6);
  return w.scene();
}

Scene zeroed() {
  Writer w(machine_of("tiny"));
  w.boot();
  w.begin(alloc(1, 2, kGfpWait | kGfpZero));
  w.request(Role::kBlock, 2);
  w.taken(8, 2);
  for (std::uint64_t frame = 8; frame < 12; ++frame) w.event(EventKind::kFrameZeroed, frame);
  w.end(Refusal::kNone, 8);
  return w.scene();
}

// create, map, load of the zero page, store, fork, stores on both sides, protect, unmap, exit, on two CPUs.
Scene life_of_two_spaces() {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.map(1, kHere, 4);
  n.load(1, kHere);
  n.store(1, kHere, 7);
  n.store(1, kHere + kPage, 8);
  n.load(1, kHere, 7, 1);
  n.fork(1, 2);
  n.store(2, kHere, 9);
  n.load(1, kHere, 7);
  n.store(1, kHere, 10);
  n.load(2, kHere, 9, 1);
  n.protect(1, kHere, 4, kProtRead);
  n.load(1, kHere, 10, 1);
  n.protect(1, kHere, 4, kReadWrite);
  n.store(1, kHere, 11, 1);
  n.unmap(1, kHere + kPage, 3);
  n.map(1, kThere, 2);
  n.store(1, kThere + kPage, 12);
  n.unmap(1, kHere, 1, 1);
  n.exit(2);
  n.exit(1);
  n.drain_cpu(0);
  n.drain_cpu(1);
  n.step(AtRest{});
  return n.scene();
}

// Lazy, reloaded without a flush, reloaded with one, and expelled by the exit.
Scene lazy_cpu() {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.create(2);
  n.map(1, kHere, 4);
  n.store(1, kHere, 7);
  n.load(1, kHere, 7, 1);
  n.go_lazy(1);
  n.switch_to(1, 1);
  n.load(1, kHere, 7, 1);
  n.go_lazy(1);
  n.protect(1, kHere, 4, kProtRead);
  n.switch_to(1, 1);
  n.load(1, kHere, 7, 1);
  n.switch_to(2, 1);
  n.unmap(1, kHere, 4);
  n.switch_to(1, 1);
  n.go_lazy(1);
  n.exit(1);
  n.exit(2);
  return n.scene();
}

// What the processor does for itself: drops, walks ahead, evicts.
Scene processor() {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, kHere, 4);
  n.store(1, kHere, 7);
  const std::uint64_t page = kHere / kPage;
  n.begin(CpuFlushPage{CpuId(0), place(kHere)});
  n.forget(0, 1, page, true);
  n.end();
  n.begin(CpuSpeculate{CpuId(0), place(kHere)});
  n.walk(1, page, Access::kLoad);
  n.end();
  n.begin(CpuEvict{CpuId(0), place(kHere)});
  n.evict(0, 1, page);
  n.end();
  n.begin(CpuFlushSpace{CpuId(0)});
  n.forget(0, 1, page, false);
  n.end();
  return n.scene();
}

// A store that straddles two pages, and one whose second page is missing: the first was faulted all the same.
Scene straddling() {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, kHere, 2);
  const std::uint64_t page = kHere / kPage;
  n.begin(MemoryStore{CpuId(0), SpaceHandle(1), place(kHere + kPage - 1), Width(2), Value(0x0807)});
  n.load_space(1);
  n.use(1, page, Access::kStore);
  n.walk(1, page + 1, Access::kStore);
  n.fault_for_store(1, page + 1);
  n.translated(page, Access::kStore);
  n.walk(1, page + 1, Access::kStore);
  n.translated(page + 1, Access::kStore);
  n.end();
  n.load(1, kHere + kPage - 1, 7);
  n.load(1, kHere + kPage, 8);
  n.begin(MemoryStore{CpuId(0), SpaceHandle(1), place(kHere + 2 * kPage - 1), Width(2), Value(0x0a09)});
  n.use(1, page + 1, Access::kStore);
  n.walk(1, page + 2, Access::kStore);
  n.end(Refusal::kSegvMapErr);
  n.load(1, kHere + 2 * kPage - 1, 0);
  return n.scene();
}

Scene heap_and_assumed_ranges() {
  Narrator n(machine_of("tiny"));
  n.create(1);
  const std::uint64_t start = kSmall.default_brk;
  n.begin(RangeBrk{CpuId(0), SpaceHandle(1), place(start + 2 * kPage)});
  n.load_space(1);
  n.object(CacheName::kRange);
  n.note_mapped(1, start, 2, kReadWrite);
  n.end(Refusal::kNone, start + 2 * kPage);
  n.store(1, start + kPage, 7);
  n.begin(RangeBrk{CpuId(0), SpaceHandle(1), place(start + kPage)});
  n.unmap_pages(1, start / kPage + 1, start / kPage + 2);
  n.free_tables(1);
  n.end(Refusal::kNone, start + kPage);
  n.store(1, start, 8);
  n.begin(SpaceAssume{CpuId(0), SpaceHandle(1), place(start), ByteCount(kPage), kProtRead, {}, {}, {}, Switch(1)});
  n.unmap_pages(1, start / kPage, start / kPage + 1);
  n.free_tables(1);
  n.end();
  return n.scene();
}

// A slab takes frames, and gives one back.
Scene slabs() {
  Narrator n(machine_of("tiny"));
  n.begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(1)});
  n.object(CacheName::kSpace);
  const std::uint64_t slab = n.take(Role::kSlab, static_cast<std::uint64_t>(CacheName::kSpace));
  const std::uint64_t root = n.take_zeroed(Role::kRootTable);
  n.end();
  n.begin(SpaceExit{CpuId(0), SpaceHandle(1)});
  n.put(root);
  n.put(slab);
  n.end();
  n.drain_cpu(0);
  n.step(AtRest{});
  return n.scene();
}

// Everything that can be seen of a space with one page.
Scene seen() {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, kHere, 2);
  n.store(1, kHere, 7);
  const std::uint64_t frame = n.frame_at(1, kHere);
  n.step(SeenFrame{frame, {.state = FrameState::kUsed, .role = Role::kAnon, .order = {}, .cpu = {},
                           .head = Pfn(frame), .references = 1, .mappings = 1, .exclusive = true}});
  FrameObservation block;
  block.state = FrameState::kFree;
  block.order = Order(5);
  block.head = Pfn(32);
  n.step(SeenFrame{63, block});
  ZoneObservation zone;
  zone.managed = PageCount(64);
  zone.free = PageCount(56);
  for (unsigned order = 3; order < 6; ++order) zone.free_blocks[order] = 1;
  n.step(SeenZone{0, ZoneKind::kNormal, zone});
  RangeObservation range;
  range.start = Address(kHere);
  range.end = Address(kHere + 2 * kPage);
  range.prot = kReadWrite;
  range.accounted = true;
  range.offset = kHere;
  n.step(SeenRanges{1, {range}});
  n.step(SeenSpace{1, {.ranges = 1, .total_pages = 2, .resident_anon = 1, .tables = 4}});
  n.step(SeenEntry{1, kHere / kPage, {.present = true, .writable = true, .user = true, .executable = false,
                                      .accessed = true, .dirty = true, .frame = Pfn(frame)}});
  SeenBytes bytes{frame, {}};
  bytes.seen[0] = 7;
  n.step(bytes);
  n.begin(RangeMapAnon{CpuId(0), SpaceHandle(1), place(0), ByteCount(kPage), kReadWrite, MapFlags(), Fresh<'a'>(1)});
  n.object(CacheName::kRange);
  n.end(Refusal::kNone, kSmall.default_top - kPage);
  return n.scene();
}

// Two CPUs map, the second while the first is between its begin and its space's lock.
Scene overlapping_maps() {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.begin_step(Narrator::map_operation(1, kHere, 1), 2);
  n.load_space(1);
  n.begin_step(Narrator::map_operation(1, kThere, 1, kReadWrite, 1), 3);
  n.load_space(1);
  n.map_locked();
  n.end(Refusal::kNone, kThere);
  n.go_on(2, 0);
  n.map_locked();
  n.ended(2, kHere);
  return n.scene();
}

TEST(LegalScenes, BreakNoLawAndExerciseEveryLaw) {
  const std::pair<const char*, Scene> scenes[] = {{"singles", singles()},
                                                  {"many singles", many_singles_freed_elsewhere()},
                                                  {"blocks", blocks_and_exact_blocks()},
                                                  {"fallback", fallback()},
                                                  {"want", want()},
                                                  {"zeroed", zeroed()},
                                                  {"two spaces", life_of_two_spaces()},
                                                  {"lazy", lazy_cpu()},
                                                  {"processor", processor()},
                                                  {"straddling", straddling()},
                                                  {"heap", heap_and_assumed_ranges()},
                                                  {"slabs", slabs()},
                                                  {"objects", space_of_objects()},
                                                  {"seen", seen()},
                                                  {"overlapping maps", overlapping_maps()},
                                                  {"locked life", locked_life()}};
  Model model;
  for (const auto& [name, scene] : scenes) {
    const Judgement judgement = judged(model, scene);
    EXPECT_FALSE(judgement.law.has_value()) << name << ": " << judgement.text;
  }
  // An injected failure exercises the laws of refusals.
  Writer w(machine_of("tiny"));
  w.boot();
  w.fail_next(1);
  w.begin(alloc(1, 3));
  w.request(Role::kBlock, 3);
  w.inject();
  w.refuse_page();
  w.end(Refusal::kOom);
  EXPECT_FALSE(judged(model, w.scene()).law.has_value());
  model.judge_complaint("");
  for (unsigned law = 0; law < kLawCount; ++law)
    EXPECT_NE(model.exercised()[law], 0u) << kLaws[law].id << ": " << kLaws[law].claim;
}

// Boots at every position of its first scene: one model judges one after the other.
TEST(LegalScenes, AModelStartsAnewFromAnywhere) {
  const Scene first = life_of_two_spaces(), second = lazy_cpu();
  Model model;
  for (std::size_t cut = 0; cut <= first.steps.size(); cut += 7) {
    model.start(first.machine, first.claims);
    for (std::size_t i = 0; i < cut; ++i) perform(model, first.steps[i]);
    const Judgement judgement = judged(model, second);
    ASSERT_FALSE(judgement.law.has_value()) << "after " << cut << " steps: " << judgement.text;
  }
}

// ---- fail_next at every request ----
// Where a refused operation begins to give back what it had taken.
class Failing : public Narrator {
 public:
  Failing() : Narrator(machine_of("tiny", 2)) {
    create(1);
    map(1, kHere, 2);
    store(1, kHere, 7);
  }
  void page_fails(Role role, std::uint64_t cache = 0) {
    request(role, 0, cache);
    inject();
    refuse_page();
  }
  void object_fails(CacheName cache) {
    object(cache);
    inject();
    refuse_object();
  }
};

TEST(LegalFailures, CreateGivesBackWhatItHad) {
  const SpaceCreate create{CpuId(0), Address(), Address(), Fresh<'p'>(2)};
  for (unsigned n : {1, 2, 3}) {
    Failing f;
    f.fail_next(n);
    f.begin(create);
    if (n == 1) {
      f.object_fails(CacheName::kSpace);
    } else if (n == 2) {
      f.object(CacheName::kSpace);
      f.page_fails(Role::kSlab, static_cast<std::uint64_t>(CacheName::kSpace));
      f.refuse_object();
    } else {
      f.object(CacheName::kSpace);
      f.put(f.take(Role::kSlab, static_cast<std::uint64_t>(CacheName::kSpace)));
      f.page_fails(Role::kRootTable);
    }
    f.end(Refusal::kOom);
    f.create(2);
    f.load(1, kHere, 7);
    expect_legal(f.scene());
  }
}

TEST(LegalFailures, MapBrkAndUnmapLeaveEverythingAsItWas) {
  const Operation operations[] = {
      Narrator::map_operation(1, kHere, 1, kProtRead),
      RangeBrk{CpuId(0), SpaceHandle(1), place(kSmall.default_brk + kPage)},
      RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage)},
      RangeProtect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kProtRead},
      SpaceAssume{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kProtRead, {}, {}, {}, {}}};
  for (const Operation& operation : operations) {
    Failing f;
    f.fail_next(1);
    f.begin(operation);
    f.object_fails(CacheName::kRange);
    f.end(Refusal::kOom, std::holds_alternative<RangeBrk>(operation) ? kSmall.default_brk : 0);
    f.load(1, kHere, 7);
    f.store(1, kHere, 8);
    f.step(SeenSpace{1, {.ranges = 1, .total_pages = 2, .resident_anon = 1, .tables = 4}});
    expect_legal(f.scene());
  }
}

// The parent's page may stay read-only and not exclusive: its next store finds it mapped once and reuses it.
TEST(LegalFailures, ForkUnmapsWhatItHadShared) {
  Failing f;
  f.fail_next(6);
  f.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
  f.object(CacheName::kSpace);
  f.start_child(1, 2);
  f.copy_leaf(1, 2, kHere / kPage);
  f.object_fails(CacheName::kRange);
  f.tear_down(2);
  f.end(Refusal::kOom);
  f.load(1, kHere, 7);
  f.store(1, kHere, 8);
  f.fork(1, 2);
  f.load(2, kHere, 8);
  expect_legal(f.scene());
}

// The n-th request of a first store in a new part of the space: objects, three tables, the page.
TEST(LegalFailures, AnAccessWithoutMemoryEndsItsSpace) {
  for (unsigned n = 1; n <= 4; ++n) {
    Failing f;
    f.create(2);
    f.map(2, kThere, 1);
    f.fail_next(n);
    f.begin(f.store_operation(2, kThere, 7));
    f.load_space(2);
    f.walk(2, kThere / kPage, Access::kStore);
    if (n == 1) {
      f.object_fails(CacheName::kAnonFamily);
    } else {
      f.object(CacheName::kAnonFamily);
      if (n == 2) {
        f.object_fails(CacheName::kFamilyLink);
      } else {
        f.object(CacheName::kFamilyLink);
        if (n == 4) f.set(f.root(2), 0, entry_of(f.table_for(2), kLink));
        f.page_fails(Role::kTable);
      }
    }
    f.event(EventKind::kSpaceKilled, f.root(2));
    f.tear_down(2);
    f.end(Refusal::kOom);
    f.begin(SpaceExit{CpuId(0), SpaceHandle(2)});
    f.end();
    f.load(1, kHere, 7);
    expect_legal(f.scene());
  }
}

TEST(LegalFailures, ACopyThatFindsNoFrameEndsItsSpaceAlone) {
  Failing f;
  f.fork(1, 2);
  f.fail_next(1);
  f.begin(f.store_operation(2, kHere, 9));
  f.load_space(2);
  f.walk(2, kHere / kPage, Access::kStore);
  f.page_fails(Role::kAnon);
  f.event(EventKind::kSpaceKilled, f.root(2));
  f.tear_down(2);
  f.end(Refusal::kOom);
  f.load(1, kHere, 7);
  f.store(1, kHere, 8);
  expect_legal(f.scene());
}

}  // namespace
}  // namespace mmtwin::model
