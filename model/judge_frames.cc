// Physical events: requests, lists, frames taken and returned.
#include <algorithm>
#include <bit>

#include "model/state.h"

namespace mmtwin::model {

namespace {

std::string zone_text(unsigned zone) {
  if (zone == kNoZone) return "no zone";
  return "node " + std::to_string(zone / kZoneKinds) + " " + std::string(kZoneKindNames[zone % kZoneKinds]);
}

}  // namespace

void State::count_towards_failure() {
  if (fail_countdown == 0) return;
  if (--fail_countdown == 0) now.request.injection_due = true;
}

// Who asks, in which operation: docs/RULES.md section 2.
bool State::may_ask(Role role, std::uint64_t cache) const {
  switch (role) {
    case Role::kNone: return false;
    case Role::kBlock: return is<PagesAlloc>() || is<PagesAllocExact>();
    case Role::kZeroPage: return now.boot;
    case Role::kRootTable: return now.boot || (now.child != 0 && spaces[now.child].root == 0);
    case Role::kTable:
      if (!claims.has(Claim::kTranslations)) return is<SpaceFork>() || is_access();
      return is<SpaceFork>() || (now.fault_page != kNoFrame && misses_table(now.fault_page));
    case Role::kAnon:
      return is<MemoryStore>() && (now.fault_page != kNoFrame || !claims.has(Claim::kTranslations));
    case Role::kSlab: return now.boot || (now.object.open && !now.object.asked_page && now.object.cache == cache);
  }
  return false;
}

void State::page_requested(const Event& e) {
  if (now.request.open) return find(Law::kFrame1, "request", "one request at a time", "a second one");
  if (now.request.injection_due) return find(Law::kOom1, "fail_next", "the object request fails", "it went on");
  if (!may_ask(e.role, e.place))
    return find(Law::kFrame1, "role", "one that may ask", std::to_string(static_cast<unsigned>(e.role)));
  if (e.role == Role::kSlab && !now.boot && !now.overlapped && has_free_object(e.place))
    return find(Law::kSlub2, "slab frame", "asked for when the cache has no free object", cache_text(e.place));
  now.object.asked_page = e.role == Role::kSlab;
  now.object.open = now.object.open && now.object.asked_page;  // whoever goes on has got the object
  Request& request = now.request;
  request = Request{};
  request.open = true;
  request.role = e.role;
  request.cpu = e.cpu.raw();
  request.cache = e.place;
  request.wish.order = 0;
  NodeId node = kAnyNode;
  request.wish.gfp = flags_of_role(e.role);
  if (e.role == Role::kBlock) {
    if (const auto* op = std::get_if<PagesAlloc>(&now.operation)) {
      request.wish.gfp = op->gfp.value();
      request.wish.order = op->order.raw();
      node = op->node.value();
    } else if (const auto* exact = std::get_if<PagesAllocExact>(&now.operation)) {
      request.wish.gfp = exact->gfp.value();
      request.wish.order = static_cast<unsigned>(std::bit_width(exact->pages.raw() - 1));
      node = exact->node.value();
    }
  }
  if (e.order.raw() != request.wish.order) return find(Law::kAnswer, "order", request.wish.order, e.order.raw());
  list_zones(machine, nearest_nodes, node, request.cpu, request.wish);
  look(frames, request);
  if (now.overlapped) look_again();
  if (request.wish.may_wait()) judge_waiting();
  if (!request.wish.gfp.any(kGfpNofail)) count_towards_failure();
}

void State::failure_injected() {
  if (!now.request.injection_due || now.request.injected)
    return find(Law::kOom1, "fail_next", "not due", "a failure was injected");
  now.request.injected = true;
  note(Law::kRollback1);
}

void State::page_refused() {
  Request& request = now.request;
  if (!request.open) return find(Law::kOom1, "request", "none is open", "refused");
  if (!request.injection_due) judge_page_refusal();
  if (request.injection_due && !request.injected)
    find(Law::kOom1, "fail_next", "an injected failure", "another refusal");
  now.refused = true;
  now.slab_page_refused = request.role == Role::kSlab;
  now.in_transit = 0;
  request = Request{};
}

// No zone of the list may give, and every list was drained first if the request may wait.
void State::judge_page_refusal() {
  Request& request = now.request;
  if (now.overlapped) {  // others may fill and empty lists and zones between two looks
    note(Law::kOom1);
    if (request.always != 0) find(Law::kOom1, "refusal", "granted: a zone could give all the time", "refused");
    return;
  }
  if (request.wish.may_wait()) {
    note(Law::kOom2);
    if (frames.total_listed() != 0) find(Law::kOom2, "listed frames", 0, frames.total_listed());
  }
  look(frames, request);
  note(Law::kOom1);
  if (request.first >= 0)
    find(Law::kOom1, "refusal", "granted: " + zone_text(static_cast<unsigned>(request.first)) + " may give", "refused");
}

// The zone of `frame` against the request's list, watermarks and order of preference.
void State::judge_choice_of_zone(std::uint64_t frame, Law otherwise) {
  Request& request = now.request;
  const unsigned zone = frames.zone_of(frame);
  if (zone == kNoZone) return find(otherwise, "frame", "one that exists", std::to_string(frame));
  if (!request.filling && now.overlapped)
    look_again();
  else if (!request.filling && request.first < 0)
    look(frames, request);  // after the drain
  request.filling = true;
  bool listed = false;
  for (unsigned i = 0; i < request.wish.zone_count; ++i) listed |= request.wish.zones[i] == zone;
  if (request.wish.zone_count < frames.zones_existing()) note(Law::kZone1);
  if (!listed) return find(Law::kZone1, "zone", "one of the request's zone list", zone_text(zone));
  note(Law::kZone2);
  if ((request.may >> zone & 1u) == 0)
    return find(Law::kZone2, "zone", "one above its watermark and reserve", zone_text(zone));
  if (claims.has(Claim::kExactZones) && now.overlapped) {
    for (unsigned i = 0; i < request.wish.zone_count && request.wish.zones[i] != zone; ++i)
      if ((request.always >> request.wish.zones[i] & 1u) != 0)
        return find(Law::kZone3, "zone", zone_text(request.wish.zones[i]), zone_text(zone));
  } else if (claims.has(Claim::kExactZones)) {
    if (std::popcount(request.may) > 1) note(Law::kZone3);
    if (static_cast<unsigned>(request.first) != zone)
      find(Law::kZone3, "zone", zone_text(static_cast<unsigned>(request.first)), zone_text(zone));
  }
}

void State::list_filled(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  const Request& request = now.request;
  if (!request.open || request.injection_due || request.wish.order != 0 || e.index != request.cpu)
    return find(Law::kPcp1, "list", "filled only by an order-0 request of its CPU", "filled");
  if (!frames.exists(frame) || !frames.is_free(frame))
    return find(Law::kPcp1, "frame", "a free one", std::to_string(frame));
  judge_choice_of_zone(frame, Law::kPcp1);
  if (broken()) return;
  const Zone& zone = frames.zone(frames.zone_of(frame));
  if (request.filled == 0) {
    if (zone.listed[e.index] != 0) return find(Law::kPcp2, "filled list", 0, zone.listed[e.index]);
    now.request.fill_wanted = std::min<std::uint64_t>(machine.pcp_batch, zone.free);
  }
  note(Law::kPcp2);
  if (++now.request.filled > request.fill_wanted)
    return find(Law::kPcp2, "frames filled", request.fill_wanted, request.filled);
  judge_protected(LockClass::kZone, frames.zone_of(frame));
  frames.take(frame, 0);
  frames.list(frame, e.index);
  changed(frames.at(frame), frame);
  now.lists_grown |= 1u << e.index;
  note(Law::kPcp1);
  ++items;
}

// A request that may wait and that no zone may serve drains every list, once.
bool State::starts_draining() {
  Request& request = now.request;
  if (request.draining) return true;
  if (!request.open || request.injection_due || request.filling || !request.wish.may_wait()) return false;
  if (now.overlapped) return request.draining = request.always == 0;
  look(frames, request);
  return request.draining = request.first < 0;
}

// A list is drained by its own CPU: because that was asked for, for a request that fails otherwise, or because it grew
// too long, and then by a whole batch.
void State::judge_drain(const Event& e, unsigned zone) {
  if (e.cpu.raw() != e.index) return find(Law::kCpu1, "drained list", e.cpu.raw(), e.index);
  note(Law::kPcp2);
  if (const auto* drain = std::get_if<PagesDrainCpu>(&now.operation)) {
    if (drain->target.raw() != e.index) find(Law::kPcp2, "drained list", drain->target.raw(), e.index);
    return;
  }
  if (starts_draining()) return;
  const std::uint32_t length = frames.zone(zone).listed[e.index];
  if (now.overflow_left == 0) {
    if (length <= machine.pcp_high)
      return find(Law::kPcp2, "list", "drained when too long or asked for", "drained");
    now.overflow_left = std::min<std::uint32_t>(machine.pcp_batch, length);
    now.overflow_zone = zone;
  }
  if (now.overflow_zone != zone) return find(Law::kPcp2, "zone", zone_text(now.overflow_zone), zone_text(zone));
  --now.overflow_left;
}

void State::list_drained(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!frames.exists(frame)) return find(Law::kPcp1, "frame", "one that exists", std::to_string(frame));
  FrameRecord& record = frames.at(frame);
  if (record.state != FrameState::kListed || record.cpu != e.index)
    return find(Law::kPcp1, "frame", "on the list of CPU " + std::to_string(e.index), std::to_string(frame));
  judge_drain(e, record.zone);
  judge_protected(LockClass::kZone, record.zone);
  if (broken()) return;
  frames.unlist(frame);
  frames.give_back(frame, 0);
  changed(record, frame);
  now.drained = true;
  ++items;
}

