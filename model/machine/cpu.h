// Cpu: what a CPU runs and what it has cached of page tables, slot by slot.
//
// Laws: TLB-1, TLB-2, WALK-1, CPU-1 are judged against it. Context: one thread. Cost: one value a slot. It deliberately
// mirrors what events say was filled and dropped: software sees none of it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/machine/tables.h"

namespace mmtwin::model {

struct TlbSlot {
  bool full = false;
  std::uint16_t asid = 0;
  std::uint64_t page = 0;
  std::uint64_t entry = 0;
};
struct WalkSlot {
  bool full = false;
  std::uint16_t asid = 0;
  std::uint64_t page = 0;  // any page of the cached prefix
  std::uint64_t frame = 0;
};
// Whose translations a CPU keeps under an ASID, and which takings of rights it heard of.
struct AsidOwner {
  std::uint64_t context = 0;  // 0: nobody's
  std::uint64_t generation = 0;
};
struct Cpu {
  std::uint64_t root_frame = 0;
  std::uint16_t asid = 0;
  bool lazy = true;
  std::uint32_t space = kKernel;
  std::uint64_t filled_at = 0;  // Machine::clock when it cached something last
  std::array<AsidOwner, 8> asids{};
  std::array<std::uint32_t, 8> cached{};  // full slots of all caches by ASID
  std::vector<TlbSlot> tlb;
  std::array<std::vector<WalkSlot>, 8> walk;  // by level
};

}  // namespace mmtwin::model
