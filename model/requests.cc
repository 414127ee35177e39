#include "model/requests.h"

#include <algorithm>
#include <vector>

namespace mmtwin::model {

Gfp flags_of_role(Role role) {
  switch (role) {
    case Role::kAnon:
      return kGfpWait | kGfpZero | kGfpMovable;
    case Role::kRootTable:
    case Role::kTable:
      return kGfpWait | kGfpZero;
    case Role::kZeroPage:
    case Role::kSlab:
    case Role::kNone:
    case Role::kBlock:
      return kGfpWait;
  }
  return kGfpWait;
}

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
  const unsigned local = node == kAnyNode ? machine.cpu_node[cpu] : node.raw();
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

bool may_give(const Zone& zone, const Wish& wish) {
  const std::uint64_t wanted = std::uint64_t{1} << wish.order;
  if (zone.free < wanted) return false;
  std::uint64_t kept = zone.min;
  if (wish.gfp.any(kGfpHigh)) kept = zone.min - zone.min / 2;
  kept += zone.reserve[static_cast<unsigned>(wish.highest())];
  if (wish.gfp.any(kGfpNofail)) kept = 0;
  if (zone.free - (wanted - 1) <= kept) return false;
  for (unsigned o = wish.order; o <= zone.top; ++o)
    if (zone.full[o] != 0) return true;
  return false;
}

void look(const Frames& frames, Request& request) {
  request.may = 0;
  request.first = -1;
  for (unsigned i = 0; i < request.wish.zone_count; ++i) {
    const unsigned z = request.wish.zones[i];
    if (!may_give(frames.zone(z), request.wish)) continue;
    request.may |= 1u << z;
    if (request.first < 0) request.first = static_cast<int>(z);
  }
  request.always = request.may;
}

}  // namespace mmtwin::model
