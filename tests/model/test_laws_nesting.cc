// Activities: what is done inside of an operation, for whom, and that a bracket licenses nothing.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x10000;
constexpr EventKind kBegun = EventKind::kActivityBegun, kOver = EventKind::kActivityEnded;

// Of two CPUs. A space has a page, CPU 1 two frames on its list, and no zone can give any: what CPU 0 asks for is to be
// had from that list alone.
class Short : public Narrator {
 public:
  explicit Short(const Claims& claims = kAllClaims) : Narrator(two_cpus(), claims) {
    create(1);
    map(1, kHere, 1);
    store(1, kHere, 7);
    const std::uint64_t frames[] = {single(1, 1), single(2, 1)};
    for (unsigned handle : {1, 2}) free_block(handle, frames[handle - 1], 0, 1);
    unsigned handle = 3;
    for (unsigned order = 3; order > 0; --order)
      for (std::uint64_t head = 0; head < 64; head += std::uint64_t{1} << order)
        if (may_take(head, order)) block(handle++, order, head);
    while (free_.size() > 2) single(handle++);
  }
  static MachineDescription two_cpus() {
    MachineDescription machine = machine_of("tiny", 2);
    machine.watermark_min = 2;
    machine.pcp_batch = 1;
    return machine;
  }

  void begun(ActivityKind kind) { bracket(kBegun, kind); }
  void over(ActivityKind kind) { bracket(kOver, kind); }
  // A fork asks for its first table, which nobody can give.
  void fork_wants_a_table() {
    begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
    load_space(1);
    object(CacheName::kSpace);
    request(Role::kRootTable);
  }
  void drain_the_other() {
    for (const std::uint64_t frame : std::vector(list(1))) drain(1, frame);
  }
  std::uint64_t take_what_came() {
    const std::uint64_t frame = *free_.begin();
    fill(frame);
    taken(frame);
    event(EventKind::kFrameZeroed, frame);
    return frame;
  }
  // A shrink asks for an object, for which there is no slab.
  void shrink_is_refused() {
    begun(ActivityKind::kShrink);
    object(CacheName::kFamilyLink);
    request(Role::kSlab, 0, static_cast<std::uint64_t>(CacheName::kFamilyLink));
    refuse_page();
    refuse_object();
    over(ActivityKind::kShrink);
  }

 private:
  bool may_take(std::uint64_t head, unsigned order) const {
    const std::uint64_t size = std::uint64_t{1} << order;
    if (free_.size() < size || free_.size() - (size - 1) <= 2) return false;
    for (std::uint64_t i = 0; i < size; ++i)
      if (free_.count(head + i) == 0) return false;
    return true;
  }
  void bracket(EventKind kind, ActivityKind activity) {
    Event e = event_of(kind);
    e.index = static_cast<std::uint16_t>(activity);
    event(e);
  }
};

auto to_kind(ActivityKind kind) {
  return [kind](Event& e) { e.index = static_cast<std::uint16_t>(kind); };
}

// The fork gets what it asked for, gives it back, and says that it was refused.
Scene given_back(bool shrinks) {
  Short n;
  n.fork_wants_a_table();
  n.begun(ActivityKind::kReclaim);
  n.drain_the_other();
  if (shrinks) n.shrink_is_refused();
  n.over(ActivityKind::kReclaim);
  n.put(n.take_what_came());
  n.end(Refusal::kOom);
  return n.scene();
}

Scene reclaimed() {
  Short n;
  n.fork_wants_a_table();
  n.begun(ActivityKind::kReclaim);
  n.drain_the_other();
  n.over(ActivityKind::kReclaim);
  n.take_what_came();
  return n.scene();
}

TEST(Nesting, ReclaimDrainsListsInsideOfARequest) {
  const Scene legal = reclaimed();
  expect_legal(legal);
  expect_found(Law::kAnswer, twice(legal, nth(legal, kBegun)));
  expect_found(Law::kAnswer, twice(legal, nth(legal, kOver)));
  expect_found(Law::kAnswer, without(legal, nth(legal, kBegun)));
  expect_found(Law::kAnswer, altered(legal, nth(legal, kBegun), to_kind(ActivityKind::kOperation)));
  expect_found(Law::kAnswer, altered(legal, nth(legal, kBegun), to_kind(ActivityKind::kInterrupt)));
  expect_found(Law::kAnswer, altered(legal, nth(legal, kBegun), to_kind(ActivityKind{200})));
  expect_found(Law::kAnswer, altered(legal, nth(legal, kOver), to_kind(ActivityKind::kShrink)));
  Scene open = without(legal, nth(legal, kOver));
  open.steps.erase(open.steps.begin() + static_cast<std::ptrdiff_t>(nth(legal, kOver)), open.steps.end());
  open.steps.push_back(Response{Refusal::kOom, 0});
  expect_found(Law::kAnswer, open);
}

