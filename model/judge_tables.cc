// Page-table events: links, leaves, and what a leaf must look like once an operation is over.
#include "model/state.h"

namespace mmtwin::model {

std::uint32_t State::table_number(std::uint64_t frame) const {
  return const_cast<Frames&>(frames).at(frame).object;  // NOLINT: building a section on demand is not a change
}

LeafPlace State::leaf(std::uint32_t space, std::uint64_t page) const {
  if (spaces[space].root == 0) return {};
  return tables.find(spaces[space].root, page, [this](std::uint64_t frame) { return table_number(frame); });
}

std::uint64_t State::leaf_entry(LeafCursor& cursor, std::uint32_t space, std::uint64_t page) const {
  const std::uint64_t index = geometry->index_of(page, 0);
  if (cursor.space != space || cursor.first_page != page - index)
    cursor = {space, page - index, leaf(space, page).table};
  return cursor.table != 0 ? tables.at(cursor.table).entries[index] : 0;
}

bool State::maps_zero_page(std::uint64_t entry) const { return frame_in(entry) == zero_frame; }

void State::table_store(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  ++items;
  if (!frames.exists(frame)) return find(Law::kPt1, "table", "one that exists", std::to_string(frame));
  const FrameRecord& record = frames.at(frame);
  const bool is_table = record.role == Role::kTable || record.role == Role::kRootTable;
  if (record.state != FrameState::kUsed || !is_table)
    return find(Law::kPt1, "table", "a frame taken for a table", std::to_string(frame));
  if (!record.zeroed || !record.linked)
    return find(Law::kPt1, "table", "zeroed, then linked, then filled", std::to_string(frame));
  Table& table = tables.at(record.object);
  if (e.index >= table.entries.size()) return find(Law::kPt1, "index", "inside the table", std::to_string(e.index));
  // Nobody but who names a space may have its lock; a child that is being made needs none.
  if (table.space == now.space)
    judge_protected(LockClass::kSpace, 0);
  else if (now.child == 0 || table.space != now.child)
    return find(Law::kLock4, "table", "of the space that the operation names or makes", "another's");
  if (table.level > 0) judge_protected(LockClass::kTables, spaces[table.space].tables_lock);
  const std::uint64_t before = table.entries[e.index];
  note(Law::kPt3);
  if (before != e.before) return find(Law::kPt3, "before", before, e.before);
  table.entries[e.index] = e.after;
  table.present += unsigned{present(e.after)};
  table.present -= unsigned{present(before)};
  if (table.level > 0)
    link_changed(record.object, e.index, before, e.after);
  else
    leaf_changed(record.object, e.index, before, e.after);
}

// The walker may add A anywhere on its way, and D to a leaf.
void State::table_mark(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!frames.exists(frame)) return find(Law::kPt1, "table", "one that exists", std::to_string(frame));
  const FrameRecord& record = frames.at(frame);
  if (record.state != FrameState::kUsed || (record.role != Role::kTable && record.role != Role::kRootTable))
    return find(Law::kPt1, "table", "a frame taken for a table", std::to_string(frame));
  Table& table = tables.at(record.object);
  if (e.index >= table.entries.size()) return find(Law::kPt1, "index", "inside the table", std::to_string(e.index));
  if (table.entries[e.index] != e.before) return find(Law::kPt3, "before", table.entries[e.index], e.before);
  const std::uint64_t allowed = kBitAccessed | (table.level == 0 && is<MemoryStore>() ? kBitDirty : 0);
  if (!present(e.before) || (e.before ^ e.after) != (e.after & ~e.before & allowed))
    return find(Law::kPt3, "mark", e.before | allowed, e.after);
  if (!walks_here(e, table)) return;
  table.entries[e.index] = e.after;
  ++items;
}