void State::frame_taken(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  Request& request = now.request;
  if (!request.open) return find(Law::kFrame1, "request", "an open one", "none");
  if (request.injection_due) return find(Law::kOom1, "fail_next", "this request fails", "it took a frame");
  const unsigned order = request.wish.order;
  if (e.order.raw() != order) return find(Law::kAnswer, "order", order, e.order.raw());
  if (frame % (std::uint64_t{1} << order) != 0)
    return find(Law::kBuddy1, "frame", "a multiple of the block's size", std::to_string(frame));
  if (!frames.exists(frame)) return find(Law::kFrame1, "frame", "one that exists", std::to_string(frame));
  judge_choice_of_zone(frame, Law::kFrame1);
  if (broken()) return;
  note(Law::kFrame1);
  note(Law::kBuddy1);
  FrameRecord& record = frames.at(frame);
  if (order == 0 && claims.has(Claim::kCpuLists)) {
    if (request.filled != request.fill_wanted && !now.overlapped)  // others may be giving back what is counted
      return find(Law::kPcp2, "frames filled", request.fill_wanted, request.filled);
    if (record.state != FrameState::kListed || record.cpu != request.cpu)
      return find(record.state == FrameState::kUsed ? Law::kFrame1 : Law::kPcp1, "frame",
                  "on the list of CPU " + std::to_string(request.cpu), std::to_string(frame));
    note(Law::kPcp1);
    frames.unlist(frame);
  } else {
    if (!frames.is_free_block(frame, order))
      return find(Law::kFrame1, "frame", "a free block of order " + std::to_string(order), std::to_string(frame));
    frames.take(frame, order);
  }
  adopt_taken(frame, order);
  request.open = false;
  now.in_transit = 0;
}

