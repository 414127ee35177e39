// TLB, VMA, ACCT-2 and ANSWER: what CPUs have cached, and which ranges there are.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kPageHere = kHere / kPage;
constexpr EventKind kFilled = EventKind::kTlbFilled, kUsed = EventKind::kTlbUsed, kDropped = EventKind::kTlbDropped,
                    kLoaded = EventKind::kSpaceLoaded, kWalkFilled = EventKind::kWalkCacheFilled,
                    kWalkUsed = EventKind::kWalkCacheUsed, kWalkDropped = EventKind::kWalkCacheDropped,
                    kReturned = EventKind::kFrameReturned;

// p1 stored 7 at kHere on CPU 0; CPU 1 loaded it.
Narrator cached_on_both() {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.map(1, kHere, 4);
  n.store(1, kHere, 7);
  n.load(1, kHere, 7, 1);
  return n;
}
auto to_frame(std::uint64_t frame) {
  return [frame](Event& e) { e.frame = Pfn(frame); };
}
auto to_index(unsigned index) {
  return [index](Event& e) { e.index = static_cast<std::uint16_t>(index); };
}

// ---- TLB-1 ----
TEST(Tlb1, ATranslationIsFilledAsTheTablesSay) {
  const Scene legal = cached_on_both().scene();
  expect_legal(legal);
  const std::size_t filled = nth(legal, kFilled, 0);
  expect_found(Law::kTlb1, altered(legal, filled, [](Event& e) { e.after &= ~kBitNoExecute; }));
  expect_found(Law::kTlb1, altered(legal, filled, [](Event& e) { e.after ^= 0x10000; }));
  expect_found(Law::kTlb1, altered(legal, filled, [](Event& e) { ++e.place; }));
  expect_found(Law::kTlb1, altered(legal, filled, to_index(16)));
  Narrator read_only = cached_on_both();
  read_only.protect(1, kHere, 4, kProtRead);
  read_only.load(1, kHere, 7);
  const Scene read = read_only.scene();
  expect_legal(read);
  expect_found(Law::kTlb1, altered(read, nth(read, kFilled), [](Event& e) { e.after |= kBitWritable; }));
}

TEST(Tlb1, AnAccessUsesASlotThatHoldsItsPage) {
  const Scene legal = cached_on_both().scene();
  expect_found(Law::kTlb1, without(legal, nth(legal, kFilled)));
  expect_found(Law::kTlb1, altered(legal, nth(legal, kUsed), to_index(1)));
  expect_found(Law::kTlb1, altered(legal, nth(legal, kUsed), to_index(16)));
  expect_found(Law::kTlb1, altered(legal, nth(legal, kUsed), [](Event& e) { e.place += 16; }));
  Event dropped = event_of(kDropped);
  dropped.cpu = CpuId(1);
  dropped.index = kPageHere % 16;
  expect_found(Law::kWalk1, before(legal, nth(legal, kUsed), {dropped}));
  dropped.index = 16;
  expect_found(Law::kTlb1, before(legal, nth(legal, kUsed), {dropped}));
}

