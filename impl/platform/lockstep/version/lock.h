// A lock where only one operation runs at a time: it checks that it is taken and released in turn.
//
// Laws: none yet. Context: whoever takes it. Cost: one byte, two branches a pair. It deliberately never waits: a second
// taker is a bug here, as nothing else could be running.
#pragma once

#include "impl/base/check.h"

namespace mmtwin::impl {

class Lock {
 public:
  void take() {
    check(!held_, "a lock is taken only when nobody holds it");
    held_ = true;
  }
  void release() {
    check(held_, "only a held lock is released");
    held_ = false;
  }
  bool is_held() const { return held_; }

 private:
  bool held_ = false;
};

}  // namespace mmtwin::impl
