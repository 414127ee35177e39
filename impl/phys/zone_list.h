// ZoneList: the zones that may serve a request, in the order in which they are asked, computed once at boot.
//
// Laws: ZONE-1, ZONE-3. Context: constant after boot. Cost: an array of at most 16; found by three small indices. It
// deliberately holds no watermark: min depends on the request (watermark_rules.h).
#pragma once

#include <array>
#include <cstdint>

#include "impl/phys/zone.h"
#include "vocab/flags.h"
#include "vocab/machine.h"
#include "vocab/units.h"

namespace mmtwin::impl {

struct ZoneChoice {
  std::uint8_t zone = 0;
  std::uint64_t reserve = 0;  // frames that this kind of request must leave in it beyond the watermark
};

struct ZoneList {
  std::array<ZoneChoice, kMaxZones> choices{};
  unsigned count = 0;

  const ZoneChoice* begin() const { return choices.data(); }
  const ZoneChoice* end() const { return choices.data() + count; }
};

// The highest zone that a request may have. Source: Linux Documentation/core-api/memory-allocation.rst and
// Documentation/mm/physical_memory.rst; where flags for two zones are given, which Linux forbids, the lower one counts.
constexpr unsigned highest_kind(Gfp gfp) {
  if (gfp.any(kGfpDma | kGfpDma32)) return static_cast<unsigned>(gfp.has(kGfpDma) ? ZoneKind::kDma : ZoneKind::kDma32);
  return static_cast<unsigned>(gfp.has(kGfpMovable) ? ZoneKind::kMovable : ZoneKind::kNormal);
}

// All zone lists of a machine: by node, highest zone and kGfpThisNode.
class ZoneLists {
 public:
  // `managed`: frames of each zone that may be handed out, by zone_index().
  ZoneLists(const MachineDescription& machine, const std::array<std::uint64_t, kMaxZones>& managed);

  // `node`: the request's, or kAnyNode for that of the CPU.
  const ZoneList& of(CpuId cpu, NodeId node, Gfp gfp) const {
    const unsigned from = node == kAnyNode ? cpu_node_[cpu.raw()] : node.raw();
    return lists_[list_index(from, highest_kind(gfp), gfp.has(kGfpThisNode))];
  }

 private:
  static constexpr unsigned list_index(unsigned node, unsigned highest, bool this_node) {
    return (node * kZoneKinds + highest) * 2 + (this_node ? 1 : 0);
  }

  std::array<std::uint8_t, kMaxCpus> cpu_node_;
  std::array<ZoneList, kMaxNodes * kZoneKinds * 2> lists_{};
};

}  // namespace mmtwin::impl