// The block is the requester's from now on. Exact blocks are single frames at once.
void State::adopt_taken(std::uint64_t frame, unsigned order) {
  const Role role = now.request.role;
  const bool exact = role == Role::kBlock && std::holds_alternative<PagesAllocExact>(now.operation);
  const std::uint64_t count = std::uint64_t{1} << order;
  const std::uint64_t records = exact ? count : 1;
  for (std::uint64_t i = 0; i < records; ++i) {
    FrameRecord& record = frames.at(frame + i);
    record.state = FrameState::kUsed;
    record.role = role;
    record.order = static_cast<std::uint8_t>(exact ? 0 : order);
    record.boot = now.boot;
    record.zeroed = false;
    record.linked = false;
    record.object = 0;
    changed(record, frame + i);
    items += 1;
  }
  if (!now.boot) used_by_role[static_cast<unsigned>(role)] += count;
  if (role == Role::kSlab) {
    now.took_slab = now.object.got_page = true;
    if (now.request.cache >= kCaches)
      return find(Law::kFrame1, "cache", "a known one", std::to_string(now.request.cache));
    if (!now.boot) ++slab_frames[now.request.cache];
    frames.at(frame).object = static_cast<std::uint32_t>(now.request.cache);
  }
  if (role == Role::kTable || role == Role::kRootTable) {
    const std::uint32_t table = tables.make(frame);
    frames.at(frame).object = table;
    if (role == Role::kRootTable) {
      const std::uint32_t owner = now.boot ? kKernel : now.child;
      tables.place(table, owner, geometry->levels - 1, 0, 0);
      frames.at(frame).linked = true;
      if (now.boot) {
        kernel_root = frame;
      } else if (owner == 0 || spaces[owner].root != 0) {
        return find(Law::kPt1, "root table", "asked for by create or fork, once", "another");
      } else {
        spaces[owner].root = table;
        spaces[owner].tables = 1;
      }
    }
  }
  if (role == Role::kZeroPage) zero_frame = frame;
  if (role != Role::kBlock && role != Role::kSlab) now.bare = frame;
  now.fresh.push_back({frame, count, false, 0, false});
}

