// model/frames against a bitmap: blocks, counters and lists, with unaligned zones, a hole and two nodes.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "model/machine/frames.h"

namespace mmtwin::model {
namespace {

constexpr FrameSpan span_of(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

// Which frames are free, frame by frame.
class Bitmap {
 public:
  explicit Bitmap(const MachineDescription& machine) : zone_(machine.frame_limit(), kNoZone) {
    for (unsigned node = 0; node < machine.nodes; ++node)
      for (unsigned kind = 0; kind < kZoneKinds; ++kind)
        for (std::uint64_t f = 0; f < zone_.size(); ++f)
          if (machine.node[node].zones[kind].contains(Pfn(f))) zone_[f] = node * kZoneKinds + kind;
    for (std::uint64_t f = 0; f < zone_.size(); ++f)
      for (const FrameSpan& hole : machine.hole)
        if (hole.contains(Pfn(f))) zone_[f] = kNoZone;
    for (const unsigned zone : zone_) free_.push_back(zone != kNoZone);
  }
  std::uint64_t limit() const { return zone_.size(); }
  unsigned zone_of(std::uint64_t f) const { return zone_[f]; }
  bool is_free(std::uint64_t f) const { return free_[f]; }
  void set(std::uint64_t head, unsigned order, bool free) {
    for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) free_[head + i] = free;
  }
  bool is_free_block(std::uint64_t head, unsigned order) const {
    const std::uint64_t size = std::uint64_t{1} << order;
    if (head + size > limit()) return false;
    for (std::uint64_t f = head; f < head + size; ++f)
      if (!free_[f] || zone_[f] != zone_[head]) return false;
    return true;
  }
  // The largest aligned free block that holds f.
  FreeBlock around(std::uint64_t f) const {
    for (unsigned order = kMaxOrder; order > 0; --order)
      if (const std::uint64_t head = f >> order << order; is_free_block(head, order)) return {head, order};
    return {f, 0};
  }
  Zone recounted(unsigned zone) const {
    Zone counted;
    for (std::uint64_t f = 0; f < limit(); ++f) {
      if (zone_[f] != zone) continue;
      ++counted.managed;
      if (!free_[f]) continue;
      ++counted.free;
      const FreeBlock block = around(f);
      if (block.head == f) ++counted.full[block.order];  // maximal ones only
    }
    return counted;
  }

 private:
  std::vector<unsigned> zone_;
  std::vector<bool> free_;
};

void expect_equal(Frames& frames, const Bitmap& bitmap) {
  for (unsigned z = 0; z < kMaxZones; ++z) {
    const Zone counted = bitmap.recounted(z);
    ASSERT_EQ(frames.zone(z).managed, counted.managed) << "zone " << z;
    ASSERT_EQ(frames.zone(z).free, counted.free) << "zone " << z;
    for (unsigned o = 0; o < kOrders; ++o)
      ASSERT_EQ(frames.zone(z).free_blocks(o), counted.full[o]) << "zone " << z << " order " << o;
  }
  for (std::uint64_t f = 0; f < bitmap.limit(); ++f) {
    ASSERT_EQ(frames.exists(f), bitmap.zone_of(f) != kNoZone) << f;
    ASSERT_EQ(frames.zone_of(f), bitmap.zone_of(f)) << f;
    ASSERT_EQ(frames.is_free(f), bitmap.is_free(f)) << f;
    if (!bitmap.is_free(f)) continue;
    const FreeBlock expected = bitmap.around(f), seen = frames.free_block_around(f);
    ASSERT_EQ(seen.head, expected.head) << f;
    ASSERT_EQ(seen.order, expected.order) << f;
  }
}

void expect_equal_blocks(Frames& frames, const Bitmap& bitmap) {
  for (unsigned o = 0; o < kOrders; ++o)
    for (std::uint64_t head = 0; head < bitmap.limit(); head += std::uint64_t{1} << o)
      ASSERT_EQ(frames.is_free_block(head, o), bitmap.is_free_block(head, o)) << head << " order " << o;
}

// DMA 0..36, NORMAL 37..106 without 50..54; node 1: NORMAL 107..199.
MachineDescription uneven() {
  MachineDescription machine = find_preset("tiny", 1)->machine;
  machine.nodes = 2;
  machine.cpus = 2;
  machine.node[0].zone(ZoneKind::kDma) = span_of(0, 37);
  machine.node[0].zone(ZoneKind::kNormal) = span_of(37, 70);
  machine.node[1].zone(ZoneKind::kNormal) = span_of(107, 93);
  machine.hole[0] = span_of(50, 5);
  machine.distance[0] = {10, 20, 0, 0};
  machine.distance[1] = {20, 10, 0, 0};
  machine.lowmem_ratio = 4;
  return machine;
}
MachineDescription one_zone(std::uint64_t first, std::uint64_t count) {
  MachineDescription machine = find_preset("tiny", 1)->machine;
  machine.node[0].zone(ZoneKind::kNormal) = span_of(first, count);
  return machine;
}

TEST(Frames, CountsThePiecesOfUnevenZones) {
  const MachineDescription machine = uneven();
  ASSERT_FALSE(problem_with(machine)) << *problem_with(machine);
  Frames frames;
  frames.start(machine);
  const Bitmap bitmap(machine);
  expect_equal(frames, bitmap);
  expect_equal_blocks(frames, bitmap);
  const auto reserve = [&](ZoneKind zone, ZoneKind highest) {
    return frames.zone(static_cast<unsigned>(zone)).reserve[static_cast<unsigned>(highest)];
  };
  EXPECT_EQ(reserve(ZoneKind::kDma, ZoneKind::kNormal), 65u / 4);
  EXPECT_EQ(reserve(ZoneKind::kDma, ZoneKind::kDma), 0u);
  EXPECT_EQ(reserve(ZoneKind::kNormal, ZoneKind::kMovable), 0u);
  EXPECT_TRUE(frames.recount());
}

// FFFFFFFFFF → every subset of ten frames from the third on, taken one by one.
TEST(Frames, EverySubsetOfASmallZoneIsCounted) {
  const MachineDescription machine = one_zone(3, 10);
  Frames frames;
  for (unsigned mask = 0; mask < 1u << 10; ++mask) {
    frames.start(machine);
    Bitmap bitmap(machine);
    for (unsigned i = 0; i < 10; ++i) {
      if ((mask >> i & 1u) == 0) continue;
      frames.take(3 + i, 0);
      bitmap.set(3 + i, 0, false);
    }
    expect_equal(frames, bitmap);
    ASSERT_TRUE(frames.recount()) << mask;
    if (testing::Test::HasFatalFailure()) return;
  }
}

class Walk {
 public:
  Walk(Frames& frames, const MachineDescription& machine) : frames_(frames), bitmap_(machine) {}
  // Every run of `depth` blocks taken or returned from here.
  void everything(unsigned depth) {
    expect_equal(frames_, bitmap_);
    ++states_;
    if (depth == 0 || testing::Test::HasFatalFailure()) return;
    for (unsigned o = 0; o < 4; ++o)
      for (std::uint64_t head = 0; head < bitmap_.limit(); head += std::uint64_t{1} << o) {
        if (bitmap_.is_free_block(head, o)) {
          change(head, o, false);
          everything(depth - 1);
          change(head, o, true);
        } else if (taken_.count({head, o}) != 0) {
          change(head, o, true);
          everything(depth - 1);
          change(head, o, false);
        }
      }
  }
  void change(std::uint64_t head, unsigned order, bool free) {
    bitmap_.set(head, order, free);
    FrameRecord& record = frames_.at(head);
    record.order = static_cast<std::uint8_t>(order);
    if (free) {
      taken_.erase({head, order});
      record.state = FrameState::kFree;
      frames_.give_back(head, order);
    } else {
      taken_.insert({head, order});
      frames_.take(head, order);
      record.state = FrameState::kUsed;
    }
  }
  void expect_heads() {
    std::vector<std::uint64_t> heads(bitmap_.limit());
    for (std::uint64_t f = 0; f < heads.size(); ++f) heads[f] = f;
    for (const auto& [head, order] : taken_)
      for (std::uint64_t i = 0; i < std::uint64_t{1} << order; ++i) heads[head + i] = head;
    for (std::uint64_t f = 0; f < heads.size(); ++f) ASSERT_EQ(frames_.used_head(f), heads[f]);
  }
  const std::set<std::pair<std::uint64_t, unsigned>>& taken() const { return taken_; }
  const Bitmap& bitmap() const { return bitmap_; }
  std::uint64_t states() const { return states_; }

