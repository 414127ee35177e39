// Zones: which of them a request may have, in which order.
//
// Laws: ZONE-1, ZONE-3. Context: values. Cost: one look at each zone of the machine. It deliberately counts nothing:
// how much a zone holds is not its business. Source: Linux Documentation/mm/physical_memory.rst, "Zones" and "Nodes".
#pragma once

#include <array>
#include <cstdint>

#include "vocab/flags.h"
#include "vocab/machine.h"

namespace mmtwin::model {

inline constexpr unsigned kMaxZones = kMaxNodes * kZoneKinds;  // zone number: node * kZoneKinds + kind

// Flags and node of a request, and its zone list: zone numbers in the order in which they are tried.
struct Wish {
  Gfp gfp;
  unsigned order = 0;
  std::array<std::uint8_t, kMaxZones> zones{};
  unsigned zone_count = 0;
  bool may_wait() const { return gfp.any(kGfpWait | kGfpNofail); }
  // The highest kind of zone that it may have: docs/RULES.md section 1.
  ZoneKind highest() const {
    if (gfp.any(kGfpDma)) return ZoneKind::kDma;
    if (gfp.any(kGfpDma32)) return ZoneKind::kDma32;
    return gfp.any(kGfpMovable) ? ZoneKind::kMovable : ZoneKind::kNormal;
  }
};

// For each node all nodes, nearest first, itself before all.
using NodeOrders = std::array<std::array<std::uint8_t, kMaxNodes>, kMaxNodes>;
NodeOrders order_nodes(const MachineDescription& machine);

// Zone list for a request that prefers `node` (one that the machine has not, as kAnyNode: the CPU's).
void list_zones(const MachineDescription& machine, const NodeOrders& nearest, NodeId node, unsigned cpu, Wish& wish);

}  // namespace mmtwin::model