// Is the block its returner's to return, and does nothing refer to it any more?
bool State::may_be_returned(const Event& e, const FrameRecord& record) {
  const std::uint64_t frame = e.frame.raw();
  if (record.state != FrameState::kUsed || record.boot) {
    find(Law::kFrame1, "frame", "a used block", std::to_string(frame));
    return false;
  }
  if (record.order != e.order.raw()) {
    find(Law::kFrame1, "order", record.order, e.order.raw());
    return false;
  }
  note(Law::kFrame3);
  if (record.role == Role::kAnon && record.object != 0 && pages.at(record.object).mappings != 0) {
    find(Law::kFrame3, "mappings", 0, pages.at(record.object).mappings);
    return false;
  }
  const bool is_table = record.role == Role::kTable || record.role == Role::kRootTable;
  if (is_table) {
    const Table& table = tables.at(record.object);
    if ((record.linked && record.role == Role::kTable) || table.present != 0) {
      find(Law::kFrame3, "table", "unlinked and empty", record.linked ? "linked" : "not empty");
      return false;
    }
  }
  if (record.watchers != 0) note(Law::kTlb2);
  if ((record.watchers != 0 || record.role == Role::kRootTable) && usable_somewhere(frame, is_table)) {
    find(Law::kTlb2, "frame", "no CPU can use it without a flush", "cached: frame " + std::to_string(frame));
    return false;
  }
  if (!is_its_return(frame, record)) {
    find(Law::kFrame1, "frame", "kept by its owner", "returned: " + std::to_string(frame));
    return false;
  }
  return true;
}

// Blocks go by their handle or as the tail of an exact one, roots with their space.
bool State::is_its_return(std::uint64_t frame, const FrameRecord& record) const {
  if (record.role == Role::kBlock) {
    if (is<PagesFree>()) return frame >= now.block.frame && frame - now.block.frame < now.block.pages;
    return std::holds_alternative<PagesAllocExact>(now.operation) && !now.fresh.empty() &&
           frame >= now.fresh[0].frame && frame - now.fresh[0].frame < std::uint64_t{1} << now.request.wish.order;
  }
  if (record.role == Role::kSlab)
    return !claims.has(Claim::kObjects) || is<SlabShrink>() || now.returned_objects[record.object] != 0;
  if (record.role != Role::kRootTable) return true;
  const std::uint32_t space = tables.at(record.object).space;
  return space == now.child || (space == now.space && (now.killed || std::holds_alternative<SpaceExit>(now.operation)));
}

