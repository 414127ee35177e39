// LockJudge: who holds what, in which order locks may be taken, and where nobody may wait (docs/RULES.md section 6).
//
// Laws: LOCK-1 to LOCK-4. Context: one thread. Cost: a look at the few locks held. It deliberately learns which lock is
// a thing's from its first taking.
#pragma once

#include <optional>

#include "model/judges/judge.h"

namespace mmtwin::model {

// What a lock protects.
struct Thing {
  enum class Kind : std::uint8_t {
    kEntries,     // of the tables of space `number`
    kLinks,       // of these, those above the leaves, beside kEntries
    kFreeFrames,  // of zone `number`, listed on no CPU
    kSlab,        // what cache `number` has
  };
  Kind kind{};
  std::uint64_t number = 0;
  static Thing entries(std::uint32_t space) { return {Kind::kEntries, space}; }
  static Thing links(std::uint32_t space) { return {Kind::kLinks, space}; }
  static Thing free_frames(unsigned zone) { return {Kind::kFreeFrames, zone}; }
  static Thing slab(std::uint64_t cache) { return {Kind::kSlab, cache}; }
};

class LockJudge : public Judge {
 public:
  using Judge::Judge;

  void judge_end();
  void judge_left_cpu(const Flight& other) const;
  void lock_taken(const Event& e);
  void lock_released(const Event& e);
  void judge_waiting();
  void judge_protected(Thing thing);

 private:
  std::optional<HeldLock> protects(Thing thing) const;
  bool is_held(const HeldLock& lock) const;
  bool is_the_lock(const HeldLock& lock);
  bool is_lock_of(std::uint32_t one, std::uint32_t other, std::uint64_t Space::*lock, std::uint64_t instance);
};

}  // namespace mmtwin::model