TEST(Nesting, ReclaimBeginsOnlyForARequestThatNobodyCanServe) {
  Short n;
  n.drain_cpu(1);
  n.fork_wants_a_table();
  n.begun(ActivityKind::kReclaim);
  expect_found(Law::kAnswer, n.scene());
  Short none;
  none.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
  none.load_space(1);
  none.begun(ActivityKind::kReclaim);
  expect_found(Law::kAnswer, none.scene());
}

TEST(Nesting, ShrinkIsInsideOfReclaimAndNotTheOtherWay) {
  Short n;
  n.fork_wants_a_table();
  n.begun(ActivityKind::kReclaim);
  n.drain_the_other();
  n.shrink_is_refused();
  n.over(ActivityKind::kReclaim);
  n.take_what_came();
  const Scene legal = n.scene();
  expect_legal(legal);
  expect_found(Law::kAnswer, altered(legal, nth(legal, kBegun), to_kind(ActivityKind::kReclaim)));
  const std::size_t refused = nth(legal, EventKind::kObjectRefused);
  expect_found(Law::kOom1, without(legal, refused));
}

// What was refused inside licenses no refusal outside.
TEST(Nesting, ARefusalInsideOfReclaimIsNotTheForks) {
  for (const bool shrinks : {false, true}) expect_found(Law::kOom1, given_back(shrinks));
}

// Whatever is done inside is judged as it is outside.
TEST(Nesting, ABracketLicensesNothing) {
  const auto doing = [](auto&& deed) {
    Short n;
    n.fork_wants_a_table();
    n.begun(ActivityKind::kReclaim);
    n.drain_the_other();
    deed(n);
    n.over(ActivityKind::kReclaim);
    n.take_what_came();
    return n.scene();
  };
  const std::uint64_t page = kHere / kPage;
  expect_legal(doing([](Short&) {}));
  // A page is lost; a store without a flush; a frame that is somebody's; an object of a cache that it must not ask.
  expect_found(Law::kContent1, doing([&](Short& n) {
                 n.set_leaf(1, page, 0);
                 n.flush_page(1, page);
               }));
  expect_found(Law::kFrame3, doing([&](Short& n) { n.put(frame_in(n.leaf(1, page))); }));
  expect_found(Law::kSlub2, doing([&](Short& n) { n.object(CacheName::kRange); }));
  expect_found(Law::kFrame1, doing([&](Short& n) { n.request(Role::kAnon); }));
}

// It is the operation that counts, under its space's lock, and no activity inside of it.
TEST(Nesting, AnOperationCountsOutsideOfItsActivities) {
  for (const bool is_inside : {false, true}) {
    Short n;
    n.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
    n.load_space(1);
    n.lock(LockClass::kSpace, 1);
    n.object(CacheName::kSpace);
    n.request(Role::kRootTable);
    n.begun(ActivityKind::kReclaim);
    n.drain_the_other();
    if (is_inside) n.event(EventKind::kCommitted);
    n.over(ActivityKind::kReclaim);
    if (is_inside)
      expect_found(Law::kAnswer, n.scene());
    else
      expect_legal(n.scene());
  }
}

TEST(Nesting, WhatAnActivityTookItGivesBackAndWhatItOwesItPays) {
  Short locked;
  locked.fork_wants_a_table();
  locked.begun(ActivityKind::kReclaim);
  locked.lock(LockClass::kZone, 1);
  locked.over(ActivityKind::kReclaim);
  expect_found(Law::kLock1, locked.scene());

  Short n;
  n.load(1, kHere, 7, 1);
  n.fork_wants_a_table();
  n.begun(ActivityKind::kReclaim);
  n.set_leaf(1, kHere / kPage, n.leaf(1, kHere / kPage) & ~kBitWritable);
  n.over(ActivityKind::kReclaim);
  expect_found(Law::kCpu2, n.scene());
}

TEST(Nesting, AnInterruptIsOnTheStackOfWhoAskedForIt) {
  const Scene legal = reclaimed();
  const std::size_t answered = nth(legal, EventKind::kInterruptAnswered), taken = nth(legal, EventKind::kInterrupted);
  Event lock = event_of(EventKind::kLockTaken, 0, 1);
  lock.cpu = CpuId(1);
  lock.index = static_cast<std::uint16_t>(LockClass::kZone);
  expect_found(Law::kLock1, before(legal, answered, {lock}));
  expect_found(Law::kCpu2, twice(legal, taken));
  // For another reason than there is: nothing was taken away, and no space ends.
  for (const InterruptReason reason : {InterruptReason::kFlush, InterruptReason::kLeave}) {
    const auto for_that = [&](Event& e) {
      e.level = static_cast<std::uint8_t>(reason);
      e.frame = Pfn(Short().root(1));
    };
    expect_found(Law::kCpu2, altered(legal, nth(legal, EventKind::kInterruptSent), for_that));
  }
}

}  // namespace
}  // namespace mmtwin::model
