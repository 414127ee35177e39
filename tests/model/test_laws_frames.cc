// FRAME, BUDDY, PCP, ACCT-1 and LIVE-1: one step of a legal scene is altered, and the judge names the law.
#include <gtest/gtest.h>

#include "tests/model/scenario.h"

namespace mmtwin::model {
namespace {

constexpr EventKind kTaken = EventKind::kFrameTaken, kReturned = EventKind::kFrameReturned;

auto to_frame(std::uint64_t frame) {
  return [frame](Event& e) { e.frame = Pfn(frame); };
}

// tiny after boot: 0 kernel root, 1 zero page, 2 and 3 listed, 4..63 free.
Scene two_singles_and_their_return() {
  Writer w(machine_of("tiny"));
  w.boot();
  w.single(1);
  w.single(2);
  w.free_block(1, 2);
  w.free_block(2, 3);
  return w.scene();
}
// b1 is 8..15.
Scene one_block_and_its_return() {
  Writer w(machine_of("tiny"));
  w.boot();
  w.block(1, 3, 8);
  w.free_block(1, 8, 3);
  return w.scene();
}
// b1 is 16..20, the tail 21..23 goes to the list of CPU 0.
Scene exact_block_and_its_return() {
  Writer w(machine_of("tiny"));
  w.boot();
  w.begin(alloc_exact(1, 5));
  w.request(Role::kBlock, 3);
  w.taken(16, 3);
  for (std::uint64_t frame = 21; frame < 24; ++frame) w.put(frame);
  w.end(Refusal::kNone, 16);
  w.begin(free_of(1));
  for (std::uint64_t frame = 16; frame < 21; ++frame) w.put(frame);
  w.end();
  return w.scene();
}

TEST(Frame1, AFrameIsTakenOnlyWhenItIsFree) {
  const Scene singles = two_singles_and_their_return(), block = one_block_and_its_return();
  expect_legal(singles);
  expect_legal(block);
  expect_found(Law::kFrame1, altered(singles, nth(singles, kTaken), to_frame(2)));
  expect_found(Law::kFrame1, altered(singles, nth(singles, kTaken), to_frame(64)));
  expect_found(Law::kFrame1, altered(block, nth(block, kTaken), to_frame(0)));
  expect_found(Law::kFrame1, altered(block, nth(block, kTaken), to_frame(64)));
}

TEST(Frame1, NothingIsTakenWithoutARequestThatIsAnsweredOnce) {
  const Scene legal = one_block_and_its_return();
  const std::size_t asked = nth(legal, EventKind::kPageRequested), taken = nth(legal, kTaken);
  expect_found(Law::kFrame1, without(legal, asked));
  expect_found(Law::kFrame1, without(legal, taken));
  expect_found(Law::kFrame1, before(legal, taken, {legal.steps[asked]}));
  expect_found(Law::kFrame1, before(legal, taken, {event_of(EventKind::kObjectRequested)}));
}

TEST(Frame1, OnlyTheRolesOfTheOperationAsk) {
  const Scene legal = one_block_and_its_return();
  const auto to_role = [](Role role) { return [role](Event& e) { e.role = role; }; };
  const std::size_t asked = nth(legal, EventKind::kPageRequested);
  expect_found(Law::kFrame1, altered(legal, asked, to_role(Role::kNone)));
  expect_found(Law::kFrame1, altered(legal, asked, to_role(Role::kZeroPage)));
  expect_found(Law::kFrame1, altered(legal, asked, to_role(Role{200})));
  expect_found(Law::kFrame1, altered(legal, nth(legal, EventKind::kPageRequested, 0), to_role(Role::kBlock)));
}

TEST(Frame1, AFrameIsReturnedOnlyByItsOwner) {
  const Scene legal = two_singles_and_their_return();
  const std::size_t first = nth(legal, kReturned, 0);
  expect_found(Law::kFrame1, altered(legal, first, to_frame(3)));
  expect_found(Law::kFrame1, before(legal, first, {altered(legal, first, to_frame(3)).steps[first]}));
  expect_found(Law::kFrame1, before(legal, first, {legal.steps[first]}));
  expect_found(Law::kFrame1, altered(legal, first, to_frame(1)));
  expect_found(Law::kFrame1, altered(legal, first, to_frame(40)));
  expect_found(Law::kFrame1, altered(legal, first, to_frame(64)));
  expect_found(Law::kAnswer, before(legal, nth<Operation>(legal, 1), {legal.steps[first]}));  // nobody acts
}

TEST(Frame1, ABlockIsReturnedWhole) {
  const Scene block = one_block_and_its_return(), exact = exact_block_and_its_return();
  expect_legal(exact);
  expect_found(Law::kFrame1, without(block, nth(block, kReturned)));
  expect_found(Law::kFrame1, altered(block, nth(block, kReturned), [](Event& e) { e.order = Order(2); }));
  expect_found(Law::kFrame1, without(exact, nth(exact, kReturned)));
  expect_found(Law::kFrame1, without(exact, nth(exact, kReturned, 0)));
  expect_found(Law::kFrame1, altered(exact, nth(exact, kReturned, 0), to_frame(20)));
}

TEST(Frame1, AFrameIsWhatItWasTakenFor) {
  Scene legal = one_block_and_its_return();
  const std::size_t after = nth<Response>(legal, 0) + 1;
  const FrameObservation seen{.state = FrameState::kUsed, .role = Role::kBlock, .order = Order(3), .cpu = {},
                              .head = Pfn(8), .references = 1, .mappings = 0, .exclusive = false};
  legal = before(legal, after, {SeenFrame{13, seen}, SeenFrame{64, {}}, SeenFrame{8, seen}});
  expect_legal(legal);
  const auto with = [&](auto change) {
    return altered<SeenFrame>(legal, after, [&](SeenFrame& s) { change(s.seen); });
  };
  expect_found(Law::kFrame1, with([](FrameObservation& s) { s.state = FrameState::kFree; }));
  expect_found(Law::kFrame1, with([](FrameObservation& s) { s.role = Role::kSlab; }));
  expect_found(Law::kFrame1, with([](FrameObservation& s) { s.order = Order(2); }));
  expect_found(Law::kFrame1, with([](FrameObservation& s) { s.head = Pfn(12); }));
  expect_found(Law::kFrame1, altered<SeenFrame>(legal, after + 1,
                                                [](SeenFrame& s) { s.seen.state = FrameState::kFree; }));
  expect_found(Law::kFrame2, with([](FrameObservation& s) { s.references = 2; }));
  expect_found(Law::kFrame2, with([](FrameObservation& s) { s.mappings = 1; }));
}

TEST(Buddy1, ABlockStartsAtAMultipleOfItsSize) {
  const Scene legal = one_block_and_its_return();
  expect_found(Law::kBuddy1, altered(legal, nth(legal, kTaken), to_frame(12)));
}

// 0 and 1 used, 2 and 3 listed, 4..7 one block, 8..15 one block.
Scene free_blocks_seen() {
  Writer w(machine_of("tiny"));
  w.boot();
  const auto free = [](std::uint64_t head, unsigned order) {
    FrameObservation seen;
    seen.state = FrameState::kFree;
    seen.head = Pfn(head);
    seen.order = Order(order);
    return seen;
  };
  w.step(SeenFrame{5, free(4, 2)});
  w.step(SeenFrame{15, free(8, 3)});
  ZoneObservation zone;
  zone.managed = PageCount(64);
  zone.free = PageCount(60);
  for (unsigned order = 2; order < 6; ++order) zone.free_blocks[order] = 1;
  w.step(SeenZone{0, ZoneKind::kNormal, zone});
  FrameObservation listed;
  listed.state = FrameState::kListed;
  w.step(SeenFrame{2, listed});
  return w.scene();
}

TEST(Buddy1, AFreeBlockIsWhereItsFramesAre) {
  const Scene legal = free_blocks_seen();
  expect_legal(legal);
  expect_found(Law::kBuddy1, altered<SeenFrame>(legal, nth<SeenFrame>(legal, 0),
                                                [](SeenFrame& s) { s.seen.head = Pfn(5); }));
}

TEST(Buddy1, NoFreeBlockIsLargerThanTheTopOrder) {
  MachineDescription machine = machine_of("tiny");
  machine.top_order = 2;
  Writer w(machine);
  w.boot();
  FrameObservation seen;
  seen.state = FrameState::kFree;
  seen.head = Pfn(8);
  seen.order = Order(2);
  w.step(SeenFrame{8, seen});
  const Scene legal = w.scene();
  expect_legal(legal);
  expect_found(Law::kBuddy1, altered<SeenFrame>(legal, nth<SeenFrame>(legal, 0),
                                                [](SeenFrame& s) { s.seen.order = Order(3); }));
}

// What a merge across a border makes: 36 is the last frame of node 0, 37 the first of node 1.
TEST(Buddy1, AFreeBlockLiesInsideOneZone) {
  MachineDescription machine = machine_of("tiny");
  machine.nodes = 2;
  machine.node[0].zone(ZoneKind::kNormal).count = PageCount(37);
  machine.node[1].zone(ZoneKind::kNormal) = {Pfn(37), PageCount(27)};
  machine.distance[0] = {10, 20};
  machine.distance[1] = {20, 10};
  Writer w(machine);
  w.boot();
  FrameObservation last;
  last.state = FrameState::kFree;
  last.head = Pfn(36);
  w.step(SeenFrame{36, last});
  const Scene legal = w.scene();
  expect_legal(legal);
  const auto with_block = [&](std::uint64_t head, unsigned order) {
    return altered<SeenFrame>(legal, nth<SeenFrame>(legal, 0), [&](SeenFrame& s) {
      s.seen.head = Pfn(head);
      s.seen.order = Order(order);
    });
  };
  expect_found(Law::kBuddy1, with_block(36, 1));
  expect_found(Law::kBuddy1, with_block(35, 1));
  expect_found(Law::kBuddy1, with_block(0, 10));
  expect_found(Law::kFrame1, altered<SeenFrame>(free_blocks_seen(), nth<SeenFrame>(free_blocks_seen(), 0),
                                                [](SeenFrame& s) {
                                                  s.seen.head = Pfn(0);
                                                  s.seen.order = Order(3);
                                                }));
}

TEST(Buddy2, TwoFreeBuddiesAreOneBlock) {
  const Scene legal = free_blocks_seen();
  expect_found(Law::kBuddy2, altered<SeenFrame>(legal, nth<SeenFrame>(legal, 1), [](SeenFrame& s) {
                 s.seen.order = Order(2);
                 s.seen.head = Pfn(12);
               }));
}

TEST(Buddy3, AZoneCountsItsFreeBlocksByOrder) {
  const Scene legal = free_blocks_seen();
  expect_found(Law::kBuddy3, altered<SeenZone>(legal, nth<SeenZone>(legal), [](SeenZone& s) {
                 s.seen.free_blocks[3] = 0;
                 s.seen.free_blocks[2] = 3;
               }));
}

TEST(Acct1, AZoneCountsItsFrames) {
  const Scene legal = free_blocks_seen();
  const std::size_t at = nth<SeenZone>(legal);
  expect_found(Law::kAcct1, altered<SeenZone>(legal, at, [](SeenZone& s) { s.seen.free = PageCount(59); }));
  expect_found(Law::kAcct1, altered<SeenZone>(legal, at, [](SeenZone& s) { s.seen.managed = PageCount(63); }));
}

// CPU 0 has 2 and 3 listed, CPU 1 takes 4 and keeps 5..7 listed.
Scene a_single_on_each_cpu() {
  Writer w(machine_of("tiny", 2));
  w.boot();
  w.single(1, 0);
  w.single(2, 1);
  return w.scene();
}

TEST(Pcp1, AListServesItsOwnCpuOnly) {
  const Scene legal = a_single_on_each_cpu();
  expect_legal(legal);
  expect_found(Law::kPcp1, altered(legal, nth(legal, kTaken), to_frame(3)));
  expect_found(Law::kPcp1, altered(legal, nth(legal, EventKind::kListFilled), [](Event& e) { e.index = 0; }));
  const Scene seen = free_blocks_seen();
  expect_found(Law::kPcp1, altered<SeenFrame>(seen, nth<SeenFrame>(seen),
                                              [](SeenFrame& s) { s.seen.cpu = CpuId(1); }));
}

TEST(Pcp1, AListHoldsSingleFramesOfItsZoneThatNobodyUses) {
  const Scene legal = a_single_on_each_cpu(), block = one_block_and_its_return();
  const std::size_t filled = nth(legal, EventKind::kListFilled);
  expect_found(Law::kPcp1, altered(legal, nth(legal, kTaken), to_frame(50)));
  expect_found(Law::kPcp1, altered(legal, filled, to_frame(0)));
  expect_found(Law::kPcp1, altered(legal, filled, to_frame(64)));
  expect_found(Law::kAnswer, before(legal, legal.steps.size(), {legal.steps[filled]}));  // nobody acts
  expect_found(Law::kPcp1, before(block, nth(block, kTaken), {event_of(EventKind::kListFilled, 9)}));
}

TEST(Pcp1, OnlyWhatIsListedIsDrained) {
  Writer w(machine_of("tiny", 2));
  w.boot();
  w.drain_cpu(0, 1);
  const Scene legal = w.scene();
  const std::size_t drained = nth(legal, EventKind::kListDrained);
  expect_legal(legal);
  expect_found(Law::kPcp1, altered(legal, drained, to_frame(1)));
  expect_found(Law::kPcp1, altered(legal, drained, to_frame(64)));
  expect_found(Law::kPcp1, altered(legal, drained, [](Event& e) { e.index = 1; }));
  expect_found(Law::kPcp2, without(legal, drained));
}

TEST(Pcp2, AListIsNeverLongerThanHigh) {
  Writer w(machine_of("tiny"));
  w.boot();
  w.begin(alloc_exact(1, 17));
  w.request(Role::kBlock, 5);
  w.taken(32, 5);
  for (std::uint64_t frame = 49; frame < 64; ++frame) w.put(frame);
  w.end(Refusal::kNone, 32);
  const Scene legal = w.scene();
  expect_legal(legal);
  Scene hoarding = legal;
  for (unsigned i = 0; i < 8; ++i) hoarding = without(hoarding, nth(hoarding, EventKind::kListDrained));
  expect_found(Law::kPcp2, hoarding);
}

TEST(Live1, AtRestEveryFrameIsFreeButThoseOfBoot) {
  Writer w(machine_of("tiny"));
  w.boot();
  const std::uint64_t frame = w.single(1);
  w.free_block(1, frame);
  w.drain_cpu(0);
  w.step(AtRest{});
  const Scene legal = w.scene();
  expect_legal(legal);
  const auto rest_after = [&](int responses) {
    Scene cut = legal;
    cut.steps.resize(nth<Response>(legal, responses) + 1);
    cut.steps.emplace_back(AtRest{});
    return cut;
  };
  expect_found(Law::kLive1, rest_after(0));
  expect_found(Law::kLive1, rest_after(1));
  expect_legal(rest_after(2));
}

TEST(Boot, TakesTheKernelRootAndTheZeroPageEveryTime) {
  Writer w(machine_of("tiny"));
  w.boot();
  Scene empty = w.scene();
  empty.steps = {Booted{}};
  Model model;
  EXPECT_FALSE(judged(model, w.scene()).law.has_value());
  EXPECT_EQ(judged(model, empty).law, Law::kPt1);
  for (int n : {0, 1}) expect_found(Law::kIso2, without(w.scene(), nth(w.scene(), EventKind::kFrameZeroed, n)));
}

TEST(Events, NameACpuOfTheMachine) {
  const Scene legal = two_singles_and_their_return();
  for (const int n : {0, 1}) {
    expect_found(Law::kAnswer, altered(legal, nth(legal, kReturned, n), [](Event& e) { e.cpu = CpuId(7); }));
    expect_found(Law::kAnswer, altered(legal, nth(legal, kTaken, n), [](Event& e) { e.cpu = CpuId(200); }));
  }
}

}  // namespace
}  // namespace mmtwin::model
