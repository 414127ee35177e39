#include "model/judges/leaves.h"

#include <algorithm>

#include "model/court.h"

namespace mmtwin::model {

// How many forks in flight may hold a reference for a mapping that the child does not have yet: that of the first page
// that it lacks.
std::uint64_t LeafJudge::shared_by_others(std::uint64_t frame) const {
  std::uint64_t count = 0;
  for (const Flight& other : flights.parked) {
    if (!is_forking(other) || machine.spaces[other.child].root == 0) continue;
    bool is_found = false;
    const auto look = [&](std::uint64_t page, std::uint64_t entry) {
      if (is_found || machine.maps_zero_page(entry) || present(machine.leaf(other.child, page).entry)) return;
      is_found = true;
      if (frame_in(entry) == frame) ++count;
    };
    machine.for_each_leaf(other.space, 0, machine.user_pages(), look);
  }
  return count;
}

bool LeafJudge::is_forking(const Flight& in_flight) const {
  return in_flight.row.has(kForks) && in_flight.section.is_open;
}

void LeafJudge::leaf_changed(std::uint32_t number, std::uint64_t index, std::uint64_t before, std::uint64_t after) {
  const Table& table = machine.tables.at(number);
  const std::uint64_t page = table.first + index;
  const std::uint32_t space = table.space;
  act().leaves.push_back({space, page, present(before) && !machine.maps_zero_page(before)});
  if (!present(after) && after != 0) return violated(Law::kPt1, "entry", "present or zero", std::to_string(after));
  if ((after & ~kFrameBits & ~kLeafBits) != (present(after) && machine.maps_zero_page(after) ? kBitSpecial : 0))
    return violated(Law::kPt1, "entry", "no bit without meaning, special iff the zero page", std::to_string(after));
  if (present(after)) judge_stored_marks(space, page, before, after);
  if (present(before) && is_more_permissive(before, after)) court.flushes.rights_taken(space, before, page, false);
  const bool same = present(before) && present(after) && frame_in(before) == frame_in(after);
  if (present(before) && machine.frames.at(frame_in(before)).watchers != 0) note(Law::kTlb1);
  if (same) return;
  if (present(after)) {
    court.flushes.judge_break_before_make(space, page, frame_in(after));
    map_leaf(space, page, after);
  }
  if (present(before) && !broken()) unmap_leaf(space, before);
}

// A and D of a leaf that software stored (docs/RULES.md section 4): what walks had set stays, a fork's copy is as dirty
// as the parent's and not accessed yet, and only the access that is being made may be marked ahead of its walk.
void LeafJudge::judge_stored_marks(std::uint32_t space, std::uint64_t page, std::uint64_t before, std::uint64_t after) {
  constexpr std::uint64_t kMarks = kBitAccessed | kBitDirty;
  if (space == now.child && now.child != 0) {
    const std::uint64_t expected = machine.leaf(now.space, page).entry & kBitDirty;
    if ((after & kMarks) != expected) violated(Law::kPt3, "marks of a fork's copy", expected, after & kMarks);
    return;
  }
  const bool same = present(before) && frame_in(before) == frame_in(after);
  const std::uint64_t kept = same ? before & kMarks : 0;
  if ((kept & ~after) != 0) return violated(Law::kPt3, "marks", kept, after & kMarks);
  std::uint64_t may_gain = now.row.has(kIsAccess) ? kBitAccessed : 0;
  if (now.row.has(kStores) && !machine.maps_zero_page(after)) may_gain |= kBitDirty;
  if ((after & kMarks & ~kept & ~may_gain) != 0) violated(Law::kPt3, "marks", kept | may_gain, after & kMarks);
}

// A leaf appears: which frame may it name? Rights are judged when the operation is over.
void LeafJudge::map_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry) {
  const std::uint64_t frame = frame_in(entry);
  note(Law::kIso1);
  const bool is_child = space == now.child && now.child != 0;
  const Ranges* const ranges = ranges_of(is_child ? now.space : space);
  const Range* range = ranges != nullptr ? ranges->find(page * kPage) : nullptr;
  if (range == nullptr) return violated(Law::kIso1, "leaf", "inside a range", "page " + std::to_string(page));
  if (!machine.frames.exists(frame)) return violated(Law::kIso1, "frame", "one that exists", std::to_string(frame));
  if (range->file != 0 || !range->is_private())
    return violated(Law::kIso1, "leaf", "a private anonymous range", "page " + std::to_string(page));
  if (frame == machine.zero_frame) return;
  FrameRecord& record = machine.frames.at(frame);
  if (record.state != FrameState::kUsed || record.role != Role::kAnon)
    return violated(Law::kIso1, "frame", "an anonymous page", std::to_string(frame));
  if (record.object == 0 || machine.pages.at(record.object).mappings == 0) return map_fresh(space, page, frame);
  // A page that exists already: only fork maps it, at the parent's address.
  const LeafPlace parent = is_child ? machine.leaf(now.space, page) : LeafPlace{};
  if (!present(parent.entry) || frame_in(parent.entry) != frame)
    return violated(Law::kIso1, "frame", "the page that belongs here", std::to_string(frame));
  Page& mapped = machine.pages.at(record.object);
  note(Law::kFrame2);
  if (++mapped.mappings > machine.description.reference_cap)
    return violated(Law::kFrame2, "references", "at most " + std::to_string(machine.description.reference_cap),
                    std::to_string(mapped.mappings));
  mapped.exclusive = Exclusive::kNo;
  ++machine.spaces[space].resident_anon;
  report.changed(machine.spaces[space]);
  report.changed(record, frame);
}

