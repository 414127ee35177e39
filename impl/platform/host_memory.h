// A piece of the host's memory, mapped lazily: pages that nobody touches cost nothing, all start as zero.
//
// Laws: none. Context: built and unbuilt with its machine. Cost: one mmap; a terabyte is as quick as a page. It
// deliberately aborts when the host refuses: a machine that cannot be built is not a refusal of the simulated kind.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mmtwin::impl {

class HostMemory {
 public:
  explicit HostMemory(std::uint64_t bytes);
  ~HostMemory();
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace mmtwin::impl
