// What CPUs have cached: used while it is good, gone once it is not.
#include <gtest/gtest.h>

#include "tests/impl/test_mm_world.h"

namespace mmtwin::impl {
namespace {

constexpr std::uint64_t kMapErr = 10000 + static_cast<std::uint64_t>(Refusal::kSegvMapErr);

template <class Geometry>
class Tlb : public testing::Test {
 protected:
  std::size_t count(EventKind kind) const { return world.seen.count(kind); }
  WorldOf<Geometry> world;
  SpaceId s = world.create();
};
using Geometries = testing::Types<SmallGeometry, X86Geometry>;
TYPED_TEST_SUITE(Tlb, Geometries);

TYPED_TEST(Tlb, TheSecondAccessIsAHit) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.seen.events.clear();
  w.load(this->s, 0);
  ASSERT_EQ(w.seen.events.size(), 2u);
  EXPECT_EQ(w.seen.events[0].kind, EventKind::kTlbUsed);
  EXPECT_EQ(w.seen.events[1].kind, EventKind::kCommitted);
}

TYPED_TEST(Tlb, AWalkStartsFromTheDeepestCache) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.store(this->s, 1, 1);
  w.mm.cpu_evict(kCpu0, w.page(0));
  w.seen.events.clear();
  w.load(this->s, 0);
  ASSERT_EQ(this->count(EventKind::kWalkCacheUsed), 1u);
  EXPECT_EQ(w.seen.events[0].level, 1u);
  EXPECT_EQ(this->count(EventKind::kWalkCacheFilled), 0u);
}

TYPED_TEST(Tlb, WhatAnotherCpuUnmapsIsGoneHere) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.store(this->s, 1, 2);
  EXPECT_EQ(w.load(this->s, 0, kCpu1), 1u);
  w.seen.events.clear();
  w.unmap(this->s, 0, 1);
  EXPECT_EQ(this->count(EventKind::kInterrupted), 1u);
  EXPECT_EQ(w.load(this->s, 0, kCpu1), kMapErr);
  EXPECT_EQ(w.load(this->s, 1, kCpu1), 2u);
}

TYPED_TEST(Tlb, WhatAnotherCpuProtectsMayNotBeWrittenHere) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1, kCpu1);
  w.protect(this->s, 0, 4, kProtRead);
  EXPECT_EQ(w.store(this->s, 0, 2, kCpu1), Refusal::kSegvAccErr);
  w.protect(this->s, 0, 4, kRw);
  EXPECT_EQ(w.store(this->s, 0, 2, kCpu1), Refusal::kNone);
}

TYPED_TEST(Tlb, AfterForkOnAnotherCpuAStoreHereCopies) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1, kCpu1);
  const SpaceId child = w.mm.space_fork(kCpu0, this->s).value();
  w.store(this->s, 0, 2, kCpu1);
  EXPECT_EQ(w.load(child, 0), 1u);
  EXPECT_EQ(w.load(this->s, 0, kCpu1), 2u);
}

TYPED_TEST(Tlb, ACopyIsSeenByCpusThatHaveTheOldPageCached) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.mm.space_fork(kCpu0, this->s).is_ok();
  EXPECT_EQ(w.load(this->s, 0, kCpu1), 1u);
  w.store(this->s, 0, 2);
  EXPECT_EQ(w.load(this->s, 0, kCpu1), 2u);
  EXPECT_EQ(w.load(this->s, 1, kCpu1), 0u);
  w.store(this->s, 1, 3);
  EXPECT_EQ(w.load(this->s, 1, kCpu1), 3u) << "also instead of the zero page";
}

TYPED_TEST(Tlb, ALazyCpuCatchesUpWhenItRunsAgain) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.load(this->s, 0, kCpu1);
  w.mm.cpu_switch(kCpu1, {}).is_ok();
  w.seen.events.clear();
  w.protect(this->s, 0, 4, kProtRead);
  EXPECT_EQ(this->count(EventKind::kInterrupted), 0u);
  EXPECT_EQ(w.store(this->s, 0, 1, kCpu1), Refusal::kSegvAccErr);
  ASSERT_EQ(this->count(EventKind::kSpaceLoaded), 1u);
  for (const Event& e : w.seen.events)
    EXPECT_TRUE(e.kind != EventKind::kSpaceLoaded || e.after == 1);
}