void State::link_changed(std::uint32_t number, std::uint64_t index, std::uint64_t before, std::uint64_t after) {
  const Table& table = tables.at(number);
  note(Law::kPt1);
  if (after != 0 && (after & ~kFrameBits) != kLinkBits)
    return find(Law::kPt1, "link", "zero, or present and denying nothing", std::to_string(after));
  if (present(before) && present(after)) return find(Law::kPt1, "link", before, after);
  if (present(before)) {
    if (table.space == now.space) ++now.taken_away;
    rights_taken(table.space, before, tables.page_at(table, index), true);
    FrameRecord& below = frames.at(frame_in(before));
    if (tables.at(below.object).present != 0) return find(Law::kPt1, "unlinked table", "empty", "it has entries");
    below.linked = false;
    --linked_tables;
    --spaces[table.space].tables;
    space_changed(table.space);
    return;
  }
  if (!present(after)) return;
  const std::uint64_t frame = frame_in(after);
  const std::uint64_t page = tables.page_at(table, index);
  if (!frames.exists(frame))
    return find(Law::kPt1, "link", "a lower table", std::to_string(frame));
  FrameRecord& below = frames.at(frame);
  if (below.state != FrameState::kUsed || below.role != Role::kTable || below.linked)
    return find(Law::kPt1, "link", "a table not yet linked", std::to_string(frame));
  note(Law::kIso2);
  if (!below.zeroed) return find(Law::kIso2, "table", "zeroed before it is linked", std::to_string(frame));
  const std::uint32_t space = table.space;
  tables.place(below.object, space, table.level - 1, page, number);
  below.linked = true;
  ++linked_tables;
  ++spaces[space].tables;
  space_changed(space);
  // A child's tables are made before it has ranges: its parent's justify them.
  const std::uint32_t justifies = space == now.child ? now.space : space;
  note(Law::kPt2);
  const Ranges* const ranges = ranges_of(justifies);
  const std::uint64_t span = tables.span_pages(tables.at(below.object));
  if (ranges == nullptr || !ranges->meets(page * kPage, (page + span) * kPage))
    find(Law::kPt2, "table", "a range in its span", "none at page " + std::to_string(page));
}

void State::leaf_changed(std::uint32_t number, std::uint64_t index, std::uint64_t before, std::uint64_t after) {
  const Table& table = tables.at(number);
  const std::uint64_t page = table.first + index;
  const std::uint32_t space = table.space;
  now.leaves.push_back({space, page, present(before) && !maps_zero_page(before)});
  if (!present(after) && after != 0) return find(Law::kPt1, "entry", "present or zero", std::to_string(after));
  if ((after & ~kFrameBits & ~kLeafBits) != (present(after) && maps_zero_page(after) ? kBitSpecial : 0))
    return find(Law::kPt1, "entry", "no bit without meaning, special iff the zero page", std::to_string(after));
  if (present(after)) judge_stored_marks(space, page, before, after);
  if (present(before) && is_more_permissive(before, after)) rights_taken(space, before, page, false);
  const bool same = present(before) && present(after) && frame_in(before) == frame_in(after);
  if (present(before) && frames.at(frame_in(before)).watchers != 0) note(Law::kTlb1);
  if (same) return;
  if (present(before)) judge_copy_of(space, before);
  if (present(after)) {
    judge_break_before_make(space, page, frame_in(after));
    map_leaf(space, page, after);
  }
  if (present(before) && !broken()) unmap_leaf(space, before);
}

// A and D of a leaf that software stored (docs/RULES.md section 4): what walks had set stays, a fork's copy is as dirty
// as the parent's and not accessed yet, and only the access that is being made may be marked ahead of its walk.
void State::judge_stored_marks(std::uint32_t space, std::uint64_t page, std::uint64_t before, std::uint64_t after) {
  constexpr std::uint64_t kMarks = kBitAccessed | kBitDirty;
  if (space == now.child && now.child != 0) {
    const std::uint64_t expected = leaf(now.space, page).entry & kBitDirty;
    if ((after & kMarks) != expected) find(Law::kPt3, "marks of a fork's copy", expected, after & kMarks);
    return;
  }
  const bool same = present(before) && frame_in(before) == frame_in(after);
  const std::uint64_t kept = same ? before & kMarks : 0;
  if ((kept & ~after) != 0) return find(Law::kPt3, "marks", kept, after & kMarks);
  std::uint64_t may_gain = is_access() ? kBitAccessed : 0;
  if (is<MemoryStore>() && !maps_zero_page(after)) may_gain |= kBitDirty;
  if ((after & kMarks & ~kept & ~may_gain) != 0) find(Law::kPt3, "marks", kept | may_gain, after & kMarks);
}

