// A lock of operations that take turns: whoever finds it taken lets the holder go on first.
//
// Laws: LOCK-1. Context: an operation. Cost: two bytes, two branches a pair. It deliberately does not queue: who waits
// tries again when it is its turn.
#pragma once

#include <cstdint>

#include "impl/base/check.h"
#include "version/point.h"

namespace mmtwin::impl {

class Lock {
 public:
  void take() {
    while (held_ != 0) [[unlikely]] {
      if (running_schedule == nullptr) return check(false, "LOCK-1: a lock is taken only when nobody holds it");
      wait_for(running_schedule, holder_);
    }
    touches(this, true);  // in the step that gets it, not in those that waited
    held_ = 1;
    if (running_schedule != nullptr) [[unlikely]] holder_ = static_cast<std::uint8_t>(running_seat(running_schedule));
  }
  void release() {
    check(held_ != 0, "LOCK-1: only a held lock is released");
    touches(this, true);
    held_ = 0;
  }
  bool is_held() const { return held_ != 0; }

 private:
  std::uint8_t held_ = 0;
  std::uint8_t holder_ = 0;  // seat; set only while operations overlap
};

}  // namespace mmtwin::impl
