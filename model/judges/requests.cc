#include "model/judges/requests.h"

#include <algorithm>
#include <array>
#include <bit>

#include "model/court.h"
#include "model/judges/words.h"
#include "model/rows/activity_rows.h"
#include "model/rows/event_rows.h"

namespace mmtwin::model {

// A look: what may be chosen now may have been seen, and what may not was not there all the time.
void RequestJudge::look_again(Request& request) {
  if (request.looked_at == machine.frames.version() && flights.parked.empty()) return;
  Request seen = request;
  look(machine.frames, seen);
  request.may |= seen.may;
  request.always &= seen.may;
  look_beside_others(request);
}

// It tries once more from the start: what it saw before does not count any more.
void RequestJudge::look_anew(Request& request) {
  look(machine.frames, request);
  look_beside_others(request);
}

// A zone may have less than was told while others are about to change it, or have just done so: who holds its lock may
// have taken already what it will tell, and has perhaps not given yet what it has told. The watermark is read without
// the lock. And what the holder has told already the lists, which serve a single frame, may not know.
void RequestJudge::look_beside_others(Request& request) {
  if (flights.parked.empty()) return;
  std::array<std::uint64_t, kMaxZones> missing{};
  for (Flight& other : flights.parked)
    other.for_each_activity([&](const Activity& activity) {
      const RequestNotes& asking = activity.asking;
      for (std::uint32_t zones = asking.in_transit; zones != 0; zones &= zones - 1)
        missing[static_cast<unsigned>(std::countr_zero(zones))] += asking.frames_in_transit;
      for (const HeldLock& held : activity.held) {
        if (held.lock_class != LockClass::kZone) continue;
        const std::uint64_t told = machine.frames.zone(static_cast<unsigned>(held.instance)).free;
        missing[held.instance] += told > asking.zone_had ? told - asking.zone_had : 0;
        if (asking.request.open) missing[held.instance] += frames_taken_at_once(asking.request);
        look_before(request, static_cast<unsigned>(held.instance), asking.zone_had);
      }
    });
  for (unsigned zone = 0; zone < kMaxZones; ++zone)
    if (missing[zone] != 0) look_without(request, zone, missing[zone]);
}

// Of a single frame, as long as the zone's lock is held: it may still be had as when the zone had so many.
void RequestJudge::look_before(Request& request, unsigned zone, std::uint64_t had) {
  Zone before = machine.frames.zone(zone);
  if (request.wish.order != 0 || had <= before.free) return;
  before.free = had;
  before.full[0] = 1;
  if (may_give(before, request)) request.may |= 1u << zone;
}

// The zone could give all the time only if it could without so many frames. Which blocks those are in is not known.
void RequestJudge::look_without(Request& request, unsigned zone, std::uint64_t missing) {
  Zone least = machine.frames.zone(zone);
  least.free -= std::min(least.free, missing);
  if (request.wish.order == 0 && least.free != 0 && may_give(least, request)) return;
  request.always &= ~(1u << zone);
}

// At most, of one zone, before it tells: a batch for its list, or its block.
std::uint64_t RequestJudge::frames_taken_at_once(const Request& request) const {
  return std::max<std::uint64_t>(machine.description.pcp_batch, std::uint64_t{1} << request.wish.order);
}

// Others come, or have been: every request of this stack that has not chosen yet looks.
void RequestJudge::others_act() {
  now.for_each_activity([&](Activity& activity) {
    Request& request = activity.asking.request;
    if (!request.open || request.filling) return;
    look_again(request);
    if (request.draining) court.lists.look(activity.lists);
  });
}

// Whose request is the innermost one that is not answered; null: none is open.
Activity* RequestJudge::asking() {
  Activity* open = nullptr;
  now.for_each_activity([&](Activity& activity) {
    if (activity.asking.request.open) open = &activity;
  });
  return open;
}

// Lists came to the zones for a request that nobody could serve: it tries again after each of them.
void RequestJudge::list_drained() {
  if (Activity* const asks = asking(); asks != nullptr && asks->asking.request.draining)
    look_anew(asks->asking.request);
}

// What was taken from the zone is narrated later, what was given to it sooner.
void RequestJudge::zone_unlocked(unsigned zone) {
  RequestNotes& asking = act().asking;
  asking.in_transit = asking.request.open ? 1u << zone : 0;
  asking.frames_in_transit = frames_taken_at_once(asking.request);
}

// Does another flight know of frames in the zone that were told to be there no more, or not yet?
bool RequestJudge::is_in_transit(unsigned zone) const {
  return flights.any_parked([&](const Flight& other) {
    return other.any_activity([&](const Activity& activity) { return (activity.asking.in_transit >> zone & 1u) != 0; });
  });
}

void RequestJudge::count_towards_failure() {
  if (machine.fail_countdown == 0) return;
  if (--machine.fail_countdown == 0) act().asking.request.injection_due = true;
}

// Who asks, in which operation or activity: docs/RULES.md section 2.
bool RequestJudge::may_ask(Role role, std::uint64_t cache) const {
  if (act().kind != ActivityKind::kOperation)
    return row_of(act().kind).may_ask(role) || (role == Role::kSlab && court.objects.lacks_slab(cache));
  switch (role) {
    case Role::kNone: return false;
    case Role::kBlock: return now.row.may_ask(role);
    case Role::kZeroPage: return now.boot;
    case Role::kRootTable:
      return now.boot || (now.row.may_ask(role) && now.child != 0 && machine.spaces[now.child].root == 0);
    case Role::kTable:
      if (!now.row.has(kIsAccess) || !claims.has(Claim::kTranslations)) return now.row.may_ask(role);
      return now.access.fault_page != kNoFrame && machine.leaf(now.space, now.access.fault_page).table == 0;
    case Role::kAnon:
      return now.row.may_ask(role) && (now.access.fault_page != kNoFrame || !claims.has(Claim::kTranslations));
    case Role::kSlab: return now.boot || court.objects.lacks_slab(cache);
  }
  return false;
}

void RequestJudge::page_requested(const Event& e) {
  if (act().asking.request.open) return violated(Law::kFrame1, "request", "one request at a time", "a second one");
  if (act().asking.request.injection_due)
    return violated(Law::kOom1, "fail_next", "the object request fails", "it went on");
  if (!may_ask(e.role, e.place))
    return violated(Law::kFrame1, "role", "one that may ask", std::to_string(static_cast<unsigned>(e.role)));
  if (e.role == Role::kSlab && !now.boot && !court.objects.was_full(e.place))
    return violated(Law::kSlub2, "slab frame", "asked for when the cache has no free object", cache_text(e.place));
  court.objects.page_requested(e.role);
  Request& request = act().asking.request;
  request = Request{};
  request.open = true;
  request.role = e.role;
  request.cpu = e.cpu.raw();
  request.cache = e.place;
  request.wish.order = 0;
  NodeId node = kAnyNode;
  request.wish.gfp = flags_of_role(e.role);
  if (e.role == Role::kBlock) {
    request.wish.gfp = now.named.gfp;
    request.wish.order = now.named.order;
    node = now.named.node;
  }
  // Who frees memory must not wait for it.
  request.may_use_reserves = act().kind != ActivityKind::kOperation;
  if (request.may_use_reserves) request.wish.gfp = Gfp(request.wish.gfp.bits() & ~kGfpWait.bits());
  if (e.order.raw() != request.wish.order) return violated(Law::kAnswer, "order", request.wish.order, e.order.raw());
  list_zones(machine.description, machine.nearest_nodes, node, request.cpu, request.wish);
  look_anew(request);
  if (request.wish.may_wait()) court.locks.judge_waiting();
  if (!request.wish.gfp.any(kGfpNofail)) count_towards_failure();
}

void RequestJudge::failure_injected() {
  if (!act().asking.request.injection_due || act().asking.request.injected)
    return violated(Law::kOom1, "fail_next", "not due", "a failure was injected");
  act().asking.request.injected = true;
  note(Law::kRollback1);
}

void RequestJudge::page_refused() {
  Request& request = act().asking.request;
  if (!request.open) return violated(Law::kOom1, "request", "none is open", "refused");
  if (!request.injection_due) judge_page_refusal();
  if (request.injection_due && !request.injected)
    violated(Law::kOom1, "fail_next", "an injected failure", "another refusal");
  act().refusal.any = true;
  act().refusal.slab_page = request.role == Role::kSlab;
  act().asking.in_transit = 0;
  request = Request{};
}

// At some moment since it looked first no zone of the list could give, and every list was empty, if it may wait.
void RequestJudge::judge_page_refusal() {
  Request& request = act().asking.request;
  if (request.may_use_reserves) return;
  if (request.wish.may_wait()) {
    note(Law::kOom2);
    if (!turn_to_draining())
      return violated(Law::kOom1, "refusal", "granted: a zone could give all the time", "refused");
    const std::uint32_t all = (1u << machine.cpus.size()) - 1;
    court.lists.look(act().lists);
    const std::uint32_t emptied = court.lists.emptied(act().lists);
    if (emptied != all) return violated(Law::kOom2, "lists that were emptied", all, emptied);
  }
  look_again(request);
  note(Law::kOom1);
  if (request.always != 0)
    violated(Law::kOom1, "refusal", "granted: " + zone_text(static_cast<unsigned>(std::countr_zero(request.always))) +
             " may give", "refused");
}

// The zone of `frame` against the request's list, watermarks and order of preference.
void RequestJudge::judge_choice_of_zone(std::uint64_t frame, Law otherwise) {
  Request& request = act().asking.request;
  const unsigned zone = machine.frames.zone_of(frame);
  if (zone == kNoZone) return violated(otherwise, "frame", "one that exists", std::to_string(frame));
  if (!request.filling) look_again(request);
  request.filling = true;
  bool listed = false;
  for (unsigned i = 0; i < request.wish.zone_count; ++i) listed |= request.wish.zones[i] == zone;
  if (request.wish.zone_count < machine.frames.zones_existing()) note(Law::kZone1);
  if (!listed) return violated(Law::kZone1, "zone", "one of the request's zone list", zone_text(zone));
  note(Law::kZone2);
  if ((request.may >> zone & 1u) == 0)
    return violated(Law::kZone2, "zone", "one above its watermark and reserve", zone_text(zone));
  if (!claims.has(Claim::kExactZones)) return;
  if (std::popcount(request.may) > 1) note(Law::kZone3);
  for (unsigned i = 0; i < request.wish.zone_count && request.wish.zones[i] != zone; ++i)
    if ((request.always >> request.wish.zones[i] & 1u) != 0)
      return violated(Law::kZone3, "zone", zone_text(request.wish.zones[i]), zone_text(zone));
}

// A request that may wait and that no zone may serve drains every list, once. True: from now on, or already.
bool RequestJudge::turn_to_draining() {
  Activity* const asks = asking();
  if (asks == nullptr) return false;
  Request& request = asks->asking.request;
  if (request.draining) return true;
  if (request.injection_due || request.filling || !request.wish.may_wait()) return false;
  look_again(request);
  if (request.always != 0) return false;
  court.lists.begin_draining(asks->lists);
  return request.draining = true;
}

// Until a page request is answered, nothing happens but what answers it; a request that got nothing says so at once.
void RequestJudge::judge_answering(const Event& e, unsigned traits) {
  if (act().asking.request.open) {
    const bool answers = (traits & kAnswersRequest) != 0 || now.schedule.returns;
    const bool is_lock = (traits & kIsLock) != 0;
    // Who needs a space's lock has it before it asks.
    if (!answers && !(is_lock && e.index != static_cast<unsigned>(LockClass::kSpace)))
      violated(Law::kFrame1, "request", "answered first", std::string(name_of(e.kind)));
  } else if (act().objects.asked.open && (act().refusal.slab_page || act().asking.request.injected)) {
    if (e.kind != EventKind::kObjectRefused)
      violated(Law::kOom1, "object", "refused first", std::string(name_of(e.kind)));
  }
}

void RequestJudge::judge_end() {
  if (act().asking.request.open) return violated(Law::kFrame1, "request", "answered", "still open");
  if (act().asking.request.injection_due) violated(Law::kOom1, "fail_next", "the object request fails", "it went on");
}

}  // namespace mmtwin::model
