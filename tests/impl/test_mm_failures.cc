// Every request of an operation fails once: the state is then the one its refusal class names, and nothing is lost.
#include <gtest/gtest.h>

#include <functional>

#include "tests/impl/test_mm_world.h"

namespace mmtwin::impl {
namespace {

constexpr Prot kReadExec = kProtRead | kProtExec;

struct Case {
  const char* name;
  std::function<Refusal(World&, SpaceId)> run;
  const char* drawing_after_refusal;  // of the parent
  unsigned failures;                  // requests that can fail
};

// Two touched ranges with a hole between them, forked once so that chains are long.
struct Forked {
  Forked() {
    space = w.create();
    w.map(space, 0, 6);
    w.map(space, 7, 2, kReadExec | kProtWrite);
    for (std::uint64_t n : {0, 1, 2, 5, 7}) w.store(space, n, 100 + n);
    w.load(space, 3);
    child = w.mm.space_fork(kCpu0, space).value();
    w.store(space, 1, 201);
  }
  void expect_contents(SpaceId of) {
    for (std::uint64_t n : {0, 2, 5, 7}) EXPECT_EQ(w.load(of, n), 100 + n);
    EXPECT_EQ(w.load(of, 1), of == child ? 101u : 201u);
    EXPECT_EQ(w.load(of, 3), 0u);
  }
  World w;
  SpaceId space, child;
};

void sweep(const Case& c) {
  unsigned n = 1;
  for (;; ++n) {
    SCOPED_TRACE(std::string(c.name) + ", request " + std::to_string(n));
    Forked t;
    World& w = t.w;
    w.mm.fail_next(n);
    const Refusal refusal = c.run(w, t.space);
    w.mm.fail_next(0);
    w.audit({t.space, t.child});
    if (refusal == Refusal::kOom) {
      EXPECT_EQ(w.drawing(t.space), c.drawing_after_refusal);
      t.expect_contents(t.space);
      t.expect_contents(t.child);
      for (std::uint64_t p : {0, 1, 2}) EXPECT_EQ(w.store(t.space, p, 300 + p), Refusal::kNone);
      EXPECT_EQ(w.load(t.child, 0, kCpu1), 100u);
      for (std::uint64_t p : {0, 1, 2}) EXPECT_EQ(w.load(t.space, p), 300 + p);
    }
    w.audit({t.space, t.child});
    w.mm.space_exit(kCpu0, t.space);
    w.mm.space_exit(kCpu1, t.child);
    EXPECT_EQ(w.free_frames_at_rest(), w.free_at_boot);
    if (refusal == Refusal::kNone) break;
    ASSERT_EQ(refusal, Refusal::kOom);
  }
  EXPECT_EQ(n - 1, c.failures) << c.name;
}

TEST(Failures, ForkLeavesTheParentAsBefore) {
  const auto fork = [](World& w, SpaceId s) {
    const auto made = w.mm.space_fork(kCpu0, s);
    if (made) w.mm.space_exit(kCpu0, *made);
    return made.refusal();
  };
  // Space and root table; for each range the range, its link, its own family and link; three tables.
  sweep({"fork", fork, "AAAAAA.BB", 2 + 2 * 4 + 3});
}

TEST(Failures, MapFixedOverOthersIsAtomic) {
  sweep({"map in the middle", [](World& w, SpaceId s) { return w.try_map(s, 2, 2, kProtRead); }, "AAAAAA.BB", 3});
  sweep({"map over the end", [](World& w, SpaceId s) { return w.try_map(s, 5, 3, kProtRead); }, "AAAAAA.BB", 1});
}

TEST(Failures, UnmapThatSplitsIsAtomic) {
  sweep({"unmap", [](World& w, SpaceId s) { return w.unmap(s, 2, 2); }, "AAAAAA.BB", 2});
}

TEST(Failures, ProtectLeavesTheRefusedRangeAlone) {
  sweep({"protect the middle", [](World& w, SpaceId s) { return w.protect(s, 3, 1, kProtRead); }, "AAAAAA.BB", 4});
}

TEST(Failures, ProtectKeepsWhatLiesBefore) {
  for (unsigned n = 1;; ++n) {
    Forked t;
    t.w.map(t.space, 6, 1, kProtRead);
    t.w.mm.fail_next(n);
    const Refusal refusal = t.w.protect(t.space, 6, 2, kRw);
    t.w.mm.fail_next(0);
    if (refusal == Refusal::kNone) break;
    EXPECT_EQ(t.w.drawing(t.space), "AAAAAAABB") << "the first range was done and joined, the second was to be cut";
    t.w.audit({t.space});
  }
}

TEST(Failures, BrkAnswersTheOldBreak) {
  World w;
  const SpaceId s = w.create();
  const std::uint64_t start = UserLayout<SmallGeometry>::kBreak;
  w.mm.fail_next(1);
  const BreakAnswer answer = w.mm.range_brk(kCpu0, s, Address(start + kPage));
  EXPECT_EQ(answer.refusal, Refusal::kOom);
  EXPECT_EQ(answer.value, start);
  EXPECT_EQ(w.mm.range_brk(kCpu0, s, Address(start + kPage)).value, start + kPage);
}

TEST(Failures, CreateLosesNothing) {
  for (unsigned n = 1; n <= 2; ++n) {
    World w;
    w.mm.fail_next(n);
    EXPECT_EQ(w.mm.space_create(kCpu0, Address(0), Address(0)).refusal(), Refusal::kOom);
    EXPECT_EQ(w.free_frames_at_rest(), w.free_at_boot);
  }
}

// A store into an untouched range: link and family with the first frames of their slabs, page, three tables.
TEST(Failures, AFaultThatFindsNoFrameEndsTheSpace) {
  for (unsigned n = 1; n <= 8; ++n) {
    SCOPED_TRACE(n);
    World w;
    const SpaceId s = w.create();
    w.map(s, 0, 2);
    w.mm.cpu_switch(kCpu1, s).is_ok();
    w.seen.events.clear();
    w.mm.fail_next(n);
    EXPECT_EQ(w.store(s, 0, 1), Refusal::kOom);
    EXPECT_EQ(w.seen.count(EventKind::kSpaceKilled), 1u);
    EXPECT_TRUE(w.mm.is_killed(s));
    EXPECT_EQ(w.mm.loaded_space(kCpu1), SpaceId{});
    EXPECT_EQ(w.load(s, 0), 10000 + static_cast<std::uint64_t>(Refusal::kKilled));
    EXPECT_EQ(w.unmap(s, 0, 1), Refusal::kKilled);
    EXPECT_EQ(w.mm.cpu_switch(kCpu0, s).refusal(), Refusal::kKilled);
    w.mm.space_exit(kCpu0, s);
    EXPECT_EQ(w.free_frames_at_rest(), w.free_at_boot);
  }
  World w;
  const SpaceId s = w.create();
  w.map(s, 0, 2);
  w.mm.fail_next(9);
  EXPECT_EQ(w.store(s, 0, 1), Refusal::kNone);
}

TEST(Failures, TheOtherSpaceSurvivesAKill) {
  World w;
  const SpaceId parent = w.create();
  w.map(parent, 0, 2);
  w.store(parent, 0, 5);
  const SpaceId child = w.mm.space_fork(kCpu0, parent).value();
  w.mm.fail_next(1);
  EXPECT_EQ(w.store(child, 0, 6), Refusal::kOom);
  w.mm.fail_next(0);
  EXPECT_EQ(w.load(parent, 0), 5u);
  w.audit({parent});
}

// Frame 0 is a frame like others: a space that has it for its root is not one that has none.
TEST(Failures, ASpaceWhoseRootIsFrameZeroLivesForksAndIsEnded) {
  MachineDescription machine = find_preset("tiny", 1)->machine;
  machine.node[0].zone(ZoneKind::kDma) = {Pfn(0), PageCount(32)};
  machine.node[0].zone(ZoneKind::kNormal) = {Pfn(32), PageCount(32)};
  machine.watermark_min = 0;
  MmOf<SmallGeometry> mm(machine);
  mm.space_exit(kCpu0, mm.space_create(kCpu0, Address(0), Address(0)).value());  // its slab has a frame from now on
  Pfn last(~std::uint64_t{0});
  while (last.raw() >= 32) last = mm.pages_alloc(kCpu0, Order(0), kGfpWait, kAnyNode).value();
  ASSERT_EQ(last, Pfn(0));
  mm.pages_free(kCpu0, last, Order(0));
  const SpaceId space = mm.space_create(kCpu0, Address(0), Address(0)).value();
  const auto root_of = [&](SpaceId s) { return mm.hardware().ram().at(Ref<Space>{s.offset}).tables.root; };
  ASSERT_EQ(root_of(space), 0u);
  ASSERT_TRUE(mm.range_map(kCpu0, space, {0x100000, 2 * kPage, kRw, kMapFixed, 0, 0}).is_ok());
  ASSERT_TRUE(mm.memory_store(kCpu0, space, Address(0x100000), 8, 5).is_ok());
  const SpaceId child = mm.space_fork(kCpu0, space).value();
  EXPECT_STREQ(mm.audit(space), nullptr);
  EXPECT_STREQ(mm.audit(child), nullptr);
  EXPECT_EQ(mm.memory_load(kCpu0, child, Address(0x100000), 8).value(), 5u);
  mm.fail_next(1);
  EXPECT_EQ(mm.memory_store(kCpu0, space, Address(0x101000), 8, 6).refusal(), Refusal::kOom);
  EXPECT_NE(root_of(space), 0u) << "it has no root any more, and frame 0 is somebody else's";
  EXPECT_STREQ(mm.audit(space), nullptr);
  mm.space_exit(kCpu0, space);
  EXPECT_EQ(mm.memory_load(kCpu0, child, Address(0x100000), 8).value(), 5u);
  mm.space_exit(kCpu0, child);
  EXPECT_STREQ(mm.audit_machine(), nullptr);
}

TEST(Failures, ARefusalRepeatedAThousandTimesLosesNoFrame) {
  Forked t;
  (void)t.w.free_frames_at_rest();
  const std::uint64_t before = t.w.free_frames_at_rest();
  for (unsigned i = 0; i < 1000; ++i) {
    t.w.mm.fail_next(1 + i % 13);
    EXPECT_FALSE(t.w.mm.space_fork(kCpu0, t.space).is_ok());
  }
  EXPECT_EQ(t.w.free_frames_at_rest(), before);
}

}  // namespace
}  // namespace mmtwin::impl
