#include "impl/platform/host_memory.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#include "version/hostile.h"

namespace mmtwin::impl {
namespace {

// Unpoisoning touches an eighth of the bytes, wanted or not.
constexpr std::uint64_t kCheaplyUnpoisoned = std::uint64_t{64} << 20;

}  // namespace

HostMemory::HostMemory(std::uint64_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) {
    std::fprintf(stderr, "the host refuses %llu bytes of address space\n", static_cast<unsigned long long>(bytes));
    std::abort();
  }
  data_ = static_cast<std::byte*>(at);
}

HostMemory::~HostMemory() {
  if (data_ == nullptr) return;
  // The next mapping at this address must not inherit the poison. The sanitizer of clang sees to that itself.
  if (bytes_ <= kCheaplyUnpoisoned) unpoison(data_, bytes_);
  munmap(data_, bytes_);
}

}  // namespace mmtwin::impl
