// Events are compiled away in threads builds: see the lockstep version of this header.
//
// Laws: none. Context: any. Cost: none; arguments of emit() are dead code. It deliberately keeps the interface, so that
// no caller asks which version it is.
#pragma once

#include "vocab/events.h"

namespace mmtwin::impl {

inline constexpr bool kNarrates = false;

class EventPort {
 public:
  void connect(EventSink*) {}
  void emit(const Event&) const {}
};

}  // namespace mmtwin::impl