// The first mapping of a frame just taken makes it a page: zero, or a copy of what was mapped here.
void LeafJudge::map_fresh(std::uint32_t space, std::uint64_t page, std::uint64_t frame) {
  FrameRecord& record = machine.frames.at(frame);
  FreshFrame* fresh = nullptr;
  for (FreshFrame& f : act().frames.fresh)
    if (f.frame == frame && !f.returned && !f.mapped) fresh = &f;
  AccessedPage* accessed = nullptr;
  for (AccessedPage& a : now.access.pages)
    if (a.page == page && space == now.space) accessed = &a;
  if (fresh == nullptr || accessed == nullptr)
    return violated(Law::kIso1, "leaf", "made by a store to this page", "page " + std::to_string(page));
  note(Law::kIso2);
  if (fresh->copied) {
    if (!present(accessed->entry) || frame_in(accessed->entry) != fresh->from)
      return violated(Law::kIso2, "copy", "of the page that was mapped here",
                      "of frame " + std::to_string(fresh->from));
    if (fresh->outdated) return violated(Law::kContent2, "copy", "of what was last stored here", "older");
  } else if (!record.zeroed) {
    return violated(Law::kIso2, "frame", "zeroed or copied", std::to_string(frame));
  } else if (accessed->mapped != 0) {
    return violated(Law::kContent1, "page", "a copy of what was mapped here", "zero");
  }
  accessed->was_shared = fresh->was_needed || was_shared(*accessed);
  fresh->mapped = true;
  if (record.object == 0) record.object = machine.pages.make(frame);
  Page& made = machine.pages.at(record.object);
  made.mappings = 1;
  ++machine.mapped_pages;
  made.exclusive = Exclusive::kYes;
  ++machine.spaces[space].resident_anon;
  report.changed(machine.spaces[space]);
  report.changed(record, frame);
}

void LeafJudge::unmap_leaf(std::uint32_t space, std::uint64_t entry) {
  const std::uint64_t frame = frame_in(entry);
  if (frame == machine.zero_frame) return;
  FrameRecord& record = machine.frames.at(frame);
  Page& mapped = machine.pages.at(record.object);
  if (mapped.mappings > 1) mapped.shared_until = machine.clock;
  if (--mapped.mappings == 0) --machine.mapped_pages;
  court.flushes.page_unmapped(space, frame);
  if (space == now.child) mapped.exclusive = Exclusive::kUnknown;  // a fork that gives up may have cleared it
  --machine.spaces[space].resident_anon;
  report.changed(machine.spaces[space]);
  report.changed(record, frame);
}

// PERM-2 and COW-1 for one leaf, with the ranges as they are after the operation.
void LeafJudge::judge_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry, const Range*& likely) {
  if (!present(entry)) return;
  report.count_item();
  const bool is_likely = likely != nullptr && page * kPage >= likely->start && page * kPage < likely->end;
  const Ranges* const ranges = is_likely ? nullptr : ranges_of(space);
  if (!is_likely) likely = ranges != nullptr ? ranges->find(page * kPage) : nullptr;
  const Range* range = likely;
  if (range == nullptr) return violated(Law::kIso1, "leaf", "inside a range", "page " + std::to_string(page));
  note(Law::kPerm2);
  if (writable(entry) && user(entry) && !range->prot.any(kProtWrite))
    return violated(Law::kPerm2, "writable", "no", "yes, page " + std::to_string(page));
  if (executable(entry) && user(entry) && !range->prot.any(kProtExec))
    return violated(Law::kPerm2, "executable", "no", "yes, page " + std::to_string(page));
  if (user(entry) && range->prot.empty())
    return violated(Law::kPerm2, "user", "no", "yes, page " + std::to_string(page));
  if (!writable(entry)) return;
  note(Law::kCow1);
  if (machine.maps_zero_page(entry)) return violated(Law::kCow1, "writable", "no: the zero page", "yes");
  Page& mapped = machine.pages.at(machine.frames.at(frame_in(entry)).object);
  if (mapped.mappings > 1)
    return violated(Law::kCow1, "writable", "no: mapped " + std::to_string(mapped.mappings) + " times", "yes");
  if (mapped.exclusive == Exclusive::kNo) return violated(Law::kCow1, "exclusive", "yes", "no");
}

