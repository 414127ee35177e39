// ZONE, OOM and fail_next: who may have a frame of which zone, and when nobody may.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr EventKind kTaken = EventKind::kFrameTaken, kDrained = EventKind::kListDrained,
                    kInjected = EventKind::kFailureInjected;

auto to_frame(std::uint64_t frame) {
  return [frame](Event& e) { e.frame = Pfn(frame); };
}
// The n-th operation, counted from boot, with other flags.
Scene with_gfp(const Scene& scene, int n, Gfp gfp) {
  return altered<Operation>(scene, nth<Operation>(scene, n),
                            [gfp](Operation& op) { std::get<PagesAlloc>(op).gfp = gfp; });
}
Scene answering(const Scene& scene, Refusal refusal) {
  return altered<Response>(scene, nth<Response>(scene), [refusal](Response& r) { r = {refusal, 0}; });
}

// Boots from the frames at and above `first`.
class BootedFrom : public Writer {
 public:
  explicit BootedFrom(const MachineDescription& machine, std::uint64_t first = 0, const Claims& claims = kAllClaims)
      : Writer(machine, claims) {
    std::erase_if(free_, [first](std::uint64_t frame) { return frame < first; });
    boot();
  }
  std::set<std::uint64_t> free() const { return free_; }
};

// small: node 0 has DMA 0..63 and NORMAL 64..255, node 1 NORMAL 256..511. CPU 0 boots: 64 and 65 used, 66, 67 listed.
TEST(Zone1, ABlockComesFromAZoneThatTheRequestAllows) {
  BootedFrom w(machine_of("small"), 64);
  w.begin(alloc(1, 1, kGfpWait | kGfpThisNode, NodeId(0)));
  w.request(Role::kBlock, 1);
  w.taken(68, 1);
  w.end(Refusal::kNone, 68);
  w.block(2, 1, 8, kGfpWait | kGfpDma);
  const Scene legal = w.scene();
  expect_legal(legal);
  expect_found(Law::kZone1, altered(legal, nth(legal, kTaken, -2), to_frame(256)));
  expect_found(Law::kZone1, altered(legal, nth(legal, kTaken), to_frame(128)));
}

TEST(Zone1, AListIsFilledFromAZoneThatTheRequestAllows) {
  BootedFrom w(machine_of("small"), 64);
  w.begin(alloc(1, 0, kGfpWait | kGfpDma));
  w.request(Role::kBlock, 0);
  for (std::uint64_t frame = 0; frame < 4; ++frame) w.fill(frame);
  w.taken(0);
  w.end(Refusal::kNone, 0);
  const Scene legal = w.scene();
  expect_legal(legal);
  expect_found(Law::kZone1, altered(legal, nth(legal, EventKind::kListFilled), to_frame(100)));
}

// cramped: 0 and 1 used, 2 and 3 listed, 4..15 free of which 2 must stay. b1 is 8..15.
BootedFrom after_a_block_of_8() {
  BootedFrom w(cramped());
  w.block(1, 3, 8);
  return w;
}
Scene block_after_a_drain() {
  BootedFrom w = after_a_block_of_8();
  w.begin(alloc(2, 2));
  w.request(Role::kBlock, 2);
  w.drain_all();
  w.taken(4, 2);
  w.end(Refusal::kNone, 4);
  return w.scene();
}

TEST(Zone2, NoRequestTakesAZoneBelowItsWatermark) {
  const Scene legal = block_after_a_drain();
  expect_legal(legal);
  expect_found(Law::kZone2, without(without(legal, nth(legal, kDrained)), nth(legal, kDrained, 0)));
}

TEST(Zone2, HighMayHaveHalfOfTheWatermarkAndNofailAll) {
  BootedFrom w = after_a_block_of_8();
  w.block(2, 1, 4);
  w.begin(alloc(3, 0, kGfpHigh));
  w.request(Role::kBlock);
  w.taken(2);
  w.end(Refusal::kNone, 2);
  w.block(4, 1, 6, kGfpNofail);
  const Scene legal = w.scene();
  expect_legal(legal);
  expect_found(Law::kZone2, with_gfp(legal, -2, Gfp()));
  expect_found(Law::kZone2, with_gfp(legal, -1, kGfpHigh));
}

// DMA 0..15 keeps 16 / 2 + 4 = 12 frames from those who could have NORMAL 16..31.
TEST(Zone2, DmaKeepsItsReserveFromNormalRequests) {
  MachineDescription machine = machine_of("tiny");
  machine.node[0].zone(ZoneKind::kDma) = {Pfn(0), PageCount(16)};
  machine.node[0].zone(ZoneKind::kNormal) = {Pfn(16), PageCount(16)};
  machine.lowmem_ratio = 2;
  BootedFrom w(machine, 16);
  w.block(1, 3, 24);
  const Scene legal = w.scene();
  expect_legal(legal);
  const Scene dma = altered(legal, nth(legal, kTaken), to_frame(8));
  expect_found(Law::kZone2, dma);
  expect_legal(altered<Response>(with_gfp(dma, -1, kGfpDma), nth<Response>(dma), [](Response& r) { r.value = 8; }));
}

