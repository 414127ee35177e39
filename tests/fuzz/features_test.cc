#include "fuzz/features.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fuzz/lying_system.h"
#include "lockstep/suts/ours/ours.h"
#include "vocab/operations.h"

namespace mmtwin::fuzz {
namespace {

// Takes the frames that it is told to, and refuses everything.
class Puppet final : public lockstep::System {
 public:
  std::string_view name() const override { return "puppet"; }
  Claims claims() const override { return {}; }
  void start(const MachineDescription&, EventSink& sink) override { sink_ = &sink; }
  Response apply(const Operation&) override {
    sink_->on_event({.kind = EventKind::kFrameTaken, .role = Role::kBlock, .frame = Pfn(next_++)});
    return {Refusal::kOom, 0};
  }
  const Changes& changes() override { return changes_; }
  FrameObservation frame(Pfn) override { return {}; }
  void ranges(SpaceHandle, std::vector<RangeObservation>&) override {}
  SpaceObservation space(SpaceHandle) override { return {}; }
  ZoneObservation zone(NodeId, ZoneKind) override { return {}; }
  EntryObservation entry(SpaceHandle, Vpn) override { return {}; }
  std::span<const std::uint8_t> bytes(Pfn) override { return {}; }

 private:
  EventSink* sink_ = nullptr;
  Changes changes_;
  std::uint64_t next_ = 10;
};

class Heard final : public EventSink {
 public:
  void on_event(const Event& event) override { frames.push_back(event.frame.raw()); }
  std::vector<std::uint64_t> frames;
};

std::vector<std::uint8_t> counters() { return {features(), features() + kFeatureBytes}; }

TEST(Features, DifferentSituationsSetDifferentCounters) {
  FeatureSystem system(std::make_unique<Puppet>());
  Heard heard;
  clear_features();
  system.start(find_preset("tiny", 1)->machine, heard);
  system.apply(PagesAlloc{});
  const auto first = counters();
  clear_features();
  system.start(find_preset("tiny", 1)->machine, heard);
  system.apply(SpaceCreate{});
  const auto second = counters();
  EXPECT_NE(first, second);
  EXPECT_GE(std::count_if(first.begin(), first.end(), [](std::uint8_t c) { return c != 0; }), 4);
  EXPECT_EQ(heard.frames, (std::vector<std::uint64_t>{10, 11}));
}

TEST(Features, LawsCountByWhatAnInputAdded) {
  model::LawCounts before{}, after{};
  after[3] = before[3] = 100;
  after[5] = 7;
  clear_features();
  count_laws(before, after);
  const auto seen = counters();
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), static_cast<std::ptrdiff_t>(kFeatureBytes - 1));
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 7), 1);
}

TEST(LyingSystem, TellsTheTruthUntilItLies) {
  LyingSystem system(std::make_unique<Puppet>());
  Heard heard;
  system.start(find_preset("tiny", 1)->machine, heard);
  for (int i = 0; i < 4; ++i) system.apply(PagesAlloc{});
  EXPECT_EQ(heard.frames, (std::vector<std::uint64_t>{10, 11, 10, 13}));
}

// A watched campaign is judged by every law that one without a watcher is.
TEST(Forwarding, WhatASystemSaysAgainstItselfIsHeard) {
  Heard heard;
  FeatureSystem watched(lockstep::make_ours());
  watched.start(find_preset("tiny")->machine, heard);
  EXPECT_EQ(watched.complaint(), "");
  FeatureSystem mute(std::make_unique<Puppet>());
  EXPECT_EQ(mute.complaint(), std::nullopt);
}

}  // namespace
}  // namespace mmtwin::fuzz
