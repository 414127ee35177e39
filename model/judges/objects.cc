#include "model/judges/objects.h"

#include <algorithm>

#include "model/court.h"
#include "model/judges/words.h"
#include "model/rows/activity_rows.h"

namespace mmtwin::model {

bool ObjectJudge::may_need(CacheName cache) const {
  return act().kind == ActivityKind::kOperation ? now.row.may_need(cache) : row_of(act().kind).may_need(cache);
}

// A slab page is asked for once, by who asked the cache for an object.
bool ObjectJudge::lacks_slab(std::uint64_t cache) const {
  const ObjectRequest& asked = act().objects.asked;
  return asked.open && !asked.asked_page && asked.cache == cache;
}

// Whoever asks for another page has got the object.
void ObjectJudge::page_requested(Role role) {
  ObjectRequest& asked = act().objects.asked;
  asked.asked_page = role == Role::kSlab;
  asked.open = asked.open && asked.asked_page;
}

// 0: the system does not say.
std::uint64_t ObjectJudge::objects_in_frame(std::uint64_t cache) const {
  const std::uint64_t fit = claims.objects_per_frame[cache];
  return machine.description.slab_objects == 0 ? fit : std::min<std::uint64_t>(fit, machine.description.slab_objects);
}

// The object that is being asked for is counted already.
bool ObjectJudge::has_free_object(std::uint64_t cache) const {
  const std::uint64_t capacity = objects_in_frame(cache);
  return capacity != 0 && machine.objects[cache] - 1 < (machine.slab_frames[cache] - slabs_in_hand(cache)) * capacity;
}

// Slabs that others have taken for the cache, and that it does not have yet.
std::uint64_t ObjectJudge::slabs_in_hand(std::uint64_t cache) const {
  std::uint64_t count = 0;
  flights.any_parked([&](const Flight& other) {
    return other.any_activity([&](const Activity& activity) {
      const ObjectRequest& asked = activity.objects.asked;
      if (asked.open && asked.got_page && !asked.attached && asked.cache == cache) ++count;
      return false;
    });
  });
  return count;
}

// What was taken for the cache is there once its lock was held since.
void ObjectJudge::cache_unlocked(std::uint64_t cache) {
  ObjectRequest& asked = act().objects.asked;
  if (asked.got_page && asked.cache == cache) asked.attached = true;
}

// Was there no free object in the cache at some moment since one was asked for?
bool ObjectJudge::was_full(std::uint64_t cache) {
  if (objects_in_frame(cache) != 0) note(Law::kSlub2);
  return act().objects.asked.was_full || !has_free_object(cache);
}

// Others come, or have been: what they asked for and gave back counts for whoever is asking.
void ObjectJudge::others_act() {
  now.for_each_activity([&](Activity& activity) {
    ObjectRequest& asked = activity.objects.asked;
    if (asked.open && !has_free_object(asked.cache)) asked.was_full = true;
  });
  if (now.row.has(kShrinks)) note_shrunk();
}

// A frame that is kept holds an object, so there are no more frames than objects.
void ObjectJudge::note_shrunk() {
  for (unsigned cache = 0; cache < kCaches; ++cache) {
    const std::uint64_t most = claims.has(Claim::kObjects) ? machine.objects[cache] : live_objects(cache);
    if (machine.slab_frames[cache] <= most) now.own.objects.shrunk |= 1u << cache;
  }
}

// The frames that are left have room for every object handed out; those just being asked for need none yet.
void ObjectJudge::judge_slab_room(std::uint64_t cache) {
  const std::uint64_t capacity = objects_in_frame(cache);
  if (capacity == 0 || !claims.has(Claim::kObjects)) return;
  std::uint64_t asked = 0;
  flights.any_activity([&](const Activity& activity) {
    if (activity.objects.asked.open && activity.objects.asked.cache == cache) ++asked;
    return false;
  });
  note(Law::kFrame3);
  const std::uint64_t room = machine.slab_frames[cache] * capacity + asked;
  if (machine.objects[cache] > room)
    violated(Law::kFrame3, "slab frame", "returned without objects",
             "objects left: " + std::to_string(machine.objects[cache]));
}

void ObjectJudge::object_requested(const Event& e) {
  report.count_item();
  if (act().asking.request.open)
    return violated(Law::kFrame1, "request", "no page request is open", "an object request");
  if (act().asking.request.injection_due)
    return violated(Law::kOom1, "fail_next", "the object request fails", "it went on");
  note(Law::kSlub2);
  if (e.place >= kCaches || !may_need(static_cast<CacheName>(e.place)))
    return violated(Law::kSlub2, "cache", "one that the operation may need", cache_text(e.place));
  if (act().kind == ActivityKind::kOperation) court.locks.judge_waiting();
  act().refusal.slab_page = false;
  act().asking.request = Request{};
  act().objects.asked = ObjectRequest{.open = true, .cache = e.place};
  ++machine.objects[e.place];
  const auto cache = static_cast<CacheName>(e.place);
  if (now.row.has(kForks) && cache == CacheName::kRange) now.fork.made_family.push_back(false);
  if (now.row.has(kForks) && cache == CacheName::kAnonFamily && !now.fork.made_family.empty())
    now.fork.made_family.back() = true;
  court.requests.count_towards_failure();
}

// A cache may refuse only for an injected failure, or when the page it asked for was refused.
void ObjectJudge::object_refused(const Event& e) {
  if (!act().objects.asked.open || act().objects.asked.got_page || act().asking.request.open)
    return violated(Law::kOom1, "object request", "one that got nothing", std::string(name_of(e.kind)));
  if (act().asking.request.injection_due ? !act().asking.request.injected : !act().refusal.slab_page)
    return violated(Law::kOom1, "object", "a page request was refused first", "refused");
  --machine.objects[act().objects.asked.cache];
  act().refusal.any = act().refusal.object = true;
  act().refusal.slab_page = false;
  act().objects.asked.open = false;
  act().asking.request = Request{};
}

void ObjectJudge::object_returned(const Event& e) {
  note(Law::kSlub1);
  if (e.place >= kCaches || machine.objects[e.place] == 0)
    return violated(Law::kSlub1, "cache", "one that handed out objects", cache_text(e.place));
  court.locks.judge_protected(Thing::slab(e.place));
  --machine.objects[e.place];
  ++act().objects.returned[e.place];
}

// The ranges of a space may have become more or less.
void ObjectJudge::count_ranges(std::uint32_t number) {
  const Ranges* const ranges = ranges_of(number);
  machine.count_ranges(number, ranges != nullptr ? ranges->all().size() : 0);
}

// Objects that the state implies.
std::uint64_t ObjectJudge::live_objects(unsigned cache) const {
  std::uint64_t ranges = 0, links = 0;
  for (const SpaceHandle space : contract.spaces()) {
    ranges += contract.ranges(space).all().size();
    links += contract.ranges(space).links();
  }
  switch (static_cast<CacheName>(cache)) {
    case CacheName::kSpace: return machine.live_spaces;
    case CacheName::kRange: return ranges;
    case CacheName::kAnonFamily: return contract.families().live();
    case CacheName::kFamilyLink: return links;
  }
  return 0;
}

void ObjectJudge::judge_end() {
  if (broken()) return;
  if (now.space != 0) count_ranges(now.space);
  if (now.child != 0) count_ranges(now.child);
  if (!flights.parked.empty()) return;
  if (!claims.has(Claim::kObjects)) return;
  const Families& families = contract.families();
  const std::array<std::uint64_t, kCaches> expected = {machine.live_spaces, machine.live_ranges, families.live(),
                                                       families.links()};
  for (unsigned cache = 0; cache < kCaches; ++cache) {
    if (machine.objects[cache] != 0) note(Law::kSlub1);
    if (machine.objects[cache] != expected[cache])
      return violated(Law::kSlub1, kCacheNames[cache], expected[cache], machine.objects[cache]);
  }
}

}  // namespace mmtwin::model
