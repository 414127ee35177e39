#include "model/judges/locks.h"

#include <algorithm>

#include "model/court.h"
#include "model/judges/words.h"

namespace mmtwin::model {
namespace {

struct Edge {
  LockClass outer, inner;
};
// Whoever holds `outer` may take `inner`. Two locks of one class are never held at once.
constexpr Edge kEdges[] = {{LockClass::kSpace, LockClass::kTables}, {LockClass::kSpace, LockClass::kFamily},
                           {LockClass::kSpace, LockClass::kSlab},   {LockClass::kSpace, LockClass::kZone},
                           {LockClass::kTables, LockClass::kZone},  {LockClass::kFamily, LockClass::kSlab},
                           {LockClass::kFamily, LockClass::kZone},  {LockClass::kSlab, LockClass::kZone}};

// A space's lock is one that sleeps; the others spin.
bool spins(LockClass c) { return c != LockClass::kSpace; }

bool may_nest(LockClass outer, LockClass inner) {
  return std::any_of(std::begin(kEdges), std::end(kEdges),
                     [&](const Edge& e) { return e.outer == outer && e.inner == inner; });
}

}  // namespace

bool LockJudge::is_held(const HeldLock& lock) const {
  return flights.any_activity([&](const Activity& activity) {
    return std::find(activity.held.begin(), activity.held.end(), lock) != activity.held.end();
  });
}

// A thing has one lock: another instance would exclude nobody. Which one, its first taking says, or its number.
bool LockJudge::is_the_lock(const HeldLock& lock) {
  const auto number = static_cast<unsigned>(std::min<std::uint64_t>(lock.instance, kMaxZones));
  switch (lock.lock_class) {
    case LockClass::kSpace: return is_lock_of(now.space, 0, &Space::lock, lock.instance);
    case LockClass::kTables: return is_lock_of(now.space, now.child, &Space::tables_lock, lock.instance);
    case LockClass::kFamily:
      if (machine.family_lock == kNoLock) machine.family_lock = lock.instance;
      return lock.instance == machine.family_lock;
    case LockClass::kSlab: return lock.instance < kCaches;
    case LockClass::kZone: return number < kMaxZones && machine.frames.zone(number).exists();
  }
  return false;
}

// Of one space or the other, 0: of no second one. Where it could be either's, nothing is learnt.
bool LockJudge::is_lock_of(std::uint32_t one, std::uint32_t other, std::uint64_t Space::*lock, std::uint64_t instance) {
  std::uint64_t* unknown = nullptr;
  unsigned unknowns = 0;
  for (const std::uint32_t number : {one, other}) {
    if (number == 0) continue;
    if (machine.spaces[number].*lock == instance) return true;
    if (machine.spaces[number].*lock != kNoLock) continue;
    unknown = &(machine.spaces[number].*lock);
    ++unknowns;
  }
  // What is left of a space without tables may be another's memory already.
  const auto owns = [&](const Space& space) { return space.live && space.root != 0 && space.*lock == instance; };
  if (unknown == nullptr || std::any_of(machine.spaces.begin(), machine.spaces.end(), owns)) return false;
  if (unknowns == 1) *unknown = instance;
  return true;
}

void LockJudge::lock_taken(const Event& e) {
  if (e.index >= kLockNames.size()) return violated(Law::kLock2, "lock class", "a known one", std::to_string(e.index));
  const HeldLock lock{static_cast<LockClass>(e.index), e.place};
  note(Law::kLock1);
  if (is_held(lock)) return violated(Law::kLock1, "lock", "free when it is taken", text_of(lock));
  for (const HeldLock& outer : act().held) {
    note(Law::kLock2);
    if (!may_nest(outer.lock_class, lock.lock_class))
      return violated(Law::kLock2, "lock", "one that may be taken under " + std::string(name_of(outer.lock_class)),
                      text_of(lock));
  }
  if (!is_the_lock(lock)) return violated(Law::kLock1, "lock", "of a thing that may be locked here", text_of(lock));
  if (!spins(lock.lock_class)) judge_waiting();
  act().held.push_back(lock);
  if (lock.lock_class == LockClass::kZone)
    act().asking.zone_had = machine.frames.zone(static_cast<unsigned>(lock.instance)).free;
  if (lock.lock_class == LockClass::kSpace && act().kind == ActivityKind::kOperation) court.commits.enter_section();
}

void LockJudge::lock_released(const Event& e) {
  const HeldLock lock{static_cast<LockClass>(e.index), e.place};
  const auto held = std::find(act().held.begin(), act().held.end(), lock);
  note(Law::kLock1);
  if (held == act().held.end())
    return violated(Law::kLock1, "lock", "held by who releases it",
                    e.index < kLockNames.size() ? text_of(lock) : "none");
  act().held.erase(held);
  // What was taken from a zone is narrated later, what was given to it sooner.
  if (lock.lock_class == LockClass::kZone)
    court.requests.zone_unlocked(static_cast<unsigned>(lock.instance));
  if (lock.lock_class == LockClass::kSlab) court.objects.cache_unlocked(lock.instance);
  if (lock.lock_class == LockClass::kSpace && act().kind == ActivityKind::kOperation) court.commits.leave_section();
}

// Here the operation may have to wait for something that takes long.
void LockJudge::judge_waiting() {
  if (!act().held.empty()) note(Law::kLock3);
  for (const HeldLock& lock : act().held)
    if (spins(lock.lock_class))
      return violated(Law::kLock3, "held where one may wait", "no spinning lock", text_of(lock));
}

// The table of what protects what. A space that is being made is nobody else's yet: its entries need no lock.
std::optional<HeldLock> LockJudge::protects(Thing thing) const {
  switch (thing.kind) {
    case Thing::Kind::kEntries:
      if (thing.number == now.child && now.child != 0) return std::nullopt;
      return HeldLock{LockClass::kSpace, machine.spaces[thing.number].lock};
    case Thing::Kind::kLinks: return HeldLock{LockClass::kTables, machine.spaces[thing.number].tables_lock};
    case Thing::Kind::kFreeFrames: return HeldLock{LockClass::kZone, thing.number};
    case Thing::Kind::kSlab: return HeldLock{LockClass::kSlab, thing.number};
  }
  return std::nullopt;
}

// The thing is about to change: its lock is held. Which instance a space's lock is may not be known yet.
void LockJudge::judge_protected(Thing thing) {
  const std::optional<HeldLock> needed = claims.has(Claim::kLocks) ? protects(thing) : std::nullopt;
  if (!needed) return;
  note(Law::kLock4);
  for (const HeldLock& lock : act().held)
    if (lock.lock_class == needed->lock_class && (needed->instance == kNoLock || lock.instance == needed->instance))
      return;
  violated(Law::kLock4, "lock", "the " + std::string(name_of(needed->lock_class)) + "'s is held", "it is not");
}

void LockJudge::judge_end() {
  if (!broken() && !act().held.empty()) violated(Law::kLock1, "locks held at the end", 0, act().held.size());
}

// Another operation has got the CPU: it was given away where nothing spins.
void LockJudge::judge_left_cpu(const Flight& other) const {
  other.any_activity([&](const Activity& activity) {
    if (!activity.held.empty()) note(Law::kLock3);
    for (const HeldLock& lock : activity.held)
      if (spins(lock.lock_class))
        violated(Law::kLock3, "held where the CPU is given away", "no spinning lock", text_of(lock));
    return broken();
  });
}

}  // namespace mmtwin::model
