// Interrupts that one CPU sends to others, and who handles them: request, delivery, acknowledgement.
//
// Laws: TLB-2 and PCP-2 depend on their being delivered. Context: sent by a CPU inside an operation; send() returns
// when every handler is done. A handler that must not come in the middle of what its CPU is doing waits: it is a
// visitor of the CPU's section (owner_section.h, impl/phys/cpu_list.h), on the sender's stack or thread. Cost: one
// indirect call a CPU. They deliberately are not queued.
#pragma once

#include <array>
#include <cstdint>

#include "impl/base/check.h"
#include "version/event_port.h"
#include "vocab/activities.h"
#include "vocab/units.h"

namespace mmtwin::impl {

enum class Interrupt : std::uint8_t {
  kDrainLists,     // give the per-CPU page lists back
  kFlushTlb,       // drop cached translations
};
inline constexpr unsigned kInterruptKinds = 2;
// What is told of why it is sent.
struct InterruptCause {
  InterruptReason reason{};
  Pfn root{kNoRoot};  // of the space whose tables it is about
};

class InterruptHandler {
 public:
  // On CPU `at`, sent by `from`. `argument` is the sender's, unread by the hardware.
  virtual void on_interrupt(CpuId from, CpuId at, std::uint64_t argument) = 0;

 protected:
  ~InterruptHandler() = default;
};

class Interrupts {
 public:
  explicit Interrupts(const EventPort& events) : events_(events) {}

  // At boot, once for each kind.
  void connect(Interrupt kind, InterruptHandler& handler) { handlers_[static_cast<unsigned>(kind)] = &handler; }
  // `to`: bit per CPU, `from` not among them. Emits kInterruptSent for each; then, one after the other, kInterrupted,
  // runs the handler, and emits kInterruptAnswered.
  void send(CpuId from, std::uint32_t to, Interrupt kind, std::uint64_t argument = 0, const InterruptCause& cause = {});

 private:
  void narrate(EventKind kind, CpuId from, unsigned to, const InterruptCause& cause) const {
    events_.emit({.kind = kind,
                  .cpu = from,
                  .order = {},
                  .level = static_cast<std::uint8_t>(cause.reason),
                  .index = static_cast<std::uint16_t>(to),
                  .frame = cause.root});
  }

  const EventPort& events_;
  std::array<InterruptHandler*, kInterruptKinds> handlers_{};
};

}  // namespace mmtwin::impl