// A span that lost its ranges: no leaf, no table without a range.
void LeafJudge::judge_emptied(const Span& span) {
  if (span.from >= span.to) return;
  note(Law::kIso1);
  judge_no_leaves(now.space, span.from, span.to);
  court.tables.judge_tables_justified(now.space, span.from, span.to);
}

// Whatever leaf changed, wherever it is: its rights are its range's, and no page got lost on the way but those that the
// answer takes away.
void LeafJudge::judge_touched_leaves(const Response& r, const Span& gone) {
  LeafCursor cursor;
  const Range* likely = nullptr;
  for (const LeafTouch& touch : act().leaves) {
    const Space& space = machine.spaces[touch.space];
    if (space.root == 0 || broken()) continue;
    if (cursor.space != touch.space) likely = nullptr;
    const std::uint64_t entry = machine.leaf_entry(cursor, touch.space, touch.page);
    const bool holds_page = present(entry) && !machine.maps_zero_page(entry);
    const bool is_taken_away =
        touch.space == now.space && touch.page * kPage >= gone.from && touch.page * kPage < gone.to;
    if (touch.had_page && !holds_page && !is_taken_away)
      return violated(r.refusal == Refusal::kNone ? Law::kContent1 : Law::kRollback1, "page", "kept",
                      "lost: page " + std::to_string(touch.page));
    judge_leaf(touch.space, touch.page, entry, likely);
  }
}

void LeafJudge::judge_leaves_of(std::uint32_t space, std::uint64_t from, std::uint64_t length) {
  const std::uint64_t to = std::max(from, from + page_ceiling(length));
  const Range* likely = nullptr;
  machine.for_each_leaf(space, from / kPage, to / kPage,
                        [&](std::uint64_t page, std::uint64_t entry) { judge_leaf(space, page, entry, likely); });
}

void LeafJudge::judge_no_leaves(std::uint32_t space, std::uint64_t from, std::uint64_t to) {
  machine.for_each_leaf(space, from / kPage, to / kPage, [&](std::uint64_t page, std::uint64_t) {
    violated(Law::kIso1, "leaf", "none: nothing is mapped here", "page " + std::to_string(page));
  });
}

void LeafJudge::begin_access() {
  const std::uint64_t at = now.named.at;
  for (unsigned i = 0; i < 2; ++i) {
    const std::uint64_t byte = i == 0 ? at : at + (now.named.width - 1);
    if (byte >= machine.geometry->user_end || (i == 1 && page_floor(byte) == page_floor(at))) break;
    now.access.pages.push_back({.page = byte / kPage});
  }
  find_accessed();
}

// What the pages of the access are mapped to now.
void LeafJudge::find_accessed() {
  if (is_killed(now.space)) return;
  for (AccessedPage& accessed : now.access.pages) {
    accessed.entry = machine.leaf(now.space, accessed.page).entry;
    accessed.mapped = 0;
    accessed.looked_at = machine.clock;
    if (!present(accessed.entry) || machine.maps_zero_page(accessed.entry)) continue;
    accessed.mapped = machine.frames.at(frame_in(accessed.entry)).object;
    accessed.others_refer = court.flushes.unmapped_by_others(frame_in(accessed.entry)) != 0;
  }
}

// What the store puts where the TLB leads it.
void LeafJudge::perform_store() {
  for (unsigned i = 0; i < now.named.width; ++i) {
    const std::uint64_t byte = now.named.at + i;
    const std::uint64_t entry = now.access.pages[byte / kPage == now.access.pages[0].page ? 0 : 1].used;
    const std::uint32_t page = machine.maps_zero_page(entry) ? 0 : machine.frames.at(frame_in(entry)).object;
    machine.pages.store(page, byte % kPage, static_cast<std::uint8_t>(now.named.value >> (8 * i)));
  }
  for (const AccessedPage& accessed : now.access.pages) outdate_copies(frame_in(accessed.used));
}

// What others in flight have copied from there, for the same place, and not mapped yet lacks what was just stored.
void LeafJudge::outdate_copies(std::uint64_t original) {
  for (Flight& other : flights.parked) {
    if (other.space != now.space) continue;
    for (FreshFrame& fresh : other.own.frames.fresh)
      if (fresh.copied && fresh.from == original) fresh.outdated = true;
  }
}