TEST(Zone3, TheFirstZoneOfTheFallbackOrderThatMayGiveGives) {
  const auto taking = [](std::uint64_t frame, bool exact) {
    Claims claims = kAllClaims;
    if (!exact) claims.drop(Claim::kExactZones);
    BootedFrom w(machine_of("small"), 64, claims);
    w.block(1, 1, frame);
    return w.scene();
  };
  expect_legal(taking(128, true));
  expect_found(Law::kZone3, taking(8, true));
  expect_found(Law::kZone3, taking(256, true));
  expect_legal(taking(256, false));
}

// DMA 0..15, DMA32 16..31, NORMAL 32..63, MOVABLE 64..127; boot has 32 and 33, 34 and 35 are listed.
Scene block_of_four_kinds(Gfp gfp, std::uint64_t frame) {
  MachineDescription machine = machine_of("tiny");
  machine.node[0].zone(ZoneKind::kDma) = {Pfn(0), PageCount(16)};
  machine.node[0].zone(ZoneKind::kDma32) = {Pfn(16), PageCount(16)};
  machine.node[0].zone(ZoneKind::kNormal) = {Pfn(32), PageCount(32)};
  machine.node[0].zone(ZoneKind::kMovable) = {Pfn(64), PageCount(64)};
  BootedFrom w(machine, 32);
  w.block(1, 2, frame, gfp);
  return w.scene();
}

TEST(Zone3, TheHighestZoneThatARequestMayHaveGivesFirst) {
  struct Row {
    Gfp gfp;
    std::uint64_t first;
  };
  for (const auto& [gfp, first] : {Row{kGfpMovable, 64}, Row{Gfp(), 48}, Row{kGfpDma32, 24}, Row{kGfpDma, 8},
                                   Row{kGfpMovable | kGfpDma32, 24}, Row{kGfpDma | kGfpDma32, 8}}) {
    for (const std::uint64_t frame : {8, 24, 48, 64}) {
      const Scene scene = block_of_four_kinds(gfp, frame);
      if (frame == first) expect_legal(scene);
      if (frame < first) expect_found(Law::kZone3, scene);
      if (frame > first) expect_found(Law::kZone1, scene);
    }
  }
}

TEST(Zone3, AZoneThatMayNotGiveIsPassedOver) {
  BootedFrom w(machine_of("small"), 64);
  w.block(1, 6, 128);
  w.block(2, 6, 192);
  w.block(3, 5, 96);
  w.block(4, 4, 80);
  w.block(5, 5, 32);  // NORMAL has 68..79 left
  w.begin(alloc(6, 3));
  w.request(Role::kBlock, 3);
  w.taken(256, 3);  // DMA has 32 - 7 left, of which 16 must stay
  w.end(Refusal::kNone, 256);
  const Scene legal = w.scene();
  expect_found(Law::kZone3, legal);
  expect_legal(altered<Response>(altered(legal, nth(legal, kTaken), to_frame(72)), nth<Response>(legal),
                                 [](Response& r) { r.value = 72; }));
}

// NORMAL has 12 frames left, of which `kept` must stay. CPU 1 holds its lock for a request of its own, and may have
// taken a batch already, no more. CPU 0 asks for a frame meanwhile, and gets it from DMA.
Scene passed_by_for_its_lock(std::uint32_t kept) {
  MachineDescription machine = machine_of("small");
  machine.watermark_min = kept;
  machine.pcp_batch = 4;
  BootedFrom w(machine, 64);
  w.block(1, 6, 128);
  w.block(2, 6, 192);
  w.block(3, 5, 96);
  w.block(4, 4, 80);
  w.begin_step(alloc(5, 0, kGfpWait, kAnyNode, 1), 3);
  w.request(Role::kBlock);
  w.lock(LockClass::kZone, kNormalZone);
  w.begin_step(alloc(6, 0), 4);
  w.request(Role::kBlock);
  for (const std::uint64_t frame : {8, 9, 10, 11}) w.fill(frame);
  w.taken(8);
  w.end(Refusal::kNone, 8);
  return w.scene();
}

TEST(Zone3, AZoneWhoseLockAnotherOneHoldsIsNotPassedOverIfItCanGiveAnyhow) {
  expect_found(Law::kZone3, passed_by_for_its_lock(4));
  expect_found(Law::kZone3, passed_by_for_its_lock(7));
  expect_legal(passed_by_for_its_lock(8));
}

// b2 of order 2 would leave NORMAL 1 frame of 2.
Scene refused(unsigned order, Gfp gfp, bool drains) {
  BootedFrom w = after_a_block_of_8();
  w.begin(alloc(2, order, gfp));
  w.request(Role::kBlock, order);
  if (drains) w.drain_all();
  w.refuse_page();
  w.end(Refusal::kOom);
  return w.scene();
}

TEST(Oom1, ARefusalMeansThatNoZoneMayGive) {
  expect_legal(refused(2, Gfp(), false));
  expect_found(Law::kOom1, refused(1, Gfp(), false));
  expect_found(Law::kOom1, refused(2, kGfpWait, true));
  expect_legal(refused(3, kGfpWait, true));
  expect_legal(refused(3, kGfpNofail, true));
}

