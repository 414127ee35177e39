// Holds a lock for the length of a scope, and narrates it; a point stands before it is taken and after it is released.
//
// Laws: LOCK-1 to LOCK-4 are judged from what it narrates. Context: the taker of the lock. Cost: that of the lock and
// two events. It deliberately cannot be moved or released early.
#pragma once

#include <cstdint>

#include "impl/platform/hardware.h"
#include "version/lock.h"
#include "version/point.h"
#include "vocab/locks.h"

namespace mmtwin::impl {

class LockGuard {
 public:
  // `instance` tells locks of one class apart: where the object lies, or the zone's or cache's number.
  LockGuard(const Hardware& hardware, CpuId cpu, LockClass lock_class, std::uint64_t instance, Lock& lock)
      : hardware_(hardware), lock_(lock), instance_(instance), cpu_(cpu), class_(lock_class) {
    point(take_point(class_));
    lock_.take();
    narrate(EventKind::kLockTaken);
  }
  ~LockGuard() {
    narrate(EventKind::kLockReleased);
    lock_.release();
    point(release_point(class_));
  }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  void narrate(EventKind kind) const {
    hardware_.emit({.kind = kind, .cpu = cpu_, .order = {}, .index = static_cast<std::uint16_t>(class_), .frame = {},
                    .place = instance_});
  }

  const Hardware& hardware_;
  Lock& lock_;
  std::uint64_t instance_;
  CpuId cpu_;
  LockClass class_;
};

}  // namespace mmtwin::impl
