// Interrupts that one CPU sends to another, and who handles them.
//
// Laws: TLB-2 and PCP-2 depend on their being delivered. Context: sent by a CPU inside an operation; send() returns
// when the handler is done. In lockstep builds that is how interrupts work; in threads builds the handler runs on the
// sender's thread and must reach the target's structures through an asymmetric barrier. Cost: one indirect call. They
// deliberately are not queued.
#pragma once

#include <array>
#include <cstdint>

#include "impl/base/check.h"
#include "version/event_port.h"
#include "vocab/units.h"

namespace mmtwin::impl {

enum class Interrupt : std::uint8_t {
  kDrainLists,     // give the per-CPU page lists back
  kFlushTlb,       // drop cached translations
};
inline constexpr unsigned kInterruptKinds = 2;

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
  // Emits kInterrupted, then runs the handler.
  void send(CpuId from, CpuId to, Interrupt kind, std::uint64_t argument = 0);

 private:
  const EventPort& events_;
  std::array<InterruptHandler*, kInterruptKinds> handlers_{};
};

}  // namespace mmtwin::impl
