// TrackedMemory without tracking: see the lockstep version of this header.
//
// Laws: none. Context: whoever protects what is stored there. Cost: that of plain memory. It deliberately keeps the
// interface.
#pragma once

#include <cstddef>
#include <cstdint>

#include "impl/platform/host_memory.h"

namespace mmtwin::impl {

class TrackedMemory {
 public:
  explicit TrackedMemory(std::uint64_t bytes) : memory_(bytes) {}

  const std::byte* data() const { return memory_.data(); }
  std::byte* edit(std::uint64_t offset) { return memory_.data() + offset; }

 private:
  HostMemory memory_;
};

}  // namespace mmtwin::impl
