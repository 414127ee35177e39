// What the host of a plug-in and its parent tell each other, in memory that both see: a program, its answers, and what
// was seen of the blocks that were given.
//
// Laws: none. Context: one mapping, shared with children that are forked later; a byte through a pipe says whose turn
// it is. Cost: pages are touched as far as a program is long. It deliberately holds no pointers but its own.
#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "vocab/machine.h"
#include "vocab/observations.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {

// What a plug-in says of itself.
struct PluginFacts {
  std::array<char, 64> name{};      // zero-terminated, as is the next
  std::array<char, 256> problem{};  // why it cannot be used; empty: it can
  std::uint64_t offered = 0;        // bit k: operations of kind k
  std::uint32_t overhead_per_1024 = 0;
};

struct PluginAnswer {
  Response response;
  BlocksObservation seen;
};

class SharedProgram {
 public:
  struct Head {
    PluginFacts facts;
    MachineDescription machine;
    std::uint64_t count = 0;  // of operations
    bool is_refused = false;  // the plug-in cannot run such a machine
    // That runs now; 0: it is loaded or opens, beyond the end: everything is given back.
    std::atomic<std::uint64_t> step{0};
  };

  explicit SharedProgram(std::size_t operations) : capacity_(operations) {
    memory_ = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    new (memory_) Head;
  }
  ~SharedProgram() { ::munmap(memory_, bytes()); }
  SharedProgram(const SharedProgram&) = delete;
  SharedProgram& operator=(const SharedProgram&) = delete;

  std::size_t capacity() const { return capacity_; }
  Head& head() { return *static_cast<Head*>(memory_); }
  Operation* operations() { return reinterpret_cast<Operation*>(static_cast<char*>(memory_) + kHeadBytes); }
  // By step; the last one, beyond the end, is of all that was given back.
  PluginAnswer* answers() { return reinterpret_cast<PluginAnswer*>(operations() + capacity_); }

 private:
  static constexpr std::size_t kHeadBytes = (sizeof(Head) + 63) / 64 * 64;
  std::size_t bytes() const {
    return kHeadBytes + capacity_ * sizeof(Operation) + (capacity_ + 2) * sizeof(PluginAnswer);
  }

  std::size_t capacity_;
  void* memory_;
};

}  // namespace mmtwin::lockstep
