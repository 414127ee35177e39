// TrackedArray<T>: a boot-time array too large to be copied at every reset, such as a bitmap of blocks or a TLB.
//
// Laws: none. Context: whoever protects its elements. Cost: a compare a write in lockstep builds, none in threads
// builds; reads cost nothing extra; lazily mapped. It deliberately cannot grow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "impl/base/check.h"
#include "impl/platform/hardware.h"
#include "version/tracked_memory.h"

namespace mmtwin::impl {

template <class T>
class TrackedArray {
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(std::size_t{512} % sizeof(T) == 0, "an element never lies in two marked chunks");

 public:
  // `count` elements of all-zero bytes.
  TrackedArray(Hardware& hardware, std::uint64_t count) : memory_(count * sizeof(T)), count_(count) {
    hardware.track(memory_);
  }

  std::uint64_t count() const { return count_; }
  const T& at(std::uint64_t index) const {
    check(index < count_, "an array is read inside its bounds");
    return reinterpret_cast<const T*>(memory_.data())[index];
  }
  T& edit(std::uint64_t index) {
    check(index < count_, "an array is written inside its bounds");
    return *reinterpret_cast<T*>(memory_.edit(index * sizeof(T)));
  }

 private:
  TrackedMemory memory_;
  std::uint64_t count_;
};

}  // namespace mmtwin::impl
