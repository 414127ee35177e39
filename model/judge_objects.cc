// Slab objects: which caches an operation may ask, and that what was handed out is what the state consists of.
#include <algorithm>

#include "model/state.h"

namespace mmtwin::model {

std::string cache_text(std::uint64_t cache) {
  return cache < kCaches ? std::string(kCacheNames[cache]) : "cache " + std::to_string(cache);
}

// docs/RULES.md section 2.
bool State::may_need(CacheName cache) const {
  if (is<SpaceFork>()) return true;
  if (is<SpaceCreate>()) return cache == CacheName::kSpace;
  if (is<MemoryStore>()) return cache == CacheName::kAnonFamily || cache == CacheName::kFamilyLink;
  const bool changes_ranges = is<RangeMapAnon>() || is<RangeMapFile>() || is<RangeUnmap>() || is<RangeProtect>() ||
                              is<RangeBrk>() || is<SpaceAssume>();
  return changes_ranges && (cache == CacheName::kRange || cache == CacheName::kFamilyLink);
}

// 0: the system does not say.
std::uint64_t State::objects_in_frame(std::uint64_t cache) const {
  const std::uint64_t fit = claims.objects_per_frame[cache];
  return machine.slab_objects == 0 ? fit : std::min<std::uint64_t>(fit, machine.slab_objects);
}

// The object that is being asked for is counted already.
bool State::has_free_object(std::uint64_t cache) {
  const std::uint64_t capacity = objects_in_frame(cache);
  if (capacity == 0) return false;
  note(Law::kSlub2);
  return objects[cache] - 1 != slab_frames[cache] * capacity;
}

// The frames that are left have room for every object handed out; those just being asked for need none yet.
void State::judge_slab_room(std::uint64_t cache) {
  const std::uint64_t capacity = objects_in_frame(cache);
  if (capacity == 0 || !claims.has(Claim::kObjects)) return;
  const auto asks = [&](const Now& n) { return n.object.open && n.object.cache == cache; };
  std::uint64_t asked = asks(now) ? 1 : 0;
  for (const Now& other : parked) asked += asks(other) ? 1 : 0;
  note(Law::kFrame3);
  const std::uint64_t room = slab_frames[cache] * capacity + asked;
  if (objects[cache] > room)
    find(Law::kFrame3, "slab frame", "returned without objects", "objects left: " + std::to_string(objects[cache]));
}

void State::object_requested(const Event& e) {
  ++items;
  if (now.request.open) return find(Law::kFrame1, "request", "no page request is open", "an object request");
  if (now.request.injection_due) return find(Law::kOom1, "fail_next", "the object request fails", "it went on");
  note(Law::kSlub2);
  if (e.place >= kCaches || !may_need(static_cast<CacheName>(e.place)))
    return find(Law::kSlub2, "cache", "one that the operation may need", cache_text(e.place));
  judge_waiting();
  now.slab_page_refused = false;
  now.request = Request{};
  now.object = ObjectRequest{true, false, false, e.place};
  ++objects[e.place];
  const auto cache = static_cast<CacheName>(e.place);
  if (is<SpaceFork>() && cache == CacheName::kRange) now.made_family.push_back(false);
  if (is<SpaceFork>() && cache == CacheName::kAnonFamily && !now.made_family.empty()) now.made_family.back() = true;
  count_towards_failure();
}

// A cache may refuse only for an injected failure, or when the page it asked for was refused.
void State::object_refused(const Event& e) {
  if (!now.object.open || now.object.got_page || now.request.open)
    return find(Law::kOom1, "object request", "one that got nothing", std::string(name_of(e.kind)));
  if (now.request.injection_due ? !now.request.injected : !now.slab_page_refused)
    return find(Law::kOom1, "object", "a page request was refused first", "refused");
  --objects[now.object.cache];
  now.refused = now.object_refused = true;
  now.slab_page_refused = false;
  now.object.open = false;
  now.request = Request{};
}

void State::object_returned(const Event& e) {
  note(Law::kSlub1);
  if (e.place >= kCaches || objects[e.place] == 0)
    return find(Law::kSlub1, "cache", "one that handed out objects", cache_text(e.place));
  judge_protected(LockClass::kSlab, e.place);
  --objects[e.place];
  ++now.returned_objects[e.place];
}

// The ranges of a space may have become more or less.
void State::count_ranges(std::uint32_t number) {
  Space& space = spaces[number];
  const Ranges* const ranges = ranges_of(number);
  const std::uint64_t count = ranges != nullptr ? ranges->all().size() : 0;
  live_ranges += count - space.counted_ranges;
  space.counted_ranges = count;
}

void State::judge_objects() {
  if (broken()) return;
  if (now.space != 0) count_ranges(now.space);
  if (now.child != 0) count_ranges(now.child);
  if (!parked.empty()) return;
  if (!claims.has(Claim::kObjects)) return;
  const Families& families = contract.families();
  const std::array<std::uint64_t, kCaches> expected = {live_spaces, live_ranges, families.live(), families.links()};
  for (unsigned cache = 0; cache < kCaches; ++cache) {
    if (objects[cache] != 0) note(Law::kSlub1);
    if (objects[cache] != expected[cache])
      return find(Law::kSlub1, kCacheNames[cache], expected[cache], objects[cache]);
  }
}

}  // namespace mmtwin::model