TYPED_TEST(Tlb, ALazyCpuIsInterruptedWhenTablesGo) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1, kCpu1);
  w.mm.cpu_switch(kCpu1, {}).is_ok();
  EXPECT_EQ(w.space(this->s).tables.tables, 4u);
  w.seen.events.clear();
  w.unmap(this->s, 0, 4);
  EXPECT_EQ(this->count(EventKind::kInterrupted), 1u);
  EXPECT_EQ(w.space(this->s).tables.tables, 1u);
}

TYPED_TEST(Tlb, EntriesOfOtherSpacesSurviveASwitchAndAreChecked) {
  auto& w = this->world;
  const SpaceId other = w.create();
  w.map(this->s, 0, 4);
  w.map(other, 0, 4);
  w.store(this->s, 0, 1);
  w.store(other, 1, 2);
  w.seen.events.clear();
  EXPECT_EQ(w.load(this->s, 0), 1u);
  EXPECT_EQ(this->count(EventKind::kTlbFilled), 0u) << "still cached under its ASID";
  w.load(other, 1);
  w.unmap(this->s, 0, 1);
  w.load(other, 1);
  EXPECT_EQ(w.load(this->s, 0), kMapErr);
}

TYPED_TEST(Tlb, MoreSpacesThanAsidsAreFlushedApart) {
  auto& w = this->world;
  std::vector<SpaceId> spaces;
  for (std::uint64_t i = 0; i < 8; ++i) {
    spaces.push_back(w.create());
    w.map(spaces[i], 0, 1);
    w.store(spaces[i], 0, 50 + i);
  }
  for (int round = 0; round < 3; ++round)
    for (std::uint64_t i = 0; i < 8; ++i) EXPECT_EQ(w.load(spaces[i], 0), 50 + i);
  for (const SpaceId id : spaces) w.audit({id});
}

TYPED_TEST(Tlb, SpeculationFillsAndMarksButNeverWrites) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.mm.cpu_flush_space(kCpu0);
  w.seen.events.clear();
  w.mm.cpu_speculate(kCpu0, w.page(0));
  EXPECT_EQ(this->count(EventKind::kTlbFilled), 1u);
  w.mm.cpu_speculate(kCpu0, w.page(2));
  w.mm.cpu_speculate(kCpu0, Address(w.page(0).raw() | std::uint64_t{1} << 62));
  w.mm.cpu_speculate(kCpu0, Address(~std::uint64_t{0}));
  EXPECT_EQ(this->count(EventKind::kTlbFilled), 1u);
  EXPECT_EQ(this->count(EventKind::kTlbUsed), 0u);
  w.mm.cpu_evict(kCpu0, w.page(0));
  w.mm.cpu_evict(kCpu0, w.page(0));
  EXPECT_EQ(this->count(EventKind::kTlbDropped), 1u);
  w.audit({this->s});
}

TYPED_TEST(Tlb, ExitTakesTheTablesFromEveryCpu) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.load(this->s, 0, kCpu1);
  w.mm.cpu_switch(kCpu1, {}).is_ok();
  w.mm.space_exit(kCpu0, this->s);
  EXPECT_EQ(w.mm.loaded_space(kCpu0), SpaceId{});
  EXPECT_EQ(w.mm.loaded_space(kCpu1), SpaceId{});
  EXPECT_FALSE(w.mm.runs_user_code(kCpu0));
  w.audit({});
}

TYPED_TEST(Tlb, TablesStayWhileARangeNeedsThem) {
  auto& w = this->world;
  w.map(this->s, 0, 4);
  w.store(this->s, 0, 1);
  w.unmap(this->s, 0, 3);
  EXPECT_EQ(w.space(this->s).tables.tables, 4u) << "one page of the span is still mapped";
  EXPECT_EQ(w.space(this->s).tables.resident, 0u);
  w.unmap(this->s, 3, 1);
  EXPECT_EQ(w.space(this->s).tables.tables, 1u);
  w.audit({this->s});
}

TEST(Unmap, MoreFramesThanABatchAreAllFreed) {
  WorldOf<X86Geometry> w;
  const SpaceId s = w.create();
  w.map(s, 0, 200);
  for (std::uint64_t n = 0; n < 200; ++n) w.store(s, n, n);
  w.load(s, 0, kCpu1);
  w.unmap(s, 0, 200);
  EXPECT_EQ(w.space(s).tables.resident, 0u);
  w.mm.space_exit(kCpu0, s);
  EXPECT_EQ(w.free_frames_at_rest(), w.free_at_boot);
}

}  // namespace
}  // namespace mmtwin::impl
