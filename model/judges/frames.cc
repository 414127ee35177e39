#include "model/judges/frames.h"

#include <algorithm>

#include "model/court.h"
#include "model/rows/event_rows.h"
#include "model/judges/words.h"

namespace mmtwin::model {

void FrameJudge::frame_taken(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  Request& request = act().asking.request;
  if (!request.open) return violated(Law::kFrame1, "request", "an open one", "none");
  if (request.injection_due) return violated(Law::kOom1, "fail_next", "this request fails", "it took a frame");
  const unsigned order = request.wish.order;
  if (e.order.raw() != order) return violated(Law::kAnswer, "order", order, e.order.raw());
  if (frame % (std::uint64_t{1} << order) != 0)
    return violated(Law::kBuddy1, "frame", "a multiple of the block's size", std::to_string(frame));
  if (!machine.frames.exists(frame)) return violated(Law::kFrame1, "frame", "one that exists", std::to_string(frame));
  court.requests.judge_choice_of_zone(frame, Law::kFrame1);
  if (broken()) return;
  note(Law::kFrame1);
  note(Law::kBuddy1);
  FrameRecord& record = machine.frames.at(frame);
  if (order == 0 && claims.has(Claim::kCpuLists)) {
    if (request.filled != request.fill_wanted && request.fill_is_known)
      return violated(Law::kPcp2, "frames filled", request.fill_wanted, request.filled);
    if (record.state != FrameState::kListed || record.cpu != request.cpu)
      return violated(record.state == FrameState::kUsed ? Law::kFrame1 : Law::kPcp1, "frame",
                      "on the list of CPU " + std::to_string(request.cpu), std::to_string(frame));
    note(Law::kPcp1);
    machine.frames.unlist(frame);
  } else {
    if (!machine.frames.is_free_block(frame, order))
      return violated(Law::kFrame1, "frame", "a free block of order " + std::to_string(order), std::to_string(frame));
    machine.frames.take(frame, order);
  }
  adopt_taken(frame, order);
  request.open = false;
  act().asking.in_transit = 0;
}

// The block is the requester's from now on. Exact blocks are single frames at once.
void FrameJudge::adopt_taken(std::uint64_t frame, unsigned order) {
  const Role role = act().asking.request.role;
  const bool exact = role == Role::kBlock && now.row.has(kTakesExact);
  const std::uint64_t count = std::uint64_t{1} << order;
  const std::uint64_t records = exact ? count : 1;
  for (std::uint64_t i = 0; i < records; ++i) {
    FrameRecord& record = machine.frames.at(frame + i);
    record.state = FrameState::kUsed;
    record.role = role;
    record.order = static_cast<std::uint8_t>(exact ? 0 : order);
    record.boot = now.boot;
    record.zeroed = false;
    record.linked = false;
    record.object = 0;
    report.changed(record, frame + i);
    report.count_item();
  }
  if (!now.boot) machine.used_by_role[static_cast<unsigned>(role)] += count;
  if (role == Role::kSlab) {
    act().objects.took_slab = act().objects.asked.got_page = true;
    if (act().asking.request.cache >= kCaches)
      return violated(Law::kFrame1, "cache", "a known one", std::to_string(act().asking.request.cache));
    if (!now.boot) ++machine.slab_frames[act().asking.request.cache];
    machine.frames.at(frame).object = static_cast<std::uint32_t>(act().asking.request.cache);
  }
  if (role == Role::kTable || role == Role::kRootTable) {
    const std::uint32_t table = machine.tables.make(frame);
    machine.frames.at(frame).object = table;
    if (role == Role::kRootTable) {
      const std::uint32_t owner = now.boot ? kKernel : now.child;
      machine.tables.place(table, owner, machine.geometry->levels - 1, 0, 0);
      machine.frames.at(frame).linked = true;
      if (now.boot) {
        machine.kernel_root = frame;
      } else if (owner == 0 || machine.spaces[owner].root != 0) {
        return violated(Law::kPt1, "root table", "asked for by create or fork, once", "another");
      } else {
        machine.spaces[owner].root = table;
        machine.spaces[owner].tables = 1;
      }
    }
  }
  if (role == Role::kZeroPage) machine.zero_frame = frame;
  if (role != Role::kBlock && role != Role::kSlab) act().frames.bare = frame;
  act().frames.fresh.push_back({frame, count, false, 0, false});
}

// Is the block its returner's to return, and does nothing refer to it any more?
bool FrameJudge::may_be_returned(const Event& e, const FrameRecord& record) {
  const std::uint64_t frame = e.frame.raw();
  if (record.state != FrameState::kUsed || record.boot) {
    violated(Law::kFrame1, "frame", "a used block", std::to_string(frame));
    return false;
  }
  if (record.order != e.order.raw()) {
    violated(Law::kFrame1, "order", record.order, e.order.raw());
    return false;
  }
  note(Law::kFrame3);
  if (record.role == Role::kAnon && record.object != 0 && machine.pages.at(record.object).mappings != 0) {
    violated(Law::kFrame3, "mappings", 0, machine.pages.at(record.object).mappings);
    return false;
  }
  const bool is_table = record.role == Role::kTable || record.role == Role::kRootTable;
  if (is_table) {
    const Table& table = machine.tables.at(record.object);
    if ((record.linked && record.role == Role::kTable) || table.present != 0) {
      violated(Law::kFrame3, "table", "unlinked and empty", record.linked ? "linked" : "not empty");
      return false;
    }
  }
  if (record.watchers != 0) note(Law::kTlb2);
  if ((record.watchers != 0 || record.role == Role::kRootTable) && machine.is_usable_somewhere(frame, is_table)) {
    violated(Law::kTlb2, "frame", "no CPU can use it without a flush", "cached: frame " + std::to_string(frame));
    return false;
  }
  if (!is_its_return(frame, record)) {
    violated(Law::kFrame1, "frame", "kept by its owner", "returned: " + std::to_string(frame));
    return false;
  }
  return true;
}

// Blocks go by their handle or as the tail of an exact one, roots with their space.
bool FrameJudge::is_its_return(std::uint64_t frame, const FrameRecord& record) const {
  if (record.role == Role::kBlock) {
    if (now.row.has(kFreesBlock)) return frame >= now.block.frame && frame - now.block.frame < now.block.pages;
    return now.row.has(kTakesExact) && !act().frames.fresh.empty() && frame >= act().frames.fresh[0].frame &&
           frame - act().frames.fresh[0].frame < std::uint64_t{1} << act().asking.request.wish.order;
  }
  if (record.role == Role::kSlab)
    return !claims.has(Claim::kObjects) || now.row.has(kShrinks) || act().objects.returned[record.object] != 0;
  if (record.role != Role::kRootTable) return true;
  const std::uint32_t space = machine.tables.at(record.object).space;
  return space == now.child || (space == now.space && (now.killed || now.row.has(kEndsSpace)));
}

// What the owner of a returned block keeps about it is forgotten.
void FrameJudge::release_owner(std::uint64_t frame, FrameRecord& record) {
  machine.used_by_role[static_cast<unsigned>(record.role)] -= std::uint64_t{1} << record.order;
  if (record.role == Role::kBlock) ++act().frames.returned_heads;
  if (record.role == Role::kAnon && record.object != 0) machine.pages.drop(record.object);
  if (record.role == Role::kTable) machine.tables.drop(record.object);
  if (record.role == Role::kRootTable) {
    Space& space = machine.spaces[machine.tables.at(record.object).space];
    space.root = 0;
    space.tables = 0;
    machine.tables.drop(record.object);
  }
  if (record.role == Role::kSlab) {
    --machine.slab_frames[record.object];
    court.objects.judge_slab_room(record.object);
  }
  for (FreshFrame& fresh : act().frames.fresh)
    if (fresh.frame == frame) fresh.returned = true;
  record.object = 0;
}

void FrameJudge::frame_returned(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!machine.frames.exists(frame)) return violated(Law::kFrame1, "frame", "one that exists", std::to_string(frame));
  FrameRecord& record = machine.frames.at(frame);
  if (!may_be_returned(e, record)) return;
  const unsigned order = record.order;
  release_owner(frame, record);
  record.state = FrameState::kFree;
  record.role = Role::kNone;
  if (order == 0 && claims.has(Claim::kCpuLists)) {
    const std::uint32_t length = machine.frames.zone(record.zone).listed[now.cpu];
    if (act().lists.overflow_left != 0 || length > machine.description.pcp_high)
      return violated(Law::kPcp2, "list length", "at most " + std::to_string(machine.description.pcp_high),
                      std::to_string(length));
    machine.frames.list(frame, e.cpu.raw());
    act().lists.grown |= 1u << e.cpu.raw();
  } else {
    machine.frames.give_back(frame, order);
    act().asking.in_transit |= 1u << record.zone;
    act().asking.frames_in_transit = std::uint64_t{1} << order;
    note(Law::kBuddy2);
  }
  report.changed(record, frame);
  report.count_item();
}