// A leaf appears: which frame may it name? Rights are judged when the operation is over.
void State::map_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry) {
  const std::uint64_t frame = frame_in(entry);
  note(Law::kIso1);
  const bool is_child = space == now.child && now.child != 0;
  const Ranges* const ranges = ranges_of(is_child ? now.space : space);
  const Range* range = ranges != nullptr ? ranges->find(page * kPage) : nullptr;
  if (range == nullptr) return find(Law::kIso1, "leaf", "inside a range", "page " + std::to_string(page));
  if (!frames.exists(frame)) return find(Law::kIso1, "frame", "one that exists", std::to_string(frame));
  if (range->file != 0 || !range->is_private())
    return find(Law::kIso1, "leaf", "a private anonymous range", "page " + std::to_string(page));
  if (frame == zero_frame) return;
  FrameRecord& record = frames.at(frame);
  if (record.state != FrameState::kUsed || record.role != Role::kAnon)
    return find(Law::kIso1, "frame", "an anonymous page", std::to_string(frame));
  if (record.object == 0 || pages.at(record.object).mappings == 0) return map_fresh(space, page, frame);
  // A page that exists already: only fork maps it, at the parent's address.
  const LeafPlace parent = is_child ? leaf(now.space, page) : LeafPlace{};
  if (!present(parent.entry) || frame_in(parent.entry) != frame)
    return find(Law::kIso1, "frame", "the page that belongs here", std::to_string(frame));
  Page& mapped = pages.at(record.object);
  note(Law::kFrame2);
  if (++mapped.mappings > machine.reference_cap)
    return find(Law::kFrame2, "references", "at most " + std::to_string(machine.reference_cap),
                std::to_string(mapped.mappings));
  mapped.exclusive = Exclusive::kNo;
  ++spaces[space].resident_anon;
  space_changed(space);
  changed(record, frame);
}

// The first mapping of a frame just taken makes it a page: zero, or a copy of what was mapped here.
void State::map_fresh(std::uint32_t space, std::uint64_t page, std::uint64_t frame) {
  FrameRecord& record = frames.at(frame);
  FreshFrame* fresh = nullptr;
  for (FreshFrame& f : now.fresh)
    if (f.frame == frame && !f.returned && !f.mapped) fresh = &f;
  const AccessedPage* accessed = nullptr;
  for (const AccessedPage& a : now.accessed)
    if (a.page == page && space == now.space) accessed = &a;
  if (fresh == nullptr || accessed == nullptr)
    return find(Law::kIso1, "leaf", "made by a store to this page", "page " + std::to_string(page));
  note(Law::kIso2);
  if (fresh->copied) {
    if (!present(accessed->entry) || frame_in(accessed->entry) != fresh->from)
      return find(Law::kIso2, "copy", "of the page that was mapped here", "of frame " + std::to_string(fresh->from));
  } else if (!record.zeroed) {
    return find(Law::kIso2, "frame", "zeroed or copied", std::to_string(frame));
  } else if (accessed->mapped != 0) {
    return find(Law::kContent1, "page", "a copy of what was mapped here", "zero");
  }
  fresh->mapped = true;
  if (record.object == 0) record.object = pages.make(frame);
  Page& made = pages.at(record.object);
  made.mappings = 1;
  ++mapped_pages;
  made.exclusive = Exclusive::kYes;
  ++spaces[space].resident_anon;
  space_changed(space);
  changed(record, frame);
}

// The leaf stops naming what it named: a copy made of that for this access has whatever was stored there.
void State::judge_copy_of(std::uint32_t space, std::uint64_t entry) {
  if (!is<MemoryStore>() || space != now.space || maps_zero_page(entry)) return;
  for (const FreshFrame& fresh : now.fresh) {
    if (!fresh.copied || fresh.returned || fresh.mapped || fresh.from != frame_in(entry)) continue;
    note(Law::kContent2);
    if (fresh.stores != pages.at(frames.at(fresh.from).object).stores)
      find(Law::kContent2, "copy", "of what is mapped here", "made before a store to it");
  }
}

void State::unmap_leaf(std::uint32_t space, std::uint64_t entry) {
  const std::uint64_t frame = frame_in(entry);
  if (frame == zero_frame) return;
  FrameRecord& record = frames.at(frame);
  Page& mapped = pages.at(record.object);
  if (--mapped.mappings == 0) --mapped_pages;
  if (space == now.space) ++now.taken_away;
  if (now.overlapped || now.may_pause) now.unmapped.push_back(frame);
  if (space == now.child) mapped.exclusive = Exclusive::kUnknown;  // a fork that gives up may have cleared it
  --spaces[space].resident_anon;
  space_changed(space);
  changed(record, frame);
}

