// Slabs: which frames they may keep, and how many objects the state implies.
#include <cstdint>
#include <utility>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

// Two spaces, two slab frames, and both spaces gone again.
struct TwoEmptySlabs {
  TwoEmptySlabs() : n(machine_of("tiny")) {
    for (unsigned i = 0; i < 2; ++i) slabs[i] = n.create_with_slab(i + 1);
    for (unsigned p = 1; p <= 2; ++p) {
      n.begin(SpaceExit{CpuId(0), SpaceHandle(p)});
      n.put(n.root(p));
      n.end();
    }
  }
  Scene shrunk_by(unsigned frames) {
    n.begin(SlabShrink{CpuId(0)});
    for (unsigned i = 0; i < frames; ++i) n.put(slabs[i]);
    n.end();
    n.drain_cpu(0);
    n.step(AtRest{});
    return n.scene();
  }
  Narrator n;
  std::uint64_t slabs[2] = {};
};

Scene two_spaces_two_frames(std::uint16_t spaces_in_frame) {
  Claims claims = kAllClaims;
  claims.objects_per_frame[static_cast<unsigned>(CacheName::kSpace)] = spaces_in_frame;
  Narrator n(machine_of("tiny"), claims);
  for (unsigned p = 1; p <= 2; ++p) n.create_with_slab(p);
  return n.scene();
}

TEST(Slub2, ACacheTakesAFrameOnlyWhenItIsFull) {
  expect_legal(two_spaces_two_frames(0));
  expect_legal(two_spaces_two_frames(1));
  expect_found(Law::kSlub2, two_spaces_two_frames(2));
}

TEST(Live1, NoSlabFrameWithoutObjectsIsLeftWhenTheSlabsWereShrunk) {
  expect_legal(TwoEmptySlabs().shrunk_by(2));
  expect_found(Law::kRollback2, TwoEmptySlabs().shrunk_by(1));
  TwoEmptySlabs kept;
  kept.n.drain_cpu(0);
  expect_legal(kept.n.scene());
  kept.n.step(AtRest{});
  expect_found(Law::kLive1, kept.n.scene());
}

// A store made a family and a link; the child has a space, a range, both links, and a family of its own.
TEST(Acct1, ACacheCountsTheObjectsThatTheStateImplies) {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, 0x10000, 2);
  n.store(1, 0x10000, 7);
  n.fork(1, 2);
  const std::pair<CacheName, std::uint64_t> counts[] = {{CacheName::kSpace, 2},
                                                        {CacheName::kRange, 2},
                                                        {CacheName::kAnonFamily, 2},
                                                        {CacheName::kFamilyLink, 3}};
  for (const auto& [cache, objects] : counts) n.step(SeenCache{cache, {objects}});
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int i = 0; i < 4; ++i) {
    expect_found(Law::kAcct1, altered<SeenCache>(legal, nth<SeenCache>(legal, i), [](SeenCache& s) {
                   ++s.seen.objects;
                 }));
  }
}

TEST(Audit1, WhatTheSystemSaysAgainstItselfIsAFinding) {
  const Scene scene = space_of_objects();
  Model model;
  EXPECT_FALSE(judged(model, scene).law.has_value());
  model.judge_complaint("");
  EXPECT_FALSE(model.finding().has_value());
  model.judge_complaint("VMA-1: the tree is balanced");
  ASSERT_TRUE(model.finding().has_value());
  EXPECT_EQ(model.finding()->law, Law::kAudit1);
  EXPECT_EQ(model.finding()->actual, "false: VMA-1: the tree is balanced");
}

}  // namespace
}  // namespace mmtwin::model
