// FailureCountdown: `fail_next n` makes the n-th page or slab request from there on get nothing.
//
// Laws: ROLLBACK and OOM-1 are exercised by it. Context: any CPU; counts requests in the order in which they begin.
// Cost: one load of a word that is almost always 0. It deliberately does not know which requests may not fail:
// callers leave NOFAIL requests out.
#pragma once

#include <array>
#include <cstdint>

#include "version/event_port.h"
#include "version/shared_word.h"
#include "vocab/machine.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class FailureCountdown {
 public:
  FailureCountdown(std::uint64_t& left, const EventPort& events) : left_(left), events_(events) {}

  // 1: the very next request fails. 0: none any more.
  void fail_next(std::uint64_t n);

  // From now on `bit` of `word` is set while requests are counted: a fast path that looks at the word for other reasons
  // need not look here. At boot, at most kMaxCpus words.
  void warn(std::uint32_t& word, std::uint32_t bit);

  // Counts one request; true, after kFailureInjected, if it is the one that fails.
  bool request_fails(CpuId cpu) {
    if (load_relaxed(left_) == 0) [[likely]] return false;
    return count_down(cpu);
  }

 private:
  struct Warned {
    std::uint32_t* word = nullptr;
    std::uint32_t bit = 0;
  };
  bool count_down(CpuId cpu);

  std::uint64_t& left_;
  const EventPort& events_;
  std::array<Warned, 2 * kMaxCpus> warned_{};
  unsigned warned_count_ = 0;
};

}  // namespace mmtwin::impl