TEST(Tlb1, NoAccessUsesWhatIsMorePermissiveThanTheTablesAfterTheFlush) {
  Narrator n = cached_on_both();
  n.protect(1, kHere, 4, kProtRead);
  n.load(1, kHere, 7, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  Scene missed = without(legal, nth(legal, kDropped));  // CPU 1 keeps its slot
  missed = without(missed, nth(missed, kFilled));
  expect_found(Law::kTlb1, missed);
}

TEST(Tlb1, ACopyIsSeenOnEveryCpu) {
  Narrator n = cached_on_both();
  n.fork(1, 2);
  n.load(1, kHere, 7, 1);
  n.store(1, kHere, 8);
  n.load(1, kHere, 8, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  Scene missed = without(legal, nth(legal, kDropped));
  missed = without(missed, nth(missed, kFilled));
  expect_found(Law::kTlb1, missed);
}

// CPU 1 is lazy while the rights go: it must flush before the space runs there again.
TEST(Tlb1, ALoadedSpaceHasNothingCachedThatItMissed) {
  Narrator n = cached_on_both();
  n.go_lazy(1);
  n.protect(1, kHere, 4, kProtRead);
  n.switch_to(1, 1);
  n.load(1, kHere, 7, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t loaded = nth(legal, kLoaded);
  ASSERT_EQ(std::get<Event>(legal.steps[loaded]).after, 1u);
  expect_found(Law::kTlb1, altered(legal, loaded, [](Event& e) { e.after = 0; }));
  expect_found(Law::kAnswer, without(legal, loaded));  // the switch that loads nothing
}

TEST(Tlb1, WhatWasNotMissedStaysCached) {
  Narrator n = cached_on_both();
  n.go_lazy(1);
  n.switch_to(1, 1);
  n.load(1, kHere, 7, 1);
  n.create(2);
  n.map(2, kHere, 1, kReadWrite, 1);
  n.load(2, kHere, 0, 1);
  n.load(1, kHere, 7, 1);
  n.exit(2);
  n.exit(1, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kTlb1, altered(legal, nth(legal, kLoaded, 3), to_index(1)));  // p2 under the ASID of p1
}

TEST(Tlb1, ALazyCpuMakesNoAccess) {
  Narrator n = cached_on_both();
  n.go_lazy(1);
  n.load(1, kHere, 7, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kTlb1, without(legal, nth(legal, kLoaded)));
}

TEST(Iso1, NothingIsTranslatedWithoutASpace) {
  const Scene legal = cached_on_both().scene();
  expect_found(Law::kIso1, without(legal, nth(legal, kLoaded)));
}

// ---- TLB-2 ----
Narrator unmapped() {
  Narrator n = cached_on_both();
  n.unmap(1, kHere, 4);
  return n;
}

TEST(Tlb2, AFrameIsFreedOnlyWhenNoCpuCanUseIt) {
  const Scene legal = unmapped().scene();
  expect_legal(legal);
  // On its own CPU; what another one keeps is found when it acknowledges the flush.
  expect_found(Law::kTlb2, without(legal, nth(legal, kDropped, 0)));
  expect_found(Law::kTlb1, without(legal, nth(legal, kDropped, 1)));
}

TEST(Tlb2, ATableIsFreedOnlyWhenNoWalkCanUseIt) {
  Narrator lazy = cached_on_both();
  lazy.go_lazy(1);
  lazy.unmap(1, kHere, 4);
  for (const Scene& legal : {unmapped().scene(), lazy.scene()}) {
    expect_legal(legal);
    for (int n : {0, 1}) expect_found(Law::kTlb2, without(legal, nth(legal, kWalkDropped, n)));
  }
}

TEST(Tlb2, ARootIsFreedOnlyWhenNoCpuHasItLoaded) {
  Narrator n = cached_on_both();
  n.go_lazy(1);
  n.exit(1);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int i : {-2, -1}) expect_found(Law::kTlb2, without(legal, nth(legal, kLoaded, i)));
}

TEST(Tlb2, AWalkCacheHoldsWhatTheTablesName) {
  Narrator n = cached_on_both();
  n.load(1, kHere + kPage, 0);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t filled = nth(legal, kWalkFilled), used = nth(legal, kWalkUsed);
  expect_found(Law::kTlb2, altered(legal, filled, to_frame(n.root(1))));
  expect_found(Law::kTlb2, altered(legal, filled, to_frame(64)));
  expect_found(Law::kTlb2, altered(legal, filled, [](Event& e) { e.place += 16; }));
  expect_found(Law::kTlb2, altered(legal, filled, [](Event& e) { e.level = 2; }));
  expect_found(Law::kTlb2, altered(legal, filled, to_index(4)));
  expect_found(Law::kTlb2, altered(legal, used, to_index(4)));
  expect_found(Law::kTlb2, altered(legal, used, to_index(1)));
  expect_found(Law::kTlb2, altered(legal, used, [](Event& e) { e.place += 16; }));
  for (const std::uint8_t level : {0, 4, 7, 8, 255}) {
    expect_found(Law::kTlb2, altered(legal, filled, [&](Event& e) { e.level = level; }));
    expect_found(Law::kTlb2, altered(legal, used, [&](Event& e) { e.level = level; }));
  }
  const Scene dropping = unmapped().scene();
  const std::size_t dropped = nth(dropping, kWalkDropped);
  for (const std::uint8_t level : {0, 4, 7, 8, 255})
    expect_found(Law::kTlb2, altered(dropping, dropped, [&](Event& e) { e.level = level; }));
  expect_found(Law::kTlb2, altered(dropping, dropped, to_index(4)));
}

TEST(Tlb2, ALoadedSpaceHasNoTableCachedThatIsGone) {
  Narrator n = cached_on_both();
  n.go_lazy(1);
  n.create(2);
  n.switch_to(2, 1);
  n.unmap(1, kHere, 4);
  n.switch_to(1, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kTlb1, altered(legal, nth(legal, kLoaded), [](Event& e) { e.after = 0; }));
}

TEST(Tlb2, ASpaceThatIsGoneIsLoadedNowhere) {
  Narrator n = cached_on_both();
  n.exit(1);
  const Scene legal = n.scene();
  const std::size_t root = nth(legal, kReturned);
  Event again = std::get<Event>(legal.steps[nth(legal, kLoaded, 0)]);
  expect_legal(legal);
  expect_found(Law::kCpu1, before(legal, root, {again}));
}

// ---- ranges ----
RangeObservation range_seen(std::uint64_t from, std::uint64_t to) {
  RangeObservation seen;
  seen.start = Address(from);
  seen.end = Address(to);
  seen.prot = kReadWrite;
  seen.accounted = true;
  seen.offset = from;
  return seen;
}
Scene two_ranges_seen() {
  Narrator n = cached_on_both();
  n.map(1, kHere + 8 * kPage, 2);
  n.step(SeenRanges{1, {range_seen(kHere, kHere + 4 * kPage), range_seen(kHere + 8 * kPage, kHere + 10 * kPage)}});
  SpaceObservation space;
  space.ranges = 2;
  space.total_pages = 6;
  space.resident_anon = 1;
  space.tables = 4;
  n.step(SeenSpace{1, space});
  return n.scene();
}

TEST(Vma2, TheRangeListIsTheOneThatTheOperationsLeadTo) {
  const Scene legal = two_ranges_seen();
  expect_legal(legal);
  const auto with = [&](auto change) {
    return altered<SeenRanges>(legal, nth<SeenRanges>(legal), [&](SeenRanges& s) { change(s.seen); });
  };
  expect_found(Law::kVma2, with([](auto& seen) { seen.pop_back(); }));
  expect_found(Law::kVma2, with([](auto& seen) { seen.clear(); }));
  expect_found(Law::kVma2, with([](auto& seen) { seen.push_back(range_seen(0x800000, 0x801000)); }));
  expect_found(Law::kVma2, with([](auto& seen) { seen[0].prot = kProtRead; }));
  expect_found(Law::kVma2, with([](auto& seen) { seen[0].accounted = false; }));
  expect_found(Law::kVma2, with([](auto& seen) { seen[0].file = FileId(1); }));
  expect_found(Law::kVma2, with([](auto& seen) { seen[0].offset += kPage; }));
  expect_found(Law::kVma2, with([](auto& seen) { seen[0].flags = kMapStack; }));
  expect_found(Law::kVma2, with([](auto& seen) { seen[1].end = Address(kHere + 9 * kPage); }));
}

TEST(Vma1, RangesAreSortedDisjointAlignedAndInTheUserHalf) {
  const Scene legal = two_ranges_seen();
  const auto with = [&](auto change) {
    return altered<SeenRanges>(legal, nth<SeenRanges>(legal), [&](SeenRanges& s) { change(s.seen); });
  };
  expect_found(Law::kVma1, with([](auto& seen) { std::swap(seen[0], seen[1]); }));
  expect_found(Law::kVma1, with([](auto& seen) { seen[1].start = seen[0].start; }));
  expect_found(Law::kVma1, with([](auto& seen) { seen[0].start = seen[0].start + ByteCount(1); }));
  expect_found(Law::kVma1, with([](auto& seen) { seen[1].end = Address(kSmall.user_end + kPage); }));
  expect_found(Law::kVma1, with([](auto& seen) { seen[0].end = seen[0].start; }));
}

TEST(Acct2, ASpaceCountsWhatItHas) {
  const Scene legal = two_ranges_seen();
  const auto with = [&](auto change) {
    return altered<SeenSpace>(legal, nth<SeenSpace>(legal), [&](SeenSpace& s) { change(s.seen); });
  };
  expect_found(Law::kAcct2, with([](SpaceObservation& s) { ++s.ranges; }));
  expect_found(Law::kAcct2, with([](SpaceObservation& s) { --s.total_pages; }));
  expect_found(Law::kAcct2, with([](SpaceObservation& s) { ++s.resident_anon; }));
  expect_found(Law::kAcct2, with([](SpaceObservation& s) { --s.tables; }));
}

Scene mapped_anywhere(std::uint64_t answer, bool exact) {
  Claims claims = kAllClaims;
  if (!exact) claims.drop(Claim::kExactAddresses);
  Narrator n(machine_of("tiny"), claims);
  n.create(1);
  n.begin(RangeMapAnon{CpuId(0), SpaceHandle(1), place(0), ByteCount(kPage), kReadWrite, MapFlags(), Fresh<'a'>(1)});
  n.load_space(1);
  n.object(CacheName::kRange);
  n.end(Refusal::kNone, answer);
  return n.scene();
}

TEST(Vma3, AChosenAddressIsTheHighestGapThatFits) {
  const std::uint64_t highest = kSmall.default_top - kPage;
  for (const bool exact : {true, false}) {
    expect_legal(mapped_anywhere(highest, exact));
    expect_found(Law::kVma3, mapped_anywhere(highest + 1, exact));
    expect_found(Law::kVma3, mapped_anywhere(kSmall.user_end, exact));
    expect_found(Law::kVma3, mapped_anywhere(0, exact));
  }
  expect_found(Law::kVma3, mapped_anywhere(highest - kPage, true));
  expect_legal(mapped_anywhere(highest - kPage, false));
}

// ---- answers ----
TEST(Answer1, EveryOperationAnswersWhatTheSpecificationSays) {
  Narrator n = cached_on_both();
  n.begin(RangeUnmap{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(0)});
  n.end(Refusal::kInvalid);
  n.begin(RangeProtect{CpuId(0), SpaceHandle(1), place(kHere + 1), ByteCount(1), kProtRead});
  n.end(Refusal::kInvalid);
  n.begin(RangeProtect{CpuId(0), SpaceHandle(1), place(kHere + 4 * kPage), ByteCount(1), kProtRead});
  n.end(Refusal::kNoMemory);
  n.begin(SpaceCreate{CpuId(0), Address(1), Address(), Fresh<'p'>(2)});
  n.end(Refusal::kInvalid);
  n.begin(RangeBrk{CpuId(0), SpaceHandle(1), place(0)});
  n.end(Refusal::kNone, kSmall.default_brk);
  n.begin(CpuFlushSpace{CpuId(0)});
  n.forget(0, 1, kPageHere, false);
  n.end();
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int i = -6; i < 0; ++i)
    expect_found(Law::kAnswer, altered<Response>(legal, nth<Response>(legal, i),
                                                 [](Response& r) { r.refusal = Refusal::kExists; }));
  expect_found(Law::kAnswer, altered<Response>(legal, nth<Response>(legal, -2), [](Response& r) { ++r.value; }));
}

}  // namespace
}  // namespace mmtwin::model
