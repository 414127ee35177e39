#include "impl/platform/hardware.h"
#include "version/point.h"

namespace mmtwin::impl {
namespace {

// Buddies of any block can be looked up without a bounds check.
std::uint64_t whole_blocks(std::uint64_t frames) {
  const std::uint64_t block = pages_in(Order(kMaxOrder)).raw();
  return (frames + block - 1) / block * block;
}

FrameDescriptor* descriptors_in(HostMemory& memory) { return reinterpret_cast<FrameDescriptor*>(memory.data()); }

}  // namespace

Hardware::Hardware(const MachineDescription& machine)
    : machine_(machine),
      descriptor_memory_(whole_blocks(machine.frame_limit()) * sizeof(FrameDescriptor)),
      ram_memory_(whole_blocks(machine.frame_limit()) * kPageBytes),
      marks_(descriptors_in(descriptor_memory_), ram_memory_.data(), whole_blocks(machine.frame_limit()), boot_memory_),
      table_(descriptors_in(descriptor_memory_), whole_blocks(machine.frame_limit()), marks_),
      ram_(ram_memory_.data(), marks_, events_),
      interrupts_(events_),
      failures_(*boot_memory_.place<std::uint64_t>(), events_) {}

void Interrupts::send(CpuId from, std::uint32_t to, Interrupt kind, std::uint64_t argument,
                      const InterruptCause& cause) {
  InterruptHandler* handler = handlers_[static_cast<unsigned>(kind)];
  check(handler != nullptr, "an interrupt has a handler");
  for (unsigned cpu = 0; to >> cpu != 0; ++cpu) {
    if ((to >> cpu & 1) != 0) narrate(EventKind::kInterruptSent, from, cpu, cause);
  }
  for (unsigned cpu = 0; to >> cpu != 0; ++cpu) {
    if ((to >> cpu & 1) == 0) continue;
    point(Point::kInterruptWait);
    narrate(EventKind::kInterrupted, from, cpu, cause);
    handler->on_interrupt(from, CpuId(cpu), argument);
    narrate(EventKind::kInterruptAnswered, from, cpu, cause);
  }
}

void FailureCountdown::fail_next(std::uint64_t n) {
  store_relaxed(left_, n);
  for (unsigned i = 0; i < warned_count_; ++i) {
    if (n != 0) {
      set_bits(*warned_[i].word, warned_[i].bit);
    } else {
      clear_bits(*warned_[i].word, warned_[i].bit);
    }
  }
}

void FailureCountdown::warn(std::uint32_t& word, std::uint32_t bit) {
  check(warned_count_ < warned_.size(), "two words a CPU are warned of failures");
  warned_[warned_count_++] = {&word, bit};
}

bool FailureCountdown::count_down(CpuId cpu) {
  std::uint64_t left = load_relaxed(left_);
  while (left != 0 && !compare_exchange(left_, left, left - 1)) {
  }
  if (left != 1) return false;
  fail_next(0);
  events_.emit({.kind = EventKind::kFailureInjected, .cpu = cpu, .order = {}, .frame = {}});
  return true;
}

}  // namespace mmtwin::impl
