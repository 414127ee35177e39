// Runner: one simulated CPU at work on its own thread: draws at random, runs verbs of the memory manager, counts them.
//
// Laws: none; expect() ends the process with a sentence when one is broken. Context: one thread a runner; tallies are
// added up when all are joined. Cost: an addition a verb. It deliberately synchronises with nobody: a lock or a
// release here would order the threads and hide from the thread sanitizer what the memory manager fails to order.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "impl/mm.h"

namespace mmtwin::stress {

using impl::BreakAnswer;
using impl::Done;
using impl::MapRequest;
using impl::Mm;
using impl::Outcome;
using impl::SpaceId;

inline constexpr unsigned kCpus = 4;
inline constexpr std::uint64_t kPage = 4096;

enum class Verb : std::uint8_t {
  kLoad, kFetch, kStore, kSegvMap, kSegvAcc, kMap, kUnmap, kProtect, kBrk, kCreate, kFork, kExit, kHandOver,
  kPagesAlloc, kPagesFree, kExactAlloc, kExactFree, kDrainOwn, kDrainOther, kShrink,
  kLazy, kFlushPage, kFlushSpace, kSpeculate, kEvict, kFailNext, kOom, kKilled, kCount
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Verb::kCount)> kVerbNames = {
    "memory_load", "memory_fetch", "memory_store", "refused_segv_map", "refused_segv_acc", "range_map", "range_unmap",
    "range_protect", "range_brk", "space_create", "space_fork", "space_exit", "space_handed_over", "pages_alloc",
    "pages_free", "pages_alloc_exact", "pages_free_exact", "pages_drain_own", "pages_drain_other", "slab_shrink",
    "cpu_switch_lazy", "cpu_flush_page", "cpu_flush_space", "cpu_speculate", "cpu_evict", "fail_next", "refused_oom",
    "space_killed"};

using Tally = std::array<std::uint64_t, static_cast<std::size_t>(Verb::kCount)>;

// Ends the process if the claim is false, after the sentence and four numbers that explain it.
[[noreturn]] void failed(const char* sentence, unsigned cpu, std::uint64_t a, std::uint64_t b, std::uint64_t c);
inline void expect(bool claim, const char* sentence, unsigned cpu, std::uint64_t a = 0, std::uint64_t b = 0,
                   std::uint64_t c = 0) {
  if (!claim) failed(sentence, cpu, a, b, c);
}

class Runner {
 public:
  // `memory_may_end`: requests may be refused for want of memory, because they are made to fail or memory is short.
  Runner(Mm& mm, unsigned cpu, std::uint64_t seed, bool memory_may_end)
      : mm_(mm), cpu_(cpu), random_(seed), memory_may_end_(memory_may_end) {}

  Mm& mm() { return mm_; }
  unsigned cpu() const { return cpu_; }
  bool memory_may_end() const { return memory_may_end_; }
  const Tally& tally() const { return tally_; }
  void count(Verb verb) { ++tally_[static_cast<std::size_t>(verb)]; }

  std::uint64_t draw(std::uint64_t below);
  bool one_in(std::uint64_t n) { return draw(n) == 0; }

  // ---- verbs; a refusal for want of memory is counted, and fails the test where memory never ends ----
  Outcome<std::uint64_t> load(SpaceId space, std::uint64_t at);
  Outcome<std::uint64_t> fetch(SpaceId space, std::uint64_t at);
  Outcome<Done> store(SpaceId space, std::uint64_t at, std::uint64_t value);
  Outcome<std::uint64_t> map(SpaceId space, std::uint64_t at, std::uint64_t pages, Prot prot, MapFlags flags);
  Outcome<Done> unmap(SpaceId space, std::uint64_t at, std::uint64_t pages);
  Outcome<Done> protect(SpaceId space, std::uint64_t at, std::uint64_t pages, Prot prot);
  BreakAnswer brk(SpaceId space, std::uint64_t wanted);
  Outcome<SpaceId> create(std::uint64_t heap_start);
  Outcome<SpaceId> fork(SpaceId space);
  void exit(SpaceId space);

  void become_lazy();
  // ---- what needs no space: drains, shrinking, laziness, flushes and speculation near `at` ----
  void step_processor(std::uint64_t at);

 private:
  void note(Refusal refusal);
  CpuId id() const { return CpuId(cpu_); }

  Mm& mm_;
  unsigned cpu_;
  std::uint64_t random_;
  bool memory_may_end_;
  Tally tally_{};
};

}  // namespace mmtwin::stress
