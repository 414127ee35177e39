// A test-and-test-and-set spin lock: waiters read, so that the line stays shared until it is released.
//
// Laws: none. Context: any CPU's thread. Cost: 4 bytes; one atomic exchange a pair when nobody waits. It deliberately
// is not fair and cannot sleep: sections under it are a batch of frames long.
#pragma once

#include <atomic>
#include <cstdint>

namespace mmtwin::impl {

class Lock {
 public:
  void take() {
    std::atomic_ref<std::uint32_t> word(held_);
    while (word.exchange(1, std::memory_order_acquire) != 0) {
      while (word.load(std::memory_order_relaxed) != 0) __builtin_ia32_pause();
    }
  }
  void release() { std::atomic_ref<std::uint32_t>(held_).store(0, std::memory_order_release); }
  bool is_held() const { return std::atomic_ref<std::uint32_t>(const_cast<std::uint32_t&>(held_)).load() != 0; }

 private:
  std::uint32_t held_ = 0;
};

}  // namespace mmtwin::impl
