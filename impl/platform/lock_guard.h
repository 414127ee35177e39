// Holds a lock for the length of a scope.
//
// Laws: none. Context: the taker of the lock. Cost: that of the lock. It deliberately cannot be moved or released
// early.
#pragma once

#include "version/lock.h"

namespace mmtwin::impl {

class LockGuard {
 public:
  explicit LockGuard(Lock& lock) : lock_(lock) { lock_.take(); }
  ~LockGuard() { lock_.release(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Lock& lock_;
};

}  // namespace mmtwin::impl
