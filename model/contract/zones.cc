#include "model/contract/zones.h"

#include <algorithm>

namespace mmtwin::model {

NodeOrders order_nodes(const MachineDescription& machine) {
  NodeOrders orders{};
  for (unsigned local = 0; local < machine.nodes; ++local) {
    auto& order = orders[local];
    for (unsigned n = 0; n < machine.nodes; ++n) order[n] = static_cast<std::uint8_t>(n);
    std::sort(order.begin(), order.begin() + machine.nodes, [&](unsigned a, unsigned b) {
      if ((a == local) != (b == local)) return a == local;
      if (machine.distance[local][a] != machine.distance[local][b])
        return machine.distance[local][a] < machine.distance[local][b];
      return a < b;
    });
  }
  return orders;
}

void list_zones(const MachineDescription& machine, const NodeOrders& nearest, NodeId node, unsigned cpu, Wish& wish) {
  const unsigned local = node.raw() < machine.nodes ? node.raw() : machine.cpu_node[cpu];
  wish.zone_count = 0;
  for (unsigned i = 0; i < machine.nodes; ++i) {
    const unsigned n = nearest[local][i];
    if (wish.gfp.any(kGfpThisNode) && n != local) continue;
    for (unsigned kind = static_cast<unsigned>(wish.highest()) + 1; kind-- > 0;) {
      if (machine.node[n].zones[kind].count.raw() == 0) continue;
      wish.zones[wish.zone_count++] = static_cast<std::uint8_t>(n * kZoneKinds + kind);
    }
  }
}

}  // namespace mmtwin::model
