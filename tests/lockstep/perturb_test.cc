#include "lockstep/perturb/perturb.h"

#include <gtest/gtest.h>

#include "lockstep/perturb/altered.h"
#include "lockstep/perturb/event_fields.h"
#include "tests/lockstep/fake_system.h"
#include "tests/lockstep/programs.h"

namespace mmtwin::lockstep {
namespace {

Program some_pages() {
  return program_of("tiny", {"pages_alloc order=0 gfp=wait -> b1", "pages_alloc order=3 gfp=wait -> b2",
                             "pages_free block=b1", "pages_alloc_exact pages=5 gfp=wait -> b3", "pages_free block=b3",
                             "pages_drain_cpu target=0", "pages_free block=b2"});
}

TEST(Perturb, NearlyEveryAlterationOfAnHonestAllocatorIsRejected) {
  FakeSystem system;
  Perturber perturber(system);
  PerturbReport report;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) perturber.run(some_pages(), seed, 20, report);
  EXPECT_EQ(report.disagreed, 0u);
  EXPECT_EQ(report.rejected + report.accepted + report.unchanged, 400u);
  EXPECT_GT(report.rejected, 5 * report.accepted) << report.print_freedoms("");
  for (const auto& [kind, tightness] : report.kinds) {
    if (tightness.accepted == 0) continue;
    EXPECT_FALSE(tightness.example.empty()) << kind;
  }
}

TEST(Perturb, TheSameSeedAltersTheSame) {
  FakeSystem system;
  PerturbReport a, b;
  Perturber(system).run(some_pages(), 7, 30, a);
  Perturber(system).run(some_pages(), 7, 30, b);
  EXPECT_EQ(a.print(), b.print());
}

TEST(Perturb, AProgramThatFailsByItselfIsNotAltered) {
  FakeSystem system(Lie::kWrongFrame, 2);
  PerturbReport report;
  Perturber(system).run(some_pages(), 1, 10, report);
  EXPECT_EQ(report.disagreed, 1u);
  EXPECT_EQ(report.rejected + report.accepted, 0u);
}

TEST(Perturb, ReportsAddUp) {
  FakeSystem system;
  Perturber perturber(system);
  PerturbReport a, b, sum;
  perturber.run(some_pages(), 1, 10, a);
  perturber.run(some_pages(), 2, 10, b);
  sum.add(a, "a");
  sum.add(b, "b");
  EXPECT_EQ(sum.rejected, a.rejected + b.rejected);
  EXPECT_EQ(sum.accepted, a.accepted + b.accepted);
  EXPECT_EQ(sum.programs, 2u);
}

TEST(Altered, EveryAlterationOfAnEventChangesAFieldThatMeansSomething) {
  const MachineDescription machine = find_preset("small", 1)->machine;
  Random random(3);
  for (unsigned kind = 0; kind < kEventNames.size(); ++kind) {
    for (int i = 0; i < 200; ++i) {
      Event event;
      event.kind = static_cast<EventKind>(kind);
      event.frame = Pfn(random.below(512));
      Event other = event;
      const std::string field = alter(other, machine, random);
      ASSERT_FALSE(field.empty());
      EXPECT_FALSE(same(event, other)) << describe(event) << " by " << field;
    }
  }
}

TEST(Altered, EveryAlterationOfAnObservationChangesIt) {
  const MachineDescription machine = find_preset("small", 1)->machine;
  Random random(5);
  for (int i = 0; i < 500; ++i) {
    FrameObservation frame;
    frame.state = static_cast<FrameState>(random.below(4));
    frame.role = Role::kAnon;
    const FrameObservation frame_before = frame;
    alter(frame, machine, random);
    EXPECT_FALSE(frame == frame_before);
    SpaceObservation space;
    alter(space, random);
    EXPECT_FALSE(space == SpaceObservation{});
    ZoneObservation zone;
    alter(zone, random);
    EXPECT_FALSE(zone == ZoneObservation{});
    EntryObservation entry;
    entry.present = random.percent(50);
    const EntryObservation entry_before = entry;
    alter(entry, machine, random);
    EXPECT_FALSE(entry == entry_before);
    std::vector<RangeObservation> ranges(2);
    ranges[1].start = Address(0x20000);
    const auto ranges_before = ranges;
    alter(ranges, random);
    EXPECT_NE(ranges, ranges_before);
    Response response;
    alter(response, random);
    EXPECT_FALSE(response == Response{});
  }
}

TEST(EventFields, AnEventIsDescribedByWhatItMeans) {
  Event event;
  event.kind = EventKind::kPageRequested;
  event.role = Role::kSlab;
  event.place = 1;
  EXPECT_EQ(describe(event), "page_requested cpu=0 role=slab order=0 (range)");
  event = Event{};
  event.kind = EventKind::kFrameTaken;
  event.frame = Pfn(0x23);
  event.order = Order(3);
  EXPECT_EQ(describe(event), "frame_taken cpu=0 frame=0x23 order=3");
}

}  // namespace
}  // namespace mmtwin::lockstep
