#include "lockstep/generate/draw_machine.h"

#include <algorithm>
#include <iterator>

namespace mmtwin::lockstep {
namespace {

constexpr unsigned kMostCpus = 4;
constexpr unsigned kMostTries = 64;

MachineDescription some_preset(Random& random) {
  constexpr std::string_view kOften[] = {"small", "small", "small", "tiny", "small-x86", "numa4"};
  return find_preset(random.pick(kOften))->machine;
}

// ---- nodes, zones, gaps ----

std::uint64_t frames_of_zone(ZoneKind kind, Random& random) {
  if (random.percent(4)) return 1024;  // a block of the highest order there is
  if (kind == ZoneKind::kNormal) return random.between(30, 200);
  return random.between(6, 90);
}

bool has_zone(unsigned node, ZoneKind kind, Random& random) {
  switch (kind) {
    case ZoneKind::kDma: return node == 0 && random.percent(45);
    case ZoneKind::kDma32: return node == 0 && random.percent(30);
    case ZoneKind::kNormal: return random.percent(85);
    case ZoneKind::kMovable: return random.percent(35);
  }
  return false;
}

// One zone behind the other, as their addresses are in Linux, here and there with something between that is in no zone.
void draw_zones(MachineDescription& m, Random& random) {
  m.node = {};
  m.nodes = static_cast<std::uint8_t>(random.between(1, kMaxNodes));
  std::uint64_t at = random.percent(30) ? random.below(40) : 0;
  for (unsigned node = 0; node < m.nodes; ++node) {
    const bool is_memoryless = m.nodes > 1 && random.percent(20);
    for (unsigned number = 0; number < kZoneKinds; ++number) {
      const auto kind = static_cast<ZoneKind>(number);
      if (!has_zone(node, kind, random) || is_memoryless) continue;
      if (random.percent(30)) at += random.below(24);
      const std::uint64_t count = frames_of_zone(kind, random);
      m.node[node].zone(kind) = {Pfn(at), PageCount(count)};
      at += count;
    }
  }
}

// Inside some zone; empty if there is no room for it.
FrameSpan draw_gap(const MachineDescription& m, Random& random) {
  const FrameSpan zone = m.node[random.below(m.nodes)].zones[random.below(kZoneKinds)];
  if (zone.count.raw() < 8) return {};
  const std::uint64_t count = random.between(1, zone.count.raw() / 3);
  return {zone.first + PageCount(random.below(zone.count.raw() - count)), PageCount(count)};
}

void draw_gaps(MachineDescription& m, Random& random) {
  m.hole = {};
  m.reserved = {};
  for (FrameSpan& hole : m.hole)
    if (random.percent(15)) hole = draw_gap(m, random);
  for (FrameSpan& reserved : m.reserved)
    if (random.percent(15)) reserved = draw_gap(m, random);
}

// All alike, or from few values, so that there are ties.
void draw_distances(MachineDescription& m, Random& random) {
  constexpr std::uint8_t kDistances[] = {15, 20, 20, 30};
  const bool all_alike = random.percent(40);
  m.distance = {};
  for (unsigned a = 0; a < m.nodes; ++a) {
    for (unsigned b = 0; b < m.nodes; ++b)
      m.distance[a][b] = static_cast<std::uint8_t>(a == b ? 10 : all_alike ? 20 : random.pick(kDistances));
  }
}

// CPUs of one node share its zones.
void draw_cpus(MachineDescription& m, Random& random) {
  m.cpus = static_cast<std::uint8_t>(random.between(1, kMostCpus));
  m.cpu_node = {};
  for (unsigned cpu = 0; cpu < m.cpus; ++cpu) m.cpu_node[cpu] = static_cast<std::uint8_t>(random.below(m.nodes));
}

// ---- capacities ----

template <class T, std::size_t N>
void draw(T& field, const unsigned (&values)[N], unsigned chance, Random& random) {
  const bool is_drawn = random.percent(chance);
  const unsigned value = random.pick(values);
  if (is_drawn) field = static_cast<T>(value);
}

void draw_capacities(MachineDescription& m, unsigned chance, Random& random) {
  draw(m.watermark_min, {0, 1, 2, 4, 7, 20}, chance, random);
  draw(m.lowmem_ratio, {0, 1, 2, 3, 8, 32}, chance, random);
  draw(m.pcp_batch, {1, 1, 2, 3, 5, 8}, chance, random);
  m.pcp_high = static_cast<std::uint16_t>(m.pcp_batch + random.below(2u * m.pcp_batch + 2));
  draw(m.tlb_entries, {1, 2, 4, 8, 16}, chance, random);
  draw(m.walk_cache_entries, {1, 2, 4}, chance, random);
  draw(m.range_cap, {2, 2, 3, 4, 6, 12, 32}, chance, random);
  draw(m.reference_cap, {2, 2, 3, 4, 63}, chance, random);
  draw(m.top_order, {0, 1, 2, 3, 5, 7, 10}, chance, random);
  draw(m.flush_batch, {1, 2, 3, 5, 64}, chance, random);
  draw(m.slab_objects, {0, 1, 2, 3, 7}, chance, random);
}

MachineDescription draw_once(Random& random) {
  MachineDescription m = some_preset(random);
  const bool has_own_zones = random.percent(40);
  if (has_own_zones) {
    draw_zones(m, random);
    draw_gaps(m, random);
    draw_distances(m, random);
  }
  if (has_own_zones || random.percent(50)) draw_cpus(m, random);
  if (random.percent(15)) m.geometry = m.geometry == GeometryName::kX86 ? GeometryName::kSmall : GeometryName::kX86;
  if (random.percent(80)) draw_capacities(m, has_own_zones ? 30 : 25, random);
  return m;
}

}  // namespace

MachineDescription draw_machine(Random& random) {
  for (unsigned tries = 0; tries < kMostTries; ++tries) {
    const MachineDescription drawn = draw_once(random);
    if (!problem_with(drawn)) return drawn;
  }
  return some_preset(random);
}

}  // namespace mmtwin::lockstep
