#include "impl/platform/hardware.h"

namespace mmtwin::impl {
namespace {

// Buddies of any block can be looked up without a bounds check.
std::uint64_t whole_blocks(std::uint64_t frames) {
  const std::uint64_t block = pages_in(Order(kMaxOrder)).raw();
  return (frames + block - 1) / block * block;
}

}  // namespace

Hardware::Hardware(const MachineDescription& machine)
    : machine_(machine),
      frames_(whole_blocks(machine.frame_limit())),
      descriptor_memory_(frames_ * sizeof(FrameDescriptor)),
      ram_memory_(frames_ * kPageBytes),
      descriptors_(reinterpret_cast<FrameDescriptor*>(descriptor_memory_.data())),
      marks_(descriptors_, ram_memory_.data(), frames_, boot_memory_),
      ram_(ram_memory_.data(), marks_, events_),
      interrupts_(events_),
      failures_(*boot_memory_.place<std::uint64_t>(), events_) {}

void Interrupts::send(CpuId from, CpuId to, Interrupt kind, std::uint64_t argument) {
  InterruptHandler* handler = handlers_[static_cast<unsigned>(kind)];
  check(handler != nullptr, "an interrupt has a handler");
  events_.emit({.kind = EventKind::kInterrupted, .cpu = from, .order = {}, .index = static_cast<std::uint16_t>(to.raw()), .frame = {}});
  if (handler != nullptr) handler->on_interrupt(from, to, argument);
}

bool FailureCountdown::count_down(CpuId cpu) {
  std::uint64_t left = load_relaxed(left_);
  while (left != 0 && !compare_exchange(left_, left, left - 1)) {
  }
  if (left != 1) return false;
  events_.emit({.kind = EventKind::kFailureInjected, .cpu = cpu, .order = {}, .frame = {}});
  return true;
}

}  // namespace mmtwin::impl
