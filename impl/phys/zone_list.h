// ZoneList: the zones that may serve a request, in the order in which they are asked, computed once at boot.
//
// Laws: ZONE-1, ZONE-3. Context: constant after boot. Cost: an array of at most 8; found by three small indices. It
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

// All zone lists of a machine: by node, kGfpDma and kGfpThisNode.
class ZoneLists {
 public:
  // `managed`: frames that exist in each zone, by zone_index().
  ZoneLists(const MachineDescription& machine, const std::array<std::uint64_t, kMaxZones>& managed);

  // `node`: the request's, or kAnyNode for that of the CPU.
  const ZoneList& of(CpuId cpu, NodeId node, Gfp gfp) const {
    const unsigned from = node == kAnyNode ? cpu_node_[cpu.raw()] : node.raw();
    return lists_[from * 4 + (gfp.has(kGfpDma) ? 2 : 0) + (gfp.has(kGfpThisNode) ? 1 : 0)];
  }

 private:
  std::array<std::uint8_t, kMaxCpus> cpu_node_;
  std::array<ZoneList, kMaxNodes * 4> lists_{};
};

}  // namespace mmtwin::impl