// What the owner of a returned block keeps about it is forgotten.
void State::release_owner(std::uint64_t frame, FrameRecord& record) {
  used_by_role[static_cast<unsigned>(record.role)] -= std::uint64_t{1} << record.order;
  if (record.role == Role::kBlock) ++now.returned_heads;
  if (record.role == Role::kAnon && record.object != 0) pages.drop(record.object);
  if (record.role == Role::kTable) tables.drop(record.object);
  if (record.role == Role::kRootTable) {
    Space& space = spaces[tables.at(record.object).space];
    space.root = 0;
    space.tables = 0;
    tables.drop(record.object);
  }
  if (record.role == Role::kSlab) {
    --slab_frames[record.object];
    judge_slab_room(record.object);
  }
  for (FreshFrame& fresh : now.fresh)
    if (fresh.frame == frame) fresh.returned = true;
  record.object = 0;
}

void State::frame_returned(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!frames.exists(frame)) return find(Law::kFrame1, "frame", "one that exists", std::to_string(frame));
  FrameRecord& record = frames.at(frame);
  if (!may_be_returned(e, record)) return;
  const unsigned order = record.order;
  release_owner(frame, record);
  record.state = FrameState::kFree;
  record.role = Role::kNone;
  if (order == 0 && claims.has(Claim::kCpuLists)) {
    const std::uint32_t length = frames.zone(record.zone).listed[now.cpu];
    if (now.overflow_left != 0 || length > machine.pcp_high)
      return find(Law::kPcp2, "list length", "at most " + std::to_string(machine.pcp_high), std::to_string(length));
    frames.list(frame, e.cpu.raw());
    now.lists_grown |= 1u << e.cpu.raw();
  } else {
    frames.give_back(frame, order);
    now.in_transit |= 1u << record.zone;
    note(Law::kBuddy2);
  }
  changed(record, frame);
  ++items;
}

// Part of the request that asked for it: once, and nothing that was not asked for.
void State::frame_zeroed(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!frames.exists(frame)) return find(Law::kIso2, "frame", "one that exists", std::to_string(frame));
  FrameRecord& record = frames.at(frames.used_head(frame));
  if (record.state != FrameState::kUsed) return find(Law::kFrame1, "frame", "a used one", std::to_string(frame));
  const FreshFrame* fresh = fresh_around(frame);
  bool is_asked = fresh != nullptr && !fresh->copied && record.role != Role::kSlab;
  if (const auto* op = std::get_if<PagesAlloc>(&now.operation)) is_asked = is_asked && op->gfp.any(kGfpZero);
  if (const auto* op = std::get_if<PagesAllocExact>(&now.operation)) is_asked = is_asked && op->gfp.any(kGfpZero);
  if (!is_asked || (record.order == 0 && record.zeroed))
    return find(Law::kIso2, "frame", "zeroed once, by the request that asked for it", std::to_string(frame));
  if (record.order == 0) record.zeroed = true;
  now.zeroed.push_back(frame);
  ++items;
}

FreshFrame* State::fresh_around(std::uint64_t frame) {
  for (auto fresh = now.fresh.rbegin(); fresh != now.fresh.rend(); ++fresh)
    if (frame >= fresh->frame && frame - fresh->frame < fresh->count) return fresh->returned ? nullptr : &*fresh;
  return nullptr;
}