// Part of the request that asked for it: once, and nothing that was not asked for.
void FrameJudge::frame_zeroed(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!machine.frames.exists(frame)) return violated(Law::kIso2, "frame", "one that exists", std::to_string(frame));
  FrameRecord& record = machine.frames.at(machine.frames.used_head(frame));
  if (record.state != FrameState::kUsed) return violated(Law::kFrame1, "frame", "a used one", std::to_string(frame));
  const FreshFrame* fresh = fresh_around(frame);
  bool is_asked = fresh != nullptr && !fresh->copied && record.role != Role::kSlab;
  if (now.row.has(kTakesBlock)) is_asked = is_asked && now.named.gfp.any(kGfpZero);
  if (!is_asked || (record.order == 0 && record.zeroed))
    return violated(Law::kIso2, "frame", "zeroed once, by the request that asked for it", std::to_string(frame));
  if (record.order == 0) record.zeroed = true;
  act().frames.zeroed.push_back(frame);
  report.count_item();
}

FreshFrame* FrameJudge::fresh_around(std::uint64_t frame) {
  for (auto fresh = act().frames.fresh.rbegin(); fresh != act().frames.fresh.rend(); ++fresh)
    if (frame >= fresh->frame && frame - fresh->frame < fresh->count) return fresh->returned ? nullptr : &*fresh;
  return nullptr;
}

