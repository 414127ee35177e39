// Marks compiled away: threads builds neither compare, reset nor restore; a machine is built anew.
//
// Laws: none. Context: any. Cost: none. It deliberately has no reset() and no snapshot(): calling them does not
// compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "impl/platform/boot_memory.h"
#include "impl/platform/frame_descriptor.h"
#include "version/tracked_memory.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class Marks {
 public:
  static constexpr bool kMarks = false;

  Marks(FrameDescriptor*, std::byte*, std::uint64_t, BootMemory&) {}

  void touch(Pfn, FrameDescriptor&) {}
  void touch_content(Pfn) {}
  void touch_bytes(Pfn, std::uint64_t) {}
  void taken(Pfn, Order, bool) {}
  void returned(Pfn, Order) {}
  void track(TrackedMemory&) {}
  void begin_operation() {}
  std::span<const Pfn> changed_frames() const { return {}; }
  void finish_boot() {}
};

}  // namespace mmtwin::impl