TEST(Oom1, OutOfMemoryIsAnsweredOnlyAfterARefusal) {
  const Scene legal = refused(2, Gfp(), false);
  const std::size_t refusal = nth(legal, EventKind::kPageRefused);
  expect_found(Law::kOom1, without(without(legal, refusal), refusal - 1));
  expect_found(Law::kOom1, without(legal, refusal - 1));
  expect_found(Law::kAnswer, answering(legal, Refusal::kNone));
  expect_found(Law::kAnswer, answering(legal, Refusal::kInvalid));
}

// 6 and 7 are all that is left, and must stay.
BootedFrom with_nothing_to_give() {
  BootedFrom w = after_a_block_of_8();
  w.block(2, 1, 4);
  for (const std::uint64_t frame : {2, 3}) {
    w.begin(alloc(static_cast<unsigned>(frame) + 1, 0));
    w.request(Role::kBlock);
    w.drain_all();
    for (const std::uint64_t filled : w.free()) w.fill(filled);
    w.taken(frame);
    w.end(Refusal::kNone, frame);
  }
  w.drain_cpu(0);
  return w;
}

TEST(Oom1, AnObjectIsRefusedOnlyAfterAPageOfItsSlab) {
  BootedFrom w = with_nothing_to_give();
  w.begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(1)});
  w.object(CacheName::kSpace);
  w.request(Role::kSlab);
  w.refuse_page();
  w.refuse_object();
  w.end(Refusal::kOom);
  const Scene legal = w.scene();
  expect_legal(legal);
  const std::size_t refusal = nth(legal, EventKind::kPageRefused);
  expect_found(Law::kOom1, without(without(legal, refusal), refusal - 1));
  expect_found(Law::kOom1, before(legal, nth(legal, EventKind::kObjectRefused), {legal.steps[refusal - 2]}));
}

TEST(Oom2, ABlockingRequestIsRefusedOnlyAfterEveryListWasDrained) {
  const Scene legal = refused(3, kGfpWait, true);
  for (int n : {0, 1}) expect_found(Law::kOom2, without(legal, nth(legal, kDrained, n)));
  expect_found(Law::kOom2, refused(3, kGfpNofail, false));
}

// ---- fail_next ----
Scene failing_block(std::uint64_t n, Gfp gfp = kGfpWait) {
  BootedFrom w(machine_of("tiny"));
  w.fail_next(n);
  w.begin(alloc(1, 3, gfp));
  w.request(Role::kBlock, 3);
  w.inject();
  w.refuse_page();
  w.end(Refusal::kOom);
  return w.scene();
}
Scene failing_object() {
  BootedFrom w(machine_of("tiny"));
  w.fail_next(1);
  w.begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(1)});
  w.object(CacheName::kSpace);
  w.inject();
  w.refuse_object();
  w.end(Refusal::kOom);
  return w.scene();
}

TEST(Oom1, AFailureIsInjectedWhenItIsDue) {
  expect_legal(failing_block(1));
  expect_legal(failing_object());
  const Scene block = failing_block(1);
  expect_found(Law::kOom1, before(block, nth(block, kInjected), {event_of(kInjected)}));
  expect_found(Law::kOom1, failing_block(0));
  expect_found(Law::kOom1, failing_block(2));
  expect_found(Law::kOom1, failing_block(1, kGfpNofail));
}

TEST(Oom1, AFailureThatIsDueHappens) {
  const Scene block = failing_block(1), object = failing_object();
  expect_found(Law::kOom1, without(block, nth(block, kInjected)));
  expect_found(Law::kOom1, without(object, nth(object, kInjected)));
  Event taken = event_of(kTaken, 8);
  taken.order = Order(3);
  Scene granted = block;
  granted.steps[nth(block, kInjected)] = taken;
  expect_found(Law::kOom1, without(granted, nth(granted, EventKind::kPageRefused)));
  Scene filled = before(block, nth(block, kInjected), {event_of(EventKind::kListFilled, 8)});
  expect_found(Law::kPcp1, filled);
}

// An object given although its request was to fail shows at the next request, or at the end.
TEST(Oom1, AnObjectThatIsDueToFailIsNotGiven) {
  Narrator w(machine_of("tiny"));
  w.create(1);
  w.fail_next(3);
  w.begin(w.map_operation(1, 0x100000, 1));
  w.load_space(1);
  w.object(CacheName::kRange);
  w.object(CacheName::kRange);
  w.end(Refusal::kNone, 0x100000);
  const Scene legal = w.scene();
  const auto failing = [&](std::uint64_t n) {
    return altered<Operation>(legal, nth<Operation>(legal, 1),
                              [n](Operation& op) { std::get<FailNext>(op).n = Count(n); });
  };
  expect_legal(legal);
  expect_found(Law::kOom1, failing(1));
  expect_found(Law::kOom1, failing(2));
}

}  // namespace
}  // namespace mmtwin::model
