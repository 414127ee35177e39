// Hardware: the simulated machine below the memory manager, and the one owner of host memory.
//
// Laws: FRAME and ISO-2: a frame's bytes are junk and forbidden outside [take_frames, return_frames]. Context: one per
// machine; each part says who may call it. Cost: built in microseconds at any size, all memory is mapped lazily. It
// deliberately knows neither zones, page tables nor slabs: only frames, bytes, CPUs, interrupts and events.
#pragma once

#include <cstdint>
#include <span>

#include "impl/platform/boot_memory.h"
#include "impl/platform/failure_countdown.h"
#include "impl/platform/frame_descriptor.h"
#include "impl/platform/frame_table.h"
#include "impl/platform/host_memory.h"
#include "impl/platform/interrupts.h"
#include "impl/platform/ram.h"
#include "version/event_port.h"
#include "version/marks.h"
#include "vocab/events.h"
#include "vocab/machine.h"
#include "vocab/refusals.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class Hardware {
 public:
  explicit Hardware(const MachineDescription& machine);
  Hardware(const Hardware&) = delete;
  Hardware& operator=(const Hardware&) = delete;

  const MachineDescription& machine() const { return machine_; }
  std::uint64_t frames() const { return table_.frames(); }

  // ---- descriptors: see frame_table.h ----
  const FrameTable& table() const { return table_; }
  const FrameDescriptor& frame(Pfn at) const { return table_.at(at); }
  FrameDescriptor& edit(Pfn at) { return table_.edit(at); }

  // ---- a block changes hands ----
  // Emits kFrameTaken; the bytes are junk and may be used from now on.
  void take_frames(CpuId cpu, Pfn head, Order order, Role role, CacheName cache) {
    marks_.taken(head, order, role != Role::kBlock);
    events_.emit({.kind = EventKind::kFrameTaken, .cpu = cpu, .order = order, .role = role, .frame = head,
                  .place = static_cast<std::uint64_t>(cache)});
  }
  // Emits kFrameReturned; nobody may use the bytes from now on.
  void return_frames(CpuId cpu, Pfn head, Order order) {
    marks_.returned(head, order);
    events_.emit({.kind = EventKind::kFrameReturned, .cpu = cpu, .order = order, .frame = head});
  }

  // ---- parts ----
  Ram& ram() { return ram_; }
  const Ram& ram() const { return ram_; }
  BootMemory& boot_memory() { return boot_memory_; }
  Interrupts& interrupts() { return interrupts_; }
  FailureCountdown& failures() { return failures_; }
  void track(TrackedMemory& memory) { marks_.track(memory); }

  // ---- events ----
  void connect(EventSink* sink) { events_.connect(sink); }
  void emit(const Event& event) const { events_.emit(event); }
  // The operation counts from here on, and will answer so. `stopped_at`: of a protect that was refused memory.
  void commit(CpuId cpu, Refusal refusal, std::uint64_t value = 0, std::uint64_t stopped_at = 0) const {
    events_.emit({.kind = EventKind::kCommitted, .cpu = cpu, .order = {}, .index = static_cast<std::uint16_t>(refusal),
                  .frame = {}, .place = stopped_at, .after = value});
  }

  // ---- time: see version/marks.h. reset, snapshot and restore exist in lockstep builds only ----
  void begin_operation() { marks_.begin_operation(); }
  // Frames whose descriptor or contents changed since begin_operation(), without duplicates. A changed head stands for
  // all frames that its block covers now or covered before.
  std::span<const Pfn> changed_frames() const { return marks_.changed_frames(); }
  // What the machine looks like now is what reset() goes back to.
  void finish_boot() { marks_.finish_boot(); }
  Marks& marks() { return marks_; }

 private:
  MachineDescription machine_;
  HostMemory descriptor_memory_;
  HostMemory ram_memory_;
  EventPort events_;
  BootMemory boot_memory_;
  Marks marks_;
  FrameTable table_;
  Ram ram_;
  Interrupts interrupts_;
  FailureCountdown failures_;
};

}  // namespace mmtwin::impl
