// What is not claimed is not asked for, and what is claimed is.
#include <gtest/gtest.h>

#include "tests/model/scenario.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000;

// Tells which frames it asks for and gives back, and nothing else: no lists, no tables, no CPUs.
class Teller : public Writer {
 public:
  Teller() : Writer(machine_of("tiny"), {Claim::kRequests, Claim::kRanges, Claim::kExactAddresses}) {
    kernel_root_ = take_one(Role::kRootTable);
    zero_page_ = take_one(Role::kZeroPage);
    step(Booted{});
  }
  std::uint64_t take_one(Role role) {
    request(role);
    const std::uint64_t frame = *free_.begin();
    taken(frame);
    if (role != Role::kBlock) event(EventKind::kFrameZeroed, frame);
    return frame;
  }
  void put_one(std::uint64_t frame) {
    event(EventKind::kFrameReturned, frame);
    free_.insert(frame);
  }
  // A space stores to its only page, reads it, forks, and both end.
  void play(std::uint64_t loaded = 7) {
    begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(1)});
    const std::uint64_t root = take_one(Role::kRootTable);
    end();
    begin(RangeMapAnon{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kReadWrite, kMapFixed, {}});
    end(Refusal::kNone, kHere);
    begin(MemoryStore{CpuId(0), SpaceHandle(1), place(kHere), Width(1), Value(7)});
    const std::uint64_t table = take_one(Role::kTable), page = take_one(Role::kAnon);
    end();
    begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kHere), Width(1)});
    end(Refusal::kNone, loaded);
    begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
    const std::uint64_t child = take_one(Role::kRootTable);
    end();
    for (const unsigned p : {1u, 2u}) {
      begin(SpaceExit{CpuId(0), SpaceHandle(p)});
      put_one(p == 1 ? root : child);
      if (p == 2) put_one(page);
      if (p == 2) put_one(table);
      end();
    }
    step(AtRest{});
  }
};

TEST(Claims, WhoTellsOfFramesAloneIsJudgedByFramesAndAnswers) {
  Teller legal;
  legal.play();
  expect_legal(legal.scene());
  const Scene& scene = legal.scene();
  const std::size_t page = nth(scene, EventKind::kPageRequested, 4);
  expect_found(Law::kFrame1, altered(scene, page, [](Event& e) { e.role = Role::kBlock; }));
  expect_found(Law::kFrame1, twice(scene, nth(scene, EventKind::kFrameReturned)));
  expect_found(Law::kLive1, without(scene, nth(scene, EventKind::kFrameReturned)));
  Teller wrong;
  wrong.play(8);
  expect_found(Law::kContent1, wrong.scene());
}

TEST(Claims, WhatIsClaimedIsAskedFor) {
  Teller teller;
  teller.play();
  const auto claiming = [&](Claim claim) {
    Scene scene = teller.scene();
    scene.claims.add(claim);
    return scene;
  };
  expect_found(Law::kPcp1, claiming(Claim::kCpuLists));
  expect_found(Law::kRollback2, claiming(Claim::kTables));
  expect_found(Law::kCpu1, claiming(Claim::kTranslations));
  expect_found(Law::kSlub1, claiming(Claim::kObjects));
}

TEST(Claims, AnAccessOfWhoTellsItsEffectsIsToldWhenItHappens) {
  Teller teller;
  teller.play();
  Scene scene = teller.scene();
  scene.claims = {Claim::kRequests, Claim::kEffects};
  Event told = event_of(EventKind::kCommitted);
  told.after = 7;
  const std::size_t load = nth<Operation>(scene, 3);
  ASSERT_TRUE(std::holds_alternative<MemoryLoad>(std::get<Operation>(scene.steps[load])));
  const std::size_t stored = nth<Response>(scene, 2);
  const Scene legal = before(before(scene, load + 1, {told}), stored, {event_of(EventKind::kCommitted)});
  expect_legal(legal);
  expect_found(Law::kAnswer, without(legal, nth(legal, EventKind::kCommitted)));
  expect_found(Law::kAnswer, without(legal, nth(legal, EventKind::kCommitted, 0)));
  expect_found(Law::kContent1, altered(legal, nth(legal, EventKind::kCommitted), [](Event& e) { e.after = 8; }));
}

// A fault whose page nobody told of is not judged; a page's cap is, by what the program knows.
TEST(Claims, LocksWithoutTranslationsTellOfNoFault) {
  Teller teller;
  const auto lock_space = [&](bool takes) {
    takes ? teller.lock(LockClass::kSpace, 7) : teller.unlock(LockClass::kSpace, 7);
  };
  teller.begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(1)});
  (void)teller.take_one(Role::kRootTable);
  teller.end();
  teller.begin(RangeMapAnon{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kReadWrite, kMapFixed, {}});
  lock_space(true);
  lock_space(false);
  teller.end(Refusal::kNone, kHere);
  teller.begin(MemoryStore{CpuId(0), SpaceHandle(1), place(kHere), Width(1), Value(7)});
  lock_space(true);
  (void)teller.take_one(Role::kTable);
  (void)teller.take_one(Role::kAnon);
  lock_space(false);
  teller.end();
  const auto forking = [&](std::uint32_t cap) {
    Teller more = teller;
    more.begin(SpaceFork{CpuId(0), SpaceHandle(1), Fresh<'p'>(2)});
    more.end(Refusal::kNoMemory);
    Scene scene = more.scene();
    scene.machine.reference_cap = cap;
    return scene;
  };
  expect_legal(teller.scene());
  expect_legal(forking(1));
  expect_found(Law::kAnswer, forking(2));
}

TEST(Changes, ASpaceWhoseRangesAnOperationChangedIsCompared) {
  Teller teller;
  teller.begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(1)});
  (void)teller.take_one(Role::kRootTable);
  teller.end();
  const auto changed_by = [&](const Operation& operation, const Response& answer) {
    Model model;
    Scene scene = teller.scene();
    EXPECT_EQ(judged(model, scene).text, "nothing");
    perform(model, operation);
    perform(model, answer);
    EXPECT_FALSE(model.finding().has_value());
    return model.changes().spaces;
  };
  const RangeMapAnon map{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kReadWrite, kMapFixed, {}};
  EXPECT_EQ(changed_by(map, {Refusal::kNone, kHere}), std::vector{SpaceHandle(1)});
  const RangeProtect protect{CpuId(0), SpaceHandle(1), place(kHere), ByteCount(kPage), kProtRead};
  EXPECT_EQ(changed_by(protect, {Refusal::kNoMemory, 0}), std::vector{SpaceHandle(1)}) << "perhaps in part";
  EXPECT_TRUE(changed_by(PagesDrainCpu{CpuId(0), CpuId(0)}, {}).empty());
}

}  // namespace
}  // namespace mmtwin::model
