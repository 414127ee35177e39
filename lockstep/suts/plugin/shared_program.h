// What the host of a plug-in and its parent tell each other, in memory that both see: a program, its answers, and what
// was seen of the blocks that were given.
//
// Laws: none. Context: one mapping, shared with children that are forked later; a byte through a pipe says whose turn
// it is. Cost: pages are touched as far as a program is long. The host may not write to the program, and stamps what it
// answers: a library's wild writes are told from answers. It deliberately holds no pointers but its own, and no type
// that some bytes are no value of.
#pragma once

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "vocab/machine.h"
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
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  std::uint64_t stamp = 0;  // of the run and the step
  std::uint64_t is_refused = 0, value = 0;
  // BlocksObservation; frames, or kNone.
  std::uint64_t overwritten = kNone, not_zeroed = kNone, given_wrongly = kNone;
  std::uint64_t taken = kNone, missing = 0;  // when all had been given back: frames
};

class SharedProgram {
 public:
  struct Question {
    std::uint64_t run = 0;
    MachineDescription machine;
    std::uint64_t count = 0;  // of operations
  };
  struct Reply {
    PluginFacts facts;
    std::uint64_t refused = 0;  // stamp_of(run, 0): the plug-in cannot run such a machine
    // That runs now; 0: it is loaded or opens, beyond the end: everything is given back.
    std::atomic<std::uint64_t> step{0};
  };

  explicit SharedProgram(std::size_t operations) : capacity_(operations) {
    memory_ = ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    new (memory_) Question;
    new (at(question_bytes())) Reply;
  }
  ~SharedProgram() { ::munmap(memory_, bytes()); }
  SharedProgram(const SharedProgram&) = delete;
  SharedProgram& operator=(const SharedProgram&) = delete;

  const void* memory() const { return memory_; }
  std::size_t bytes() const { return question_bytes() + kHeadBytes + (capacity_ + 2) * sizeof(PluginAnswer); }
  // In the host: questions are only read.
  void protect_question() { ::mprotect(memory_, question_bytes(), PROT_READ); }

  std::size_t capacity() const { return capacity_; }
  Question& question() { return *static_cast<Question*>(memory_); }
  Operation* operations() { return static_cast<Operation*>(at(kHeadBytes)); }
  Reply& reply() { return *static_cast<Reply*>(at(question_bytes())); }
  // By step; the last one, beyond the end, is of all that was given back.
  PluginAnswer* answers() { return static_cast<PluginAnswer*>(at(question_bytes() + kHeadBytes)); }

  static constexpr std::uint64_t stamp_of(std::uint64_t run, std::uint64_t step) {
    return (run + 1) * 0x9e3779b97f4a7c15 ^ step;
  }

 private:
  static constexpr std::size_t kHeadBytes = 4096;
  static_assert(sizeof(Question) <= kHeadBytes && sizeof(Reply) <= kHeadBytes);
  std::size_t question_bytes() const { return kHeadBytes + (capacity_ * sizeof(Operation) + 4095) / 4096 * 4096; }
  void* at(std::size_t offset) { return static_cast<char*>(memory_) + offset; }

  std::size_t capacity_;
  void* memory_;
};

}  // namespace mmtwin::lockstep
