#include "vocab/machine.h"

#include <bit>

namespace mmtwin {
namespace {

constexpr FrameSpan span_of(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

// Bounds that no other header states.
constexpr std::uint32_t kMaxWatermark = 1u << 24;
constexpr std::uint32_t kMaxLowmemRatio = 1u << 20;
constexpr std::uint32_t kMaxBatch = 1024;
constexpr std::uint32_t kMaxHigh = 8192;
constexpr std::uint32_t kMaxTlbEntries = 4096;
constexpr std::uint32_t kMaxWalkCacheEntries = 256;
constexpr std::uint32_t kMaxRangeCap = 65536;
constexpr std::uint32_t kMaxReferenceCap = (std::uint32_t{1} << 31) - 1;
constexpr std::uint32_t kMaxFlushBatch = 64;
constexpr std::uint32_t kMaxSlabObjects = 4096;
constexpr std::uint8_t kLocalDistance = 10;   // ACPI 6.5, System Locality Information Table
constexpr std::uint8_t kMaxDistance = 254;    // 255 there means unreachable
constexpr std::uint64_t kFramesForBoot = 4;   // the kernel root table, the zero page, the first slabs

constexpr MachineDescription one_node(std::uint64_t frames, unsigned cpus) {
  MachineDescription m;
  m.cpus = static_cast<std::uint8_t>(cpus);
  m.node[0].zone(ZoneKind::kNormal) = span_of(0, frames);
  m.distance[0][0] = kLocalDistance;
  return m;
}

constexpr MachineDescription small(GeometryName geometry) {
  MachineDescription m;
  m.geometry = geometry;
  m.nodes = 2;
  m.cpus = 2;
  m.node[0].zone(ZoneKind::kDma) = span_of(0, 64);
  m.node[0].zone(ZoneKind::kNormal) = span_of(64, 192);
  m.node[1].zone(ZoneKind::kNormal) = span_of(256, 256);
  m.distance[0] = {10, 20, 0, 0};
  m.distance[1] = {20, 10, 0, 0};
  m.cpu_node = {0, 1};
  m.lowmem_ratio = 16;
  return m;
}

// Ends are no multiples of any block, frames 316 to 319 are in no zone, node 1 has CPUs but no memory.
constexpr MachineDescription numa4() {
  MachineDescription m;
  m.nodes = 4;
  m.cpus = 4;
  m.node[0].zone(ZoneKind::kDma) = span_of(0, 37);
  m.node[0].zone(ZoneKind::kNormal) = span_of(37, 150);
  m.node[2].zone(ZoneKind::kNormal) = span_of(187, 129);
  m.node[3].zone(ZoneKind::kNormal) = span_of(320, 101);
  m.distance[0] = {10, 20, 30, 30};
  m.distance[1] = {20, 10, 30, 25};
  m.distance[2] = {30, 30, 10, 20};
  m.distance[3] = {30, 25, 20, 10};
  m.cpu_node = {0, 1, 2, 3};
  m.hole[0] = span_of(350, 13);
  m.watermark_min = 6;
  m.lowmem_ratio = 8;
  m.tlb_entries = 8;
  m.walk_cache_entries = 2;
  m.reference_cap = 4;
  return m;
}

// 1 TiB. The watermark is what Linux computes at boot: 4 * sqrt(KiB of memory) KiB = 32768 pages, shared by two zones.
constexpr MachineDescription server() {
  MachineDescription m;
  m.geometry = GeometryName::kX86;
  m.nodes = 2;
  m.cpus = 8;
  m.node[0].zone(ZoneKind::kDma) = span_of(0, 4096);
  m.node[0].zone(ZoneKind::kNormal) = span_of(4096, (1u << 27) - 4096);
  m.node[1].zone(ZoneKind::kNormal) = span_of(1u << 27, 1u << 27);
  m.distance[0] = {10, 21, 0, 0};
  m.distance[1] = {21, 10, 0, 0};
  m.cpu_node = {0, 0, 0, 0, 1, 1, 1, 1};
  m.watermark_min = 16384;
  m.lowmem_ratio = 256;
  m.pcp_batch = 63;
  m.pcp_high = 378;
  m.tlb_entries = 1024;
  m.walk_cache_entries = 32;
  m.range_cap = 65530;
  m.reference_cap = kMaxReferenceCap;
  return m;
}

constexpr std::array<Preset, 7> kFirstPresets = {{
    {"tiny", one_node(64, 1)},
    {"small", small(GeometryName::kSmall)},
    {"small-x86", small(GeometryName::kX86)},
    {"numa4", numa4()},
    {"scale-10", one_node(std::uint64_t{1} << 10, 1)},
    {"scale-20", one_node(std::uint64_t{1} << 20, 1)},
    {"server", server()},
}};

// Small capacities: how a short program meets what else only a long one would.
constexpr MachineDescription within_reach(MachineDescription m, unsigned top_order, unsigned batch) {
  m.top_order = static_cast<std::uint8_t>(top_order);
  m.flush_batch = static_cast<std::uint16_t>(batch);
  m.slab_objects = static_cast<std::uint16_t>(batch + 1);
  m.pcp_batch = static_cast<std::uint16_t>(batch);
  m.pcp_high = static_cast<std::uint16_t>(3 * batch);
  return m;
}

constexpr std::array<Preset, 7> kSecondPresets = {{
    {"tiny", within_reach(kFirstPresets[0].machine, 4, 2)},
    {"small", within_reach(kFirstPresets[1].machine, 5, 3)},
    {"small-x86", within_reach(kFirstPresets[2].machine, 6, 4)},
    {"numa4", within_reach(kFirstPresets[3].machine, 3, 2)},
    kFirstPresets[4],
    kFirstPresets[5],
    kFirstPresets[6],
}};

std::string out_of_bounds(std::string_view field, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  return std::string(field) + " is " + std::to_string(value) + ", not " + std::to_string(least) + " to " +
         std::to_string(most);
}

std::string zone_name(unsigned node, unsigned kind) {
  return "node" + std::to_string(node) + "." + std::string(kZoneKindNames[kind]);
}

bool overlap(const FrameSpan& a, const FrameSpan& b) {
  return a.count.raw() != 0 && b.count.raw() != 0 && a.first < b.end() && b.first < a.end();
}

bool inside(const FrameSpan& inner, const FrameSpan& outer) {
  return inner.first >= outer.first && inner.end() <= outer.end();
}

std::uint64_t without(std::span<const FrameSpan> gone, const FrameSpan& zone) {
  std::uint64_t left = zone.count.raw();
  for (const FrameSpan& span : gone) {
    if (overlap(span, zone)) left -= span.count.raw();
  }
  return left;
}

std::optional<std::string> problem_with_scalars(const MachineDescription& m) {
  struct Bound {
    std::string_view field;
    std::uint64_t value, least, most;
    bool power_of_two = false;
  };
  const Bound bounds[] = {
      {"geometry", static_cast<std::uint64_t>(m.geometry), 0, 1},
      {"nodes", m.nodes, 1, kMaxNodes},
      {"cpus", m.cpus, 1, kMaxCpus},
      {"min", m.watermark_min, 0, kMaxWatermark},
      {"lowmem_ratio", m.lowmem_ratio, 0, kMaxLowmemRatio},
      {"batch", m.pcp_batch, 1, kMaxBatch},
      {"high", m.pcp_high, m.pcp_batch, kMaxHigh},
      {"tlb", m.tlb_entries, 1, kMaxTlbEntries, true},
      {"walk_cache", m.walk_cache_entries, 1, kMaxWalkCacheEntries, true},
      {"range_cap", m.range_cap, 1, kMaxRangeCap},
      {"reference_cap", m.reference_cap, 1, kMaxReferenceCap},
      {"top_order", m.top_order, 0, kMaxOrder},
      {"flush_batch", m.flush_batch, 1, kMaxFlushBatch},
      {"slab_objects", m.slab_objects, 0, kMaxSlabObjects},
  };
  for (const Bound& b : bounds) {
    if (b.value < b.least || b.value > b.most) return out_of_bounds(b.field, b.value, b.least, b.most);
    if (b.power_of_two && !std::has_single_bit(b.value)) {
      return std::string(b.field) + " is " + std::to_string(b.value) + ", not a power of two";
    }
  }
  return std::nullopt;
}

std::optional<std::string> problem_with_zones(const MachineDescription& m) {
  std::array<FrameSpan, kMaxNodes * kZoneKinds> seen{};
  for (unsigned n = 0; n < kMaxNodes; ++n) {
    for (unsigned z = 0; z < kZoneKinds; ++z) {
      const FrameSpan& zone = m.node[n].zones[z];
      seen[n * kZoneKinds + z] = zone;
      if (zone.count.raw() == 0) {
        if (zone.first.raw() != 0) return zone_name(n, z) + " has no frames but a first one";
        continue;
      }
      if (n >= m.nodes) return zone_name(n, z) + " belongs to no node: nodes is " + std::to_string(m.nodes);
      if (zone.first.raw() >= kMaxFrames || zone.count.raw() > kMaxFrames - zone.first.raw()) {
        return zone_name(n, z) + " ends beyond frame " + std::to_string(kMaxFrames);
      }
      for (unsigned before = 0; before < n * kZoneKinds + z; ++before) {
        if (overlap(seen[before], zone)) {
          return zone_name(n, z) + " overlaps " + zone_name(before / kZoneKinds, before % kZoneKinds);
        }
      }
    }
  }
  return std::nullopt;
}

// Holes and reserved frames: each span lies inside one zone, and none meets another.
std::optional<std::string> problem_with_spans(const MachineDescription& m) {
  std::array<FrameSpan, kMaxHoles + kMaxReserved> spans{};
  const auto name_of = [](unsigned i) {
    return i < kMaxHoles ? "hole" + std::to_string(i) : "reserved" + std::to_string(i - kMaxHoles);
  };
  for (unsigned i = 0; i < spans.size(); ++i) {
    const FrameSpan& span = spans[i] = i < kMaxHoles ? m.hole[i] : m.reserved[i - kMaxHoles];
    if (span.count.raw() == 0 && span.first.raw() == 0) continue;
    if (span.count.raw() == 0) return name_of(i) + " has no frames but a first one";
    if (span.first.raw() >= kMaxFrames || span.count.raw() > kMaxFrames) return name_of(i) + " lies in no zone";
    bool found = false;
    for (const NodeDescription& node : m.node) {
      for (const FrameSpan& zone : node.zones) found = found || (zone.count.raw() != 0 && inside(span, zone));
    }
    if (!found) return name_of(i) + " lies in no zone";
    for (unsigned before = 0; before < i; ++before) {
      if (overlap(spans[before], span)) return name_of(i) + " overlaps " + name_of(before);
    }
  }
  return std::nullopt;
}

std::optional<std::string> problem_with_topology(const MachineDescription& m) {
  for (unsigned a = 0; a < m.nodes; ++a) {
    for (unsigned b = 0; b < m.nodes; ++b) {
      const std::uint8_t least = a == b ? kLocalDistance : kLocalDistance + 1;
      const std::uint8_t most = a == b ? kLocalDistance : kMaxDistance;
      if (m.distance[a][b] < least || m.distance[a][b] > most) {
        return out_of_bounds("distance" + std::to_string(a) + ", entry " + std::to_string(b) + ",", m.distance[a][b],
                             least, most);
      }
    }
  }
  for (unsigned c = 0; c < m.cpus; ++c) {
    if (m.cpu_node[c] >= m.nodes) {
      return out_of_bounds("cpu_node, entry " + std::to_string(c) + ",", m.cpu_node[c], 0, m.nodes - 1u);
    }
  }
  return std::nullopt;
}

// Every zone has a frame to give, and one of them gives boot its frames without going below its watermark and reserve.
// Boot's requests are for NORMAL at most.
std::optional<std::string> problem_with_size(const MachineDescription& m) {
  bool boots = false;
  for (unsigned n = 0; n < m.nodes; ++n) {
    std::uint64_t above = 0;  // managed frames of the zones between this one and NORMAL, which is included
    for (unsigned z = kZoneKinds; z-- > 0;) {
      const FrameSpan& zone = m.node[n].zones[z];
      const auto kind = static_cast<ZoneKind>(z);
      if (zone.count.raw() != 0 && without(m.hole, zone) == 0) return zone_name(n, z) + " is all hole";
      const std::uint64_t managed = m.frames_managed(NodeId(n), kind);
      if (zone.count.raw() != 0 && managed == 0) return zone_name(n, z) + " is all reserved";
      if (kind > ZoneKind::kNormal) continue;
      const std::uint64_t reserve = m.lowmem_ratio != 0 ? above / m.lowmem_ratio : 0;
      boots = boots || managed >= m.watermark_min + reserve + kFramesForBoot;
      above += managed;
    }
  }
  if (!boots) {
    return "no zone has " + std::to_string(kFramesForBoot) + " frames above min (" + std::to_string(m.watermark_min) +
           ") and its reserve: the machine cannot boot";
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t MachineDescription::frame_limit() const {
  std::uint64_t limit = 0;
  for (const NodeDescription& n : node) {
    for (const FrameSpan& zone : n.zones) {
      if (zone.count.raw() != 0 && zone.end().raw() > limit) limit = zone.end().raw();
    }
  }
  return limit;
}

std::uint64_t MachineDescription::frames_present() const {
  std::uint64_t present = 0;
  for (const NodeDescription& n : node) {
    for (const FrameSpan& zone : n.zones) present += without(hole, zone);
  }
  return present;
}

std::uint64_t MachineDescription::frames_managed(NodeId of, ZoneKind kind) const {
  const FrameSpan& zone = node[of.raw()].zone(kind);
  return without(hole, zone) + without(reserved, zone) - zone.count.raw();
}

std::span<const Preset> presets(unsigned header) {
  if (header == 1) return kFirstPresets;
  return kSecondPresets;
}

const Preset* find_preset(std::string_view name, unsigned header) {
  for (const Preset& preset : presets(header)) {
    if (preset.name == name) return &preset;
  }
  return nullptr;
}

std::optional<std::string> problem_with(const MachineDescription& m) {
  for (auto check : {problem_with_scalars, problem_with_zones, problem_with_spans, problem_with_topology,
                     problem_with_size}) {
    if (auto problem = check(m)) return problem;
  }
  return std::nullopt;
}

}  // namespace mmtwin
