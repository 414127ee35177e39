#include "lockstep/generate/draw_machine.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

constexpr unsigned kDrawn = 4000;

template <class Visit>
void for_each_drawn(Visit&& visit) {
  Random random(1);
  for (unsigned i = 0; i < kDrawn; ++i) visit(draw_machine(random));
}

TEST(DrawMachine, EveryMachineIsUsableAndSmall) {
  for_each_drawn([](const MachineDescription& m) {
    ASSERT_EQ(problem_with(m), std::nullopt) << print(m);
    ASSERT_LE(m.frame_limit(), 16u << 10) << print(m);
    ASSERT_LE(m.cpus, 4) << print(m);
  });
}

TEST(DrawMachine, TheSameSourceGivesTheSameMachines) {
  Random one(7), other(7);
  for (unsigned i = 0; i < 200; ++i) EXPECT_EQ(draw_machine(one), draw_machine(other));
}

TEST(DrawMachine, MostMachinesDiffer) {
  std::set<std::string> seen;
  for_each_drawn([&](const MachineDescription& m) { seen.insert(print(m)); });
  EXPECT_GT(seen.size(), kDrawn / 2);
}

TEST(DrawMachine, WhatCampaignsHadToMissIsDrawnOften) {
  struct Wanted {
    const char* what;
    bool (*is)(const MachineDescription&);
    unsigned seen = 0;
  };
  Wanted wanted[] = {
      {"three CPUs or more", [](const MachineDescription& m) { return m.cpus >= 3; }},
      {"CPUs that share a node", [](const MachineDescription& m) {
         return m.cpus > 1 && m.cpu_node[0] == m.cpu_node[1];
       }},
      {"1,024 frames in a zone", [](const MachineDescription& m) {
         for (const NodeDescription& node : m.node)
           for (const FrameSpan& zone : node.zones)
             if (zone.count.raw() >= 1024) return true;
         return false;
       }},
      {"three nodes with a tie", [](const MachineDescription& m) {
         return m.nodes >= 3 && m.distance[0][1] == m.distance[0][2];
       }},
      {"a node without memory", [](const MachineDescription& m) {
         for (unsigned n = 0; n < m.nodes; ++n)
           if (m.node[n] == NodeDescription{}) return true;
         return false;
       }},
      {"a DMA32 zone", [](const MachineDescription& m) { return m.node[0].zone(ZoneKind::kDma32).count.raw() != 0; }},
      {"a MOVABLE zone", [](const MachineDescription& m) {
         return m.node[0].zone(ZoneKind::kMovable).count.raw() != 0;
       }},
      {"a hole", [](const MachineDescription& m) { return m.hole != MachineDescription{}.hole; }},
      {"reserved frames", [](const MachineDescription& m) { return m.reserved != MachineDescription{}.reserved; }},
      {"two ranges a space", [](const MachineDescription& m) { return m.range_cap == 2; }},
      {"two references a frame", [](const MachineDescription& m) { return m.reference_cap == 2; }},
      {"one TLB entry", [](const MachineDescription& m) { return m.tlb_entries == 1; }},
      {"x86 tables", [](const MachineDescription& m) { return m.geometry == GeometryName::kX86; }},
      {"one object a slab frame", [](const MachineDescription& m) { return m.slab_objects == 1; }},
      {"one frame a flush", [](const MachineDescription& m) { return m.flush_batch == 1; }},
  };
  for_each_drawn([&](const MachineDescription& m) {
    for (Wanted& w : wanted) w.seen += w.is(m) ? 1 : 0;
  });
  for (const Wanted& w : wanted) EXPECT_GT(w.seen, kDrawn / 100) << w.what;
}

}  // namespace
}  // namespace mmtwin::lockstep