 private:
  Frames& frames_;
  Bitmap bitmap_;
  std::set<std::pair<std::uint64_t, unsigned>> taken_;
  std::uint64_t states_ = 0;
};

TEST(Frames, EveryShortRunOnAFewFramesIsCounted) {
  const MachineDescription machine = one_zone(5, 9);  // 5, 6-7, 8-11, 12-13
  Frames frames;
  frames.start(machine);
  Walk walk(frames, machine);
  walk.everything(4);
  EXPECT_GT(walk.states(), 20000u);
  EXPECT_TRUE(frames.recount());
}

void random_run(Frames& frames, const MachineDescription& machine, unsigned seed, unsigned steps) {
  frames.start(machine);
  Walk walk(frames, machine);
  expect_equal(frames, walk.bitmap());
  std::mt19937_64 random(seed);
  for (unsigned step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
    const unsigned order = static_cast<unsigned>(random() % 7);
    const std::uint64_t head = random() % machine.frame_limit() >> order << order;
    if (walk.bitmap().is_free_block(head, order)) {
      walk.change(head, order, false);
    } else if (!walk.taken().empty()) {
      auto block = walk.taken().begin();
      std::advance(block, static_cast<std::ptrdiff_t>(random() % walk.taken().size()));
      const auto [at, of] = *block;
      walk.change(at, of, true);
    }
    if (step % 8 == 0) expect_equal(frames, walk.bitmap());
  }
  expect_equal(frames, walk.bitmap());
  expect_equal_blocks(frames, walk.bitmap());
  walk.expect_heads();
  EXPECT_TRUE(frames.recount());
}

TEST(Frames, RandomRunsAreCounted) {
  Frames frames;
  for (unsigned seed = 0; seed < 20; ++seed) random_run(frames, uneven(), seed, 400);
  for (unsigned seed = 0; seed < 20; ++seed) random_run(frames, one_zone(seed, 32 + 3 * seed), seed, 200);
}

// A zone that spans sections of 1024 frames, and another machine in between.
TEST(Frames, StartForgetsEverything) {
  const MachineDescription wide = one_zone(700, 2600);
  Frames frames;
  for (int round = 0; round < 2; ++round) {
    frames.start(wide);
    expect_equal(frames, Bitmap(wide));
    for (const std::uint64_t frame : {1023, 1024, 2048, 3299}) {
      frames.take(frame, 0);
      frames.list(frame, 0);
      frames.at(frame).watchers = 1;
    }
    EXPECT_EQ(frames.total_listed(), 4u);
    EXPECT_TRUE(frames.recount());
    frames.start(wide);
    EXPECT_EQ(frames.total_listed(), 0u);
    expect_equal(frames, Bitmap(wide));
    for (const std::uint64_t frame : {1023, 1024, 2048, 3299}) {
      EXPECT_EQ(frames.at(frame).state, FrameState::kFree);
      EXPECT_EQ(frames.at(frame).watchers, 0u);
    }
    EXPECT_TRUE(frames.recount());
    frames.start(uneven());
    expect_equal(frames, Bitmap(uneven()));
  }
}

constexpr unsigned kNormal0 = static_cast<unsigned>(ZoneKind::kNormal), kNormal1 = kZoneKinds + kNormal0;

TEST(Frames, ListsAreCountedByZoneAndCpu) {
  Frames frames;
  frames.start(uneven());
  for (const std::uint64_t frame : {36, 37, 106, 107}) {
    frames.take(frame, 0);
    frames.list(frame, frame % 2);
  }
  EXPECT_EQ(frames.zone(0).listed[0], 1u);
  EXPECT_EQ(frames.zone(kNormal0).listed[1], 1u);
  EXPECT_EQ(frames.zone(kNormal0).listed[0], 1u);
  EXPECT_EQ(frames.zone(kNormal1).listed[1], 1u);
  EXPECT_EQ(frames.total_listed(), 4u);
  EXPECT_TRUE(frames.recount());
  frames.unlist(106);
  frames.give_back(106, 0);
  EXPECT_EQ(frames.zone(kNormal0).listed[0], 0u);
  EXPECT_TRUE(frames.recount());
}

TEST(Frames, ARecountFindsWhatDoesNotAddUp) {
  Frames frames;
  frames.start(uneven());
  frames.take(40, 0);
  frames.list(40, 0);
  ASSERT_TRUE(frames.recount());
  ++frames.zone(kNormal0).free;
  EXPECT_FALSE(frames.recount());
  --frames.zone(kNormal0).free;
  ++frames.zone(kNormal0).listed[1];
  EXPECT_FALSE(frames.recount());
  --frames.zone(kNormal0).listed[1];
  frames.at(41).state = FrameState::kUsed;
  EXPECT_FALSE(frames.recount()) << "a used frame is not free";
  frames.at(41).state = FrameState::kFree;
  ++frames.zone(kNormal0).full[3];
  EXPECT_FALSE(frames.recount()) << "full blocks are counted, too";
  --frames.zone(kNormal0).full[3];
  EXPECT_TRUE(frames.recount());
}

}  // namespace
}  // namespace mmtwin::model