void FrameJudge::frame_copied(const Event& e) {
  report.count_item();
  FreshFrame* const fresh = fresh_around(e.frame.raw());
  if (fresh == nullptr || fresh->copied || machine.frames.at(fresh->frame).role != Role::kAnon ||
      machine.frames.at(fresh->frame).zeroed)
    return violated(Law::kIso2, "frame", "copied once, to a frame just taken", std::to_string(e.frame.raw()));
  fresh->copied = true;
  fresh->from = e.place;
  if (claims.has(Claim::kTables)) make_copy(*fresh);
}

// The page that the frame holds from now on, mapped or not: what its original holds now. Once the leaf here is cleared,
// who else maps the original may store to that in place.
void FrameJudge::make_copy(FreshFrame& fresh) {
  const auto lies_there = [&](const AccessedPage& accessed) {
    const std::uint64_t entry = machine.leaf(now.space, accessed.page).entry;
    return present(entry) && frame_in(entry) == fresh.from;
  };
  const auto accessed = std::find_if(now.access.pages.begin(), now.access.pages.end(), lies_there);
  if (accessed == now.access.pages.end())
    return violated(Law::kIso2, "copy", "of the page that is mapped here", "of frame " + std::to_string(fresh.from));
  const std::uint32_t original = fresh.from == machine.zero_frame ? 0 : machine.frames.at(fresh.from).object;
  fresh.was_needed =
      original != 0 && (machine.pages.at(original).mappings > 1 || court.leaves.was_shared(*accessed));
  machine.frames.at(fresh.frame).object = machine.pages.copy(original, fresh.frame);
}

void FrameJudge::judge_end() {
  if (broken()) return;
  if (act().frames.bare != kNoFrame)
    return violated(Law::kIso2, "frame", "zeroed or copied to", std::to_string(act().frames.bare));
  if (flights.parked.empty() && act().kind == ActivityKind::kOperation) judge_kept_frames();
}

// ROLLBACK-2: anonymous frames are mapped, tables are linked, slab frames hold objects.
void FrameJudge::judge_kept_frames() {
  const std::uint64_t anon = machine.used_by_role[static_cast<unsigned>(Role::kAnon)];
  const std::uint64_t lower_tables = machine.used_by_role[static_cast<unsigned>(Role::kTable)];
  if (act().refusal.any) note(Law::kRollback2);
  const bool knows_tables = claims.has(Claim::kTables);
  if (knows_tables && anon != machine.mapped_pages)
    return violated(Law::kRollback2, "anonymous frames", machine.mapped_pages, anon);
  if (knows_tables && lower_tables != machine.linked_tables)
    return violated(Law::kRollback2, "tables", machine.linked_tables, lower_tables);
  if (!act().objects.took_slab || now.boot) return;
  for (unsigned cache = 0; cache < kCaches; ++cache) {
    const std::uint64_t most =
        (claims.has(Claim::kObjects) ? machine.objects[cache] : court.objects.live_objects(cache)) + 1;
    if (machine.slab_frames[cache] > most)
      violated(Law::kRollback2, "slab frames", "at most " + std::to_string(most),
               std::to_string(machine.slab_frames[cache]) + " in " + std::string(kCacheNames[cache]));
  }
}

void FrameJudge::judge_bare(const Event& e, unsigned traits) {
  if (act().frames.bare == kNoFrame) return;
  if ((traits & kFillsFrame) == 0 || e.frame.raw() != act().frames.bare)
    violated(Law::kIso2, "frame", "zeroed or copied to at once", std::string(name_of(e.kind)));
  act().frames.bare = kNoFrame;
}

}  // namespace mmtwin::model