void State::frame_copied(const Event& e) {
  ++items;
  FreshFrame* const fresh = fresh_around(e.frame.raw());
  if (fresh == nullptr || fresh->copied || frames.at(fresh->frame).role != Role::kAnon ||
      frames.at(fresh->frame).zeroed)
    return find(Law::kIso2, "frame", "copied once, to a frame just taken", std::to_string(e.frame.raw()));
  fresh->copied = true;
  fresh->from = e.place;
  if (claims.has(Claim::kTables)) make_copy(*fresh);
}

// The page that the frame holds from now on, mapped or not: what its original held when it was copied. Once its own
// leaf is cleared, who else maps the original may store to that in place.
void State::make_copy(FreshFrame& fresh) {
  if (!is_accessed_in(fresh.from))
    return find(Law::kIso2, "copy", "of the page that is mapped here", "of frame " + std::to_string(fresh.from));
  const std::uint32_t original = fresh.from == zero_frame ? 0 : frames.at(fresh.from).object;
  fresh.stores = original == 0 ? 0 : pages.at(original).stores;
  frames.at(fresh.frame).object = pages.copy(original, fresh.frame);
}

// Is the frame the one that a page of the access is mapped to, or was until the operation cleared its leaf?
bool State::is_accessed_in(std::uint64_t frame) {
  return std::any_of(now.accessed.begin(), now.accessed.end(), [&](const AccessedPage& accessed) {
    const std::uint64_t entry = leaf(now.space, accessed.page).entry;
    if (present(entry)) return frame_in(entry) == frame;
    return present(accessed.entry) && frame_in(accessed.entry) == frame &&
           (frame == zero_frame || (frames.at(frame).role == Role::kAnon && frames.at(frame).object != 0));
  });
}

// PCP-2 and the bound on slab frames, at the end of every operation.
void State::end_of_physical() {
  if (now.request.open) return find(Law::kFrame1, "request", "answered", "still open");
  if (now.request.injection_due) return find(Law::kOom1, "fail_next", "the object request fails", "it went on");
  if (now.bare != kNoFrame) return find(Law::kIso2, "frame", "zeroed or copied to", std::to_string(now.bare));
  if (now.overflow_left != 0) return find(Law::kPcp2, "frames still to drain", 0, now.overflow_left);
  if (now.lists_grown != 0) {
    for (unsigned z = 0; z < kMaxZones; ++z) {
      const Zone& zone = frames.zone(z);
      if (!zone.exists()) continue;
      for (unsigned c = 0; c < machine.cpus; ++c) {
        if ((now.lists_grown >> c & 1u) == 0) continue;
        if (zone.listed[c] >= machine.pcp_high) note(Law::kPcp2);
        if (zone.listed[c] > machine.pcp_high)
          return find(Law::kPcp2, "list length", "at most " + std::to_string(machine.pcp_high),
                      std::to_string(zone.listed[c]));
      }
    }
  }
  if (parked.empty()) judge_kept_frames();
}

// ROLLBACK-2: anonymous frames are mapped, tables are linked, slab frames hold objects.
void State::judge_kept_frames() {
  const std::uint64_t anon = used_by_role[static_cast<unsigned>(Role::kAnon)];
  const std::uint64_t lower_tables = used_by_role[static_cast<unsigned>(Role::kTable)];
  if (now.refused) note(Law::kRollback2);
  const bool knows_tables = claims.has(Claim::kTables);
  if (knows_tables && anon != mapped_pages) return find(Law::kRollback2, "anonymous frames", mapped_pages, anon);
  if (knows_tables && lower_tables != linked_tables)
    return find(Law::kRollback2, "tables", linked_tables, lower_tables);
  if (!now.took_slab || now.boot) return;
  for (unsigned cache = 0; cache < kCaches; ++cache) {
    const std::uint64_t most = (claims.has(Claim::kObjects) ? objects[cache] : live_objects(cache)) + 1;
    if (slab_frames[cache] > most)
      find(Law::kRollback2, "slab frames", "at most " + std::to_string(most),
           std::to_string(slab_frames[cache]) + " in " + std::string(kCacheNames[cache]));
  }
}

}  // namespace mmtwin::model
