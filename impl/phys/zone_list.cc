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
    for (unsigned highest = 0; highest < kZoneKinds; ++highest) {
      for (const bool this_node : {false, true}) {
        ZoneList& list = lists_[list_index(from, highest, this_node)];
        for (unsigned i = 0; i < (this_node ? 1u : machine.nodes); ++i) {
          std::uint64_t above = 0;  // frames of the zones of this node that the request would rather have
          for (unsigned kind = highest + 1; kind-- > 0;) {
            const unsigned zone = zone_index(NodeId(nodes[i]), static_cast<ZoneKind>(kind));
            if (managed[zone] == 0) continue;
            const std::uint64_t reserve = machine.lowmem_ratio == 0 ? 0 : above / machine.lowmem_ratio;
            list.choices[list.count++] = {.zone = static_cast<std::uint8_t>(zone), .reserve = reserve};
            above += managed[zone];
          }
        }
      }
    }
  }
}

}  // namespace mmtwin::impl