// PERM-2 and COW-1 for one leaf, with the ranges as they are after the operation.
void State::judge_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry, const Range*& likely) {
  if (!present(entry)) return;
  ++items;
  const bool is_likely = likely != nullptr && page * kPage >= likely->start && page * kPage < likely->end;
  const Ranges* const ranges = is_likely ? nullptr : ranges_of(space);
  if (!is_likely) likely = ranges != nullptr ? ranges->find(page * kPage) : nullptr;
  const Range* range = likely;
  if (range == nullptr) return find(Law::kIso1, "leaf", "inside a range", "page " + std::to_string(page));
  note(Law::kPerm2);
  if (writable(entry) && user(entry) && !range->prot.any(kProtWrite))
    return find(Law::kPerm2, "writable", "no", "yes, page " + std::to_string(page));
  if (executable(entry) && user(entry) && !range->prot.any(kProtExec))
    return find(Law::kPerm2, "executable", "no", "yes, page " + std::to_string(page));
  if (user(entry) && range->prot.empty()) return find(Law::kPerm2, "user", "no", "yes, page " + std::to_string(page));
  if (!writable(entry)) return;
  note(Law::kCow1);
  if (maps_zero_page(entry)) return find(Law::kCow1, "writable", "no: the zero page", "yes");
  Page& mapped = pages.at(frames.at(frame_in(entry)).object);
  if (mapped.mappings > 1)
    return find(Law::kCow1, "writable", "no: mapped " + std::to_string(mapped.mappings) + " times", "yes");
  if (mapped.exclusive == Exclusive::kNo) return find(Law::kCow1, "exclusive", "yes", "no");
}

// A span that lost its ranges: no leaf, no table without a range.
void State::judge_emptied(const Span& span) {
  if (span.from >= span.to) return;
  note(Law::kIso1);
  judge_no_leaves(now.space, span.from, span.to);
  judge_tables_justified(now.space, span.from, span.to);
}

// Whatever leaf changed, wherever it is: its rights are its range's, and no page got lost on the way but those that the
// answer takes away.
void State::judge_touched_leaves(const Response& r, const Span& gone) {
  LeafCursor cursor;
  const Range* likely = nullptr;
  for (const LeafTouch& touch : now.leaves) {
    const Space& space = spaces[touch.space];
    if (space.root == 0 || broken()) continue;
    if (cursor.space != touch.space) likely = nullptr;
    const std::uint64_t entry = leaf_entry(cursor, touch.space, touch.page);
    const bool holds_page = present(entry) && !maps_zero_page(entry);
    const bool is_taken_away =
        touch.space == now.space && touch.page * kPage >= gone.from && touch.page * kPage < gone.to;
    if (touch.had_page && !holds_page && !is_taken_away)
      return find(r.refusal == Refusal::kNone ? Law::kContent1 : Law::kRollback1, "page", "kept",
                  "lost: page " + std::to_string(touch.page));
    judge_leaf(touch.space, touch.page, entry, likely);
  }
}

void State::judge_leaves_of(std::uint32_t space, std::uint64_t from, std::uint64_t to) {
  if (spaces[space].root == 0) return;
  const Range* likely = nullptr;
  tables.for_each_leaf(
      spaces[space].root, from / kPage, to / kPage, [this](std::uint64_t f) { return table_number(f); },
      [&](std::uint64_t page, std::uint64_t entry, std::uint32_t, std::uint64_t) {
        judge_leaf(space, page, entry, likely);
      });
}

void State::judge_no_leaves(std::uint32_t space, std::uint64_t from, std::uint64_t to) {
  if (spaces[space].root == 0) return;
  tables.for_each_leaf(
      spaces[space].root, from / kPage, to / kPage, [this](std::uint64_t f) { return table_number(f); },
      [&](std::uint64_t page, std::uint64_t, std::uint32_t, std::uint64_t) {
        find(Law::kIso1, "leaf", "none: nothing is mapped here", "page " + std::to_string(page));
      });
}

// PT-2 around a span that lost its ranges.
void State::judge_tables_justified(std::uint32_t space, std::uint64_t from, std::uint64_t to) {
  if (spaces[space].root == 0) return;
  const Ranges& ranges = *ranges_of(space);
  tables.for_each_table(
      spaces[space].root, from / kPage, to / kPage, [this](std::uint64_t f) { return table_number(f); },
      [&](std::uint32_t number) {
        const Table& table = tables.at(number);
        note(Law::kPt2);
        const std::uint64_t end = (table.first + tables.span_pages(table)) * kPage;
        if (!ranges.meets(table.first * kPage, end))
          find(Law::kPt2, "table", "a range in its span", "none at page " + std::to_string(table.first));
      });
}

}  // namespace mmtwin::model
