// Where hardware events and narrated choices leave the machine, in order.
//
// Laws: the judge's evidence. Context: the CPU that acts. Cost: one indirect call. It deliberately buffers nothing: the
// sink sees an event before the machine goes on.
#pragma once

#include "vocab/events.h"

namespace mmtwin::impl {

inline constexpr bool kNarrates = true;

class EventPort {
 public:
  // No sink: events are dropped.
  void connect(EventSink* sink) { sink_ = sink; }
  void emit(const Event& event) const {
    if (sink_ != nullptr) sink_->on_event(event);
  }

 private:
  EventSink* sink_ = nullptr;
};

}  // namespace mmtwin::impl
