// A system with one planted lie: it says that a frame was taken which is in use already.
//
// Laws: breaks FRAME-1 on purpose. Context: one thread. Cost: a comparison an event. It deliberately tells the truth
// until then, so that the judge has to hold on to what it was told.
#pragma once

#include "fuzz/forwarding_system.h"

namespace mmtwin::fuzz {

class LyingSystem final : public ForwardingSystem {
 public:
  using ForwardingSystem::ForwardingSystem;

  void start(const MachineDescription& machine, EventSink& sink) override {
    taken_ = 0;
    ForwardingSystem::start(machine, sink);
  }

  void on_event(const Event& event) override {
    Event told = event;
    if (event.kind == EventKind::kFrameTaken && event.role == Role::kBlock && event.order.raw() == 0) {
      if (++taken_ == 1) first_ = event.frame;
      if (taken_ == kLieAt) told.frame = first_;
    }
    ForwardingSystem::on_event(told);
  }

 private:
  static constexpr unsigned kLieAt = 3;  // of the single frames that pages_alloc takes
  unsigned taken_ = 0;
  Pfn first_;
};

}  // namespace mmtwin::fuzz
