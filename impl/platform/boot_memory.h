// BootMemory: the small structures that exist once per machine (zones, list heads, counters), side by side.
//
// Laws: none. Context: placed while the machine boots, never freed; written freely afterwards, because reset and
// snapshot copy all of it. Cost: a copy of a few kilobytes per reset. It deliberately refuses large things: those
// belong into a TrackedArray, which is copied by the chunks that were touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>

#include "impl/base/check.h"
#include "impl/platform/host_memory.h"

namespace mmtwin::impl {

class BootMemory {
 public:
  static constexpr std::size_t kBytes = std::size_t{64} << 10;
  static constexpr std::size_t kLine = 64;

  BootMemory() : memory_(kBytes) {}

  // `count` value-initialised objects, starting on a cache line of their own.
  template <class T>
  T* place(std::size_t count = 1) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    static_assert(alignof(T) <= kLine);
    const std::size_t bytes = (sizeof(T) * count + kLine - 1) / kLine * kLine;
    check(used_ + bytes <= kBytes, "boot structures are small");
    T* at = new (memory_.data() + used_) T[count]();
    used_ += bytes;
    return at;
  }

  std::byte* data() { return memory_.data(); }
  const std::byte* data() const { return memory_.data(); }
  std::size_t used() const { return used_; }

 private:
  HostMemory memory_;
  std::size_t used_ = 0;
};

}  // namespace mmtwin::impl