// Was the page that an access found shared, or still referred to by who had just unmapped it, at some moment since?
bool LeafJudge::was_shared(const AccessedPage& found) const {
  if (found.mapped == 0) return false;
  const Page& page = machine.pages.at(found.mapped);
  return found.others_refer || page.mappings > 1 || page.shared_until >= found.looked_at ||
         court.flushes.unmapped_by_others(page.frame) != 0;
}

// A page that was stored to: mapped, writable, its own. A shared one is copied (COW-1), unless others have given it up
// since and nobody can read it through what was taken from them; one that was its own all the time is reused (COW-2).
void LeafJudge::end_stored_page(std::uint64_t page, bool stored) {
  const std::uint64_t entry = machine.leaf(now.space, page).entry;
  if (!present(entry) || !writable(entry) || (stored && !dirty(entry)))
    return violated(Law::kPerm1, "stored page", "present, writable, dirty", "entry " + std::to_string(entry));
  if (machine.maps_zero_page(entry)) return violated(Law::kCow1, "stored page", "its own frame", "the zero page");
  FrameRecord& record = machine.frames.at(frame_in(entry));
  Page& mapped = machine.pages.at(record.object);
  for (const AccessedPage& found : now.access.pages) {
    if (found.page != page || found.mapped == 0) continue;
    if (record.object != found.mapped) {
      note(Law::kCow2);
      if (!found.was_shared) return violated(Law::kCow2, "page mapped once", "reused", "copied");
    } else if (mapped.exclusive != Exclusive::kYes) {
      note(Law::kCow1);
      if (mapped.mappings > 1) return violated(Law::kCow1, "shared page", "copied", "stored to in place");
      if (court.flushes.is_being_unmapped(frame_in(entry)))
        return violated(Law::kCow1, "page that another CPU can still read", "copied", "stored to in place");
    }
  }
  if (mapped.exclusive != Exclusive::kYes) report.changed(record, frame_in(entry));
  mapped.exclusive = Exclusive::kYes;
}

// Of a system that does not tell when a fault is over, unless another operation has changed entries since, or before
// and this CPU has not heard of it yet.
void LeafJudge::judge_stored_pages() {
  if (!claims.has(Claim::kTables) || court.commits.were_faults_told()) return;
  const Space& space = machine.spaces[now.space];
  if (space.stored_at > now.began_at && space.stored_by != now.step) return;
  if (court.flushes.is_due(now.cpu, now.space)) return;
  for (const AccessedPage& accessed : now.access.pages) end_stored_page(accessed.page, true);
}

// Has a page that fork shares, and that the child does not have yet, as many references as it may have?
bool LeafJudge::shares_a_page_at_the_cap() {
  const Space& parent = machine.spaces[now.space];
  if (!claims.has(Claim::kTables)) return contract.shares_at_the_cap(parent.handle);
  bool found = false;
  if (parent.root == 0) return found;
  for (const auto& [start, range] : ranges_of(now.space)->all()) {
    if (range.family == 0) continue;
    machine.for_each_leaf(
        now.space, range.start / kPage, range.end / kPage, [&](std::uint64_t page, std::uint64_t entry) {
          if (machine.maps_zero_page(entry)) return;
          if (machine.spaces[now.child].root != 0 && present(machine.leaf(now.child, page).entry)) return;
          // Who is unmapping it still refers to it, who is about to map it does already.
          const std::uint64_t frame = frame_in(entry);
          const std::uint64_t references = machine.pages.at(machine.frames.at(frame).object).mappings +
                                           court.flushes.unmapped_by_others(frame) + shared_by_others(frame);
          found |= references >= machine.description.reference_cap;
        });
  }
  return found;
}

// Every page of a range with a family is in both, read-only in both; no other leaf is in the child. The child's leaves
// are all new, and are judged with the touched ones.
void LeafJudge::judge_fork() {
  const std::uint32_t parent = now.space, child = now.child;
  std::uint64_t expected = 0;
  LeafCursor cursor;
  for (const auto& [start, range] : ranges_of(parent)->all()) {
    if (range.family == 0) continue;
    const Range* likely = &range;
    machine.for_each_leaf(parent, range.start / kPage, range.end / kPage, [&](std::uint64_t page, std::uint64_t entry) {
      ++expected;
      note(Law::kCow1);
      judge_leaf(parent, page, entry, likely);
      const std::uint64_t copy = machine.leaf_entry(cursor, child, page);
      if (!present(copy) || frame_in(copy) != frame_in(entry))
        violated(Law::kContent1, "child's page", "the parent's frame", present(copy) ? "another" : "none");
    });
  }
  std::uint64_t seen = 0;
  machine.for_each_leaf(child, 0, machine.user_pages(), [&](std::uint64_t, std::uint64_t) { ++seen; });
  if (seen != expected) violated(Law::kContent1, "child's pages", expected, seen);
}

}  // namespace mmtwin::model
