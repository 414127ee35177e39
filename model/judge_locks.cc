// Locks: who holds what, in which order they may be taken, and where nobody may wait (docs/RULES.md section 6).
#include <algorithm>

#include "model/state.h"

namespace mmtwin::model {
namespace {

struct Edge {
  LockClass outer, inner;
};
// Whoever holds `outer` may take `inner`. Two locks of one class are never held at once.
constexpr Edge kEdges[] = {{LockClass::kSpace, LockClass::kTables},  {LockClass::kSpace, LockClass::kFamily},
                           {LockClass::kSpace, LockClass::kSlab},    {LockClass::kSpace, LockClass::kZone},
                           {LockClass::kTables, LockClass::kZone},   {LockClass::kFamily, LockClass::kSlab},
                           {LockClass::kFamily, LockClass::kZone},   {LockClass::kSlab, LockClass::kZone}};

bool may_nest(LockClass outer, LockClass inner) {
  return std::any_of(std::begin(kEdges), std::end(kEdges),
                     [&](const Edge& e) { return e.outer == outer && e.inner == inner; });
}

// A space's lock is one that sleeps; the others spin.
bool spins(LockClass c) { return c != LockClass::kSpace; }

std::string text_of(const HeldLock& lock) {
  return std::string(name_of(lock.lock_class)) + " " + std::to_string(lock.instance);
}

}  // namespace

bool State::is_held(const HeldLock& lock) const {
  const auto holds = [&](const Now& in_flight) {
    return std::find(in_flight.held.begin(), in_flight.held.end(), lock) != in_flight.held.end();
  };
  return holds(now) || std::any_of(parked.begin(), parked.end(), holds);
}

// A thing has one lock: another instance would exclude nobody. Which one, its first taking says, or its number.
bool State::is_the_lock(const HeldLock& lock) {
  const auto number = static_cast<unsigned>(std::min<std::uint64_t>(lock.instance, kMaxZones));
  switch (lock.lock_class) {
    case LockClass::kSpace: return is_lock_of(now.space, 0, &Space::lock, lock.instance);
    case LockClass::kTables: return is_lock_of(now.space, now.child, &Space::tables_lock, lock.instance);
    case LockClass::kFamily:
      if (family_lock == kNoLock) family_lock = lock.instance;
      return lock.instance == family_lock;
    case LockClass::kSlab: return lock.instance < kCaches;
    case LockClass::kZone: return number < kMaxZones && frames.zone(number).exists();
  }
  return false;
}

// Of one space or the other, 0: of no second one. Where it could be either's, nothing is learnt.
bool State::is_lock_of(std::uint32_t one, std::uint32_t other, std::uint64_t Space::* lock, std::uint64_t instance) {
  std::uint64_t* unknown = nullptr;
  unsigned unknowns = 0;
  for (const std::uint32_t number : {one, other}) {
    if (number == 0) continue;
    if (spaces[number].*lock == instance) return true;
    if (spaces[number].*lock != kNoLock) continue;
    unknown = &(spaces[number].*lock);
    ++unknowns;
  }
  // What is left of a space without tables may be another's memory already.
  const auto owns = [&](const Space& space) { return space.live && space.root != 0 && space.*lock == instance; };
  if (unknown == nullptr || std::any_of(spaces.begin(), spaces.end(), owns)) return false;
  if (unknowns == 1) *unknown = instance;
  return true;
}

void State::lock_taken(const Event& e) {
  if (e.index >= kLockNames.size()) return find(Law::kLock2, "lock class", "a known one", std::to_string(e.index));
  const HeldLock lock{static_cast<LockClass>(e.index), e.place};
  note(Law::kLock1);
  if (is_held(lock)) return find(Law::kLock1, "lock", "free when it is taken", text_of(lock));
  for (const HeldLock& outer : now.held) {
    note(Law::kLock2);
    if (!may_nest(outer.lock_class, lock.lock_class))
      return find(Law::kLock2, "lock", "one that may be taken under " + std::string(name_of(outer.lock_class)),
                  text_of(lock));
  }
  if (!is_the_lock(lock)) return find(Law::kLock1, "lock", "of a thing that may be locked here", text_of(lock));
  if (!spins(lock.lock_class)) judge_waiting();
  now.held.push_back(lock);
  if (lock.lock_class == LockClass::kZone) now.zone_had = frames.zone(static_cast<unsigned>(lock.instance)).free;
  if (lock.lock_class == LockClass::kSpace) enter_section();
}

void State::lock_released(const Event& e) {
  const HeldLock lock{static_cast<LockClass>(e.index), e.place};
  const auto held = std::find(now.held.begin(), now.held.end(), lock);
  note(Law::kLock1);
  if (held == now.held.end())
    return find(Law::kLock1, "lock", "held by who releases it", e.index < kLockNames.size() ? text_of(lock) : "none");
  now.held.erase(held);
  // What was taken from a zone is narrated later, what was given to it sooner.
  if (lock.lock_class == LockClass::kZone) now.in_transit = now.request.open ? 1u << lock.instance : 0;
  if (lock.lock_class == LockClass::kSpace) leave_section();
}

// Here the operation may have to wait for something that takes long.
void State::judge_waiting() {
  if (!now.held.empty()) note(Law::kLock3);
  for (const HeldLock& lock : now.held)
    if (spins(lock.lock_class)) return find(Law::kLock3, "held where one may wait", "no spinning lock", text_of(lock));
}

// Another operation has got the CPU: it was given away where nothing spins and the hardware is not in the middle.
void State::judge_left_cpu(const Now& other) {
  if (!other.held.empty()) note(Law::kLock3);
  for (const HeldLock& lock : other.held)
    if (spins(lock.lock_class))
      return find(Law::kLock3, "held where the CPU is given away", "no spinning lock", text_of(lock));
  note(Law::kCpu1);
  if (other.walk.begun || other.asked != 0 || other.bare != kNoFrame)
    find(Law::kCpu1, "CPU", "kept: a walk, an interrupt or a new frame is not done with", "given to another operation");
}

// What the lock protects is about to change.
void State::judge_protected(LockClass lock_class, std::uint64_t instance) {
  if (!claims.has(Claim::kLocks)) return;
  note(Law::kLock4);
  // An operation takes no space's lock but its own; which lock a space's tables have may not be known yet.
  const bool any_instance = lock_class == LockClass::kSpace || instance == kNoLock;
  for (const HeldLock& lock : now.held)
    if (lock.lock_class == lock_class && (any_instance || lock.instance == instance)) return;
  find(Law::kLock4, "lock", "the " + std::string(name_of(lock_class)) + "'s is held", "it is not");
}

void State::stuck(const Event& e) {
  if (e.index == 0) return find(Law::kLock1, "waiting", "ends", "in a circle");
  find(Law::kLive2, "steps", "boundedly many", "it goes round");
}

}  // namespace mmtwin::model
