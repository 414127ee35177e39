#include "impl/phys/zone_list.h"

namespace mmtwin::impl {
namespace {

// Nodes by distance from `from`, itself first, ties by lower number.
std::array<std::uint8_t, kMaxNodes> nodes_by_distance(const MachineDescription& machine, unsigned from) {
  std::array<std::uint8_t, kMaxNodes> nodes{};
  unsigned count = 0;
  nodes[count++] = static_cast<std::uint8_t>(from);
  for (unsigned node = 0; node < machine.nodes; ++node) {
    if (node == from) continue;
    unsigned at = count++;
    for (; at > 1 && machine.distance[from][nodes[at - 1]] > machine.distance[from][node]; --at) {
      nodes[at] = nodes[at - 1];
    }
    nodes[at] = static_cast<std::uint8_t>(node);
  }
  return nodes;
}

}  // namespace

ZoneLists::ZoneLists(const MachineDescription& machine, const std::array<std::uint64_t, kMaxZones>& managed)
    : cpu_node_(machine.cpu_node) {
  for (unsigned from = 0; from < machine.nodes; ++from) {
    const auto nodes = nodes_by_distance(machine, from);
    for (unsigned flags = 0; flags < 4; ++flags) {
      const bool dma = (flags & 2) != 0;
      const bool this_node = (flags & 1) != 0;
      ZoneList& list = lists_[from * 4 + flags];
      for (unsigned i = 0; i < (this_node ? 1u : machine.nodes); ++i) {
        const unsigned normal_zone = zone_index(NodeId(nodes[i]), ZoneKind::kNormal);
        const unsigned dma_zone = zone_index(NodeId(nodes[i]), ZoneKind::kDma);
        const std::uint64_t reserve =
            dma || machine.lowmem_ratio == 0 ? 0 : managed[normal_zone] / machine.lowmem_ratio;
        if (!dma && managed[normal_zone] != 0) {
          list.choices[list.count++] = {.zone = static_cast<std::uint8_t>(normal_zone), .reserve = 0};
        }
        if (managed[dma_zone] != 0) {
          list.choices[list.count++] = {.zone = static_cast<std::uint8_t>(dma_zone), .reserve = reserve};
        }
      }
    }
  }
}

}  // namespace mmtwin::impl
