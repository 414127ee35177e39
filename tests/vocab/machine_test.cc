#include "vocab/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mmtwin {
namespace {

using ::testing::HasSubstr;

MachineDescription preset(std::string_view name) { return find_preset(name)->machine; }

std::string problem_of(const MachineDescription& machine) { return problem_with(machine).value_or("usable"); }

TEST(Machine, EveryPresetIsUsable) {
  for (unsigned header = 1; header <= kNewestHeader; ++header)
    for (const Preset& p : presets(header)) EXPECT_EQ(problem_of(p.machine), "usable") << p.name;
}

// Stored traces stand under the first header: none of its machines may ever change.
TEST(Machine, TheFirstHeaderHasTheCapacitiesThatItAlwaysHad) {
  for (const Preset& p : presets(1)) {
    EXPECT_EQ(p.machine.top_order, 10) << p.name;
    EXPECT_EQ(p.machine.flush_batch, 64) << p.name;
    EXPECT_EQ(p.machine.slab_objects, 0) << p.name;
    EXPECT_EQ(p.machine.reserved, MachineDescription{}.reserved) << p.name;
    const bool is_server = p.name == "server";
    EXPECT_EQ(p.machine.pcp_batch, is_server ? 63 : 4) << p.name;
    EXPECT_EQ(p.machine.pcp_high, is_server ? 378 : 12) << p.name;
  }
}

TEST(Machine, HeadersDifferInCapacitiesAlone) {
  for (const Preset& p : presets()) {
    MachineDescription machine = p.machine;
    const MachineDescription first = find_preset(p.name, 1)->machine;
    machine.top_order = first.top_order;
    machine.flush_batch = first.flush_batch;
    machine.slab_objects = first.slab_objects;
    machine.pcp_batch = first.pcp_batch;
    machine.pcp_high = first.pcp_high;
    EXPECT_EQ(machine, first) << p.name;
  }
}

// Node 0: DMA 0..63, NORMAL 64..255.
TEST(Machine, ReservedFramesArePresentAndNotManaged) {
  MachineDescription m = preset("small");
  m.reserved[0] = {Pfn(70), PageCount(10)};
  m.hole[0] = {Pfn(90), PageCount(5)};
  EXPECT_EQ(problem_of(m), "usable");
  EXPECT_EQ(m.frames_present(), 512u - 5);
  EXPECT_EQ(m.frames_managed(NodeId(0), ZoneKind::kNormal), 192u - 15);
  EXPECT_EQ(m.frames_managed(NodeId(0), ZoneKind::kDma), 64u);
  EXPECT_EQ(m.frames_managed(NodeId(0), ZoneKind::kMovable), 0u);
}

TEST(Machine, BootNeedsFramesBelowMovable) {
  MachineDescription m = preset("tiny");
  std::swap(m.node[0].zone(ZoneKind::kNormal), m.node[0].zone(ZoneKind::kMovable));
  EXPECT_THAT(problem_of(m), HasSubstr("cannot boot"));
}

TEST(Machine, PresetsHaveTheSizesTheirNamesPromise) {
  EXPECT_EQ(preset("tiny").frames_present(), 64u);
  EXPECT_EQ(preset("small").frames_present(), 512u);
  EXPECT_EQ(preset("small").cpus, 2);
  EXPECT_EQ(preset("small-x86").geometry, GeometryName::kX86);
  EXPECT_EQ(preset("scale-10").frames_present(), 1u << 10);
  EXPECT_EQ(preset("scale-20").frames_present(), 1u << 20);
  EXPECT_EQ(preset("server").frames_present() * kPageBytes, std::uint64_t{1} << 40);
  EXPECT_EQ(find_preset("huge"), nullptr);
}

// node0.dma    node0.normal   node2.normal   nobody   node3.normal with a hole
// 0........36  37.......186   187.....315    316-319  320...349 hole 363...420
TEST(Machine, Numa4HasUnevenEndsAHoleAndANodeWithoutMemory) {
  const MachineDescription m = preset("numa4");
  EXPECT_EQ(m.frame_limit(), 421u);
  EXPECT_EQ(m.frames_present(), 421u - 4 - 13);
  EXPECT_EQ(m.node[1], NodeDescription{});
}

TEST(Machine, TheFourFrameMachineBootsAndAThreeFrameMachineDoesNot) {
  MachineDescription m = preset("tiny");
  m.watermark_min = 0;
  m.node[0].zone(ZoneKind::kNormal).count = PageCount(4);
  EXPECT_EQ(problem_of(m), "usable");
  m.node[0].zone(ZoneKind::kNormal).count = PageCount(3);
  EXPECT_THAT(problem_of(m), HasSubstr("cannot boot"));
}

TEST(Machine, EveryBoundIsKept) {
  struct Case {
    const char* expected;
    void (*spoil)(MachineDescription&);
  };
  const Case cases[] = {
      {"nodes is 0, not 1 to 4", [](MachineDescription& m) { m.nodes = 0; }},
      {"nodes is 5", [](MachineDescription& m) { m.nodes = 5; }},
      {"cpus is 9, not 1 to 8", [](MachineDescription& m) { m.cpus = 9; }},
      {"geometry is 2", [](MachineDescription& m) { m.geometry = static_cast<GeometryName>(2); }},
      {"min is 16777217", [](MachineDescription& m) { m.watermark_min = (1u << 24) + 1; }},
      {"lowmem_ratio is 1048577", [](MachineDescription& m) { m.lowmem_ratio = (1u << 20) + 1; }},
      {"batch is 0, not 1 to 1024", [](MachineDescription& m) { m.pcp_batch = 0; }},
      {"high is 2, not 3 to 8192", [](MachineDescription& m) { m.pcp_high = 2; }},
      {"tlb is 12, not a power of two", [](MachineDescription& m) { m.tlb_entries = 12; }},
      {"tlb is 8192, not 1 to 4096", [](MachineDescription& m) { m.tlb_entries = 8192; }},
      {"walk_cache is 3, not a power of two", [](MachineDescription& m) { m.walk_cache_entries = 3; }},
      {"range_cap is 0", [](MachineDescription& m) { m.range_cap = 0; }},
      {"reference_cap is 0, not 1 to 2147483647", [](MachineDescription& m) { m.reference_cap = 0; }},
      {"top_order is 11, not 0 to 10", [](MachineDescription& m) { m.top_order = 11; }},
      {"flush_batch is 0, not 1 to 64", [](MachineDescription& m) { m.flush_batch = 0; }},
      {"flush_batch is 65", [](MachineDescription& m) { m.flush_batch = 65; }},
      {"slab_objects is 4097, not 0 to 4096", [](MachineDescription& m) { m.slab_objects = 4097; }},
      {"reserved1 lies in no zone", [](MachineDescription& m) { m.reserved[1] = {Pfn(60), PageCount(8)}; }},
      {"reserved0 overlaps hole0",
       [](MachineDescription& m) { m.hole[0] = m.reserved[0] = {Pfn(100), PageCount(8)}; }},
      {"node0.dma is all reserved", [](MachineDescription& m) { m.reserved[0] = m.node[0].zones[0]; }},
      {"node1.normal belongs to no node", [](MachineDescription& m) { m.nodes = 1; }},
      {"node1.normal overlaps node0.normal",
       [](MachineDescription& m) { m.node[1].zone(ZoneKind::kNormal).first = Pfn(255); }},
      {"node0.dma has no frames but a first one", [](MachineDescription& m) { m.node[0].zones[0] = {Pfn(1), {}}; }},
      {"node1.normal ends beyond frame 2147483648",
       [](MachineDescription& m) { m.node[1].zone(ZoneKind::kNormal) = {Pfn(kMaxFrames - 1), PageCount(2)}; }},
      {"hole0 lies in no zone", [](MachineDescription& m) { m.hole[0] = {Pfn(60), PageCount(8)}; }},
      {"hole1 overlaps hole0",
       [](MachineDescription& m) { m.hole[0] = m.hole[1] = {Pfn(100), PageCount(8)}; }},
      {"hole2 has no frames but a first one", [](MachineDescription& m) { m.hole[2] = {Pfn(100), {}}; }},
      {"node0.dma is all hole", [](MachineDescription& m) { m.hole[0] = m.node[0].zones[0]; }},
      {"distance0, entry 0, is 11, not 10 to 10", [](MachineDescription& m) { m.distance[0][0] = 11; }},
      {"distance1, entry 0, is 10, not 11 to 254", [](MachineDescription& m) { m.distance[1][0] = 10; }},
      {"cpu_node, entry 1, is 2, not 0 to 1", [](MachineDescription& m) { m.cpu_node[1] = 2; }},
      {"cannot boot", [](MachineDescription& m) { m.watermark_min = 300; }},
  };
  for (const Case& c : cases) {
    MachineDescription m = preset("small");
    c.spoil(m);
    EXPECT_THAT(problem_of(m), HasSubstr(c.expected));
  }
}

}  // namespace
}  // namespace mmtwin
