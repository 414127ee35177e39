#include "model/judges/tables.h"

#include <algorithm>

#include "model/court.h"

namespace mmtwin::model {

void TableJudge::table_store(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  report.count_item();
  if (!machine.frames.exists(frame)) return violated(Law::kPt1, "table", "one that exists", std::to_string(frame));
  const FrameRecord& record = machine.frames.at(frame);
  const bool is_table = record.role == Role::kTable || record.role == Role::kRootTable;
  if (record.state != FrameState::kUsed || !is_table)
    return violated(Law::kPt1, "table", "a frame taken for a table", std::to_string(frame));
  if (!record.zeroed || !record.linked)
    return violated(Law::kPt1, "table", "zeroed, then linked, then filled", std::to_string(frame));
  Table& table = machine.tables.at(record.object);
  if (e.index >= table.entries.size()) return violated(Law::kPt1, "index", "inside the table", std::to_string(e.index));
  if (table.space != now.space && (now.child == 0 || table.space != now.child))
    return violated(Law::kLock4, "table", "of the space that the operation names or makes", "another's");
  court.locks.judge_protected(Thing::entries(table.space));
  if (table.level > 0) court.locks.judge_protected(Thing::links(table.space));
  const std::uint64_t before = table.entries[e.index];
  note(Law::kPt3);
  if (before != e.before) return violated(Law::kPt3, "before", before, e.before);
  table.entries[e.index] = e.after;
  note_stored(machine.spaces[table.space]);
  table.present += unsigned{present(e.after)};
  table.present -= unsigned{present(before)};
  if (table.level > 0)
    link_changed(record.object, e.index, before, e.after);
  else
    court.leaves.leaf_changed(record.object, e.index, before, e.after);
}

void TableJudge::note_stored(Space& space) const {
  space.stored_at = machine.clock;
  space.stored_by = now.step;
}

// The walker may add A anywhere on its way, and D to a leaf.
void TableJudge::table_mark(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!machine.frames.exists(frame)) return violated(Law::kPt1, "table", "one that exists", std::to_string(frame));
  const FrameRecord& record = machine.frames.at(frame);
  if (record.state != FrameState::kUsed || (record.role != Role::kTable && record.role != Role::kRootTable))
    return violated(Law::kPt1, "table", "a frame taken for a table", std::to_string(frame));
  Table& table = machine.tables.at(record.object);
  if (e.index >= table.entries.size()) return violated(Law::kPt1, "index", "inside the table", std::to_string(e.index));
  if (table.entries[e.index] != e.before) return violated(Law::kPt3, "before", table.entries[e.index], e.before);
  const std::uint64_t allowed = kBitAccessed | (table.level == 0 && now.row.has(kStores) ? kBitDirty : 0);
  if (!present(e.before) || (e.before ^ e.after) != (e.after & ~e.before & allowed))
    return violated(Law::kPt3, "mark", e.before | allowed, e.after);
  if (!court.walks.pass_entry(e, table)) return;
  table.entries[e.index] = e.after;
  note_stored(machine.spaces[table.space]);
  report.count_item();
}

void TableJudge::link_changed(std::uint32_t number, std::uint64_t index, std::uint64_t before, std::uint64_t after) {
  const Table& table = machine.tables.at(number);
  note(Law::kPt1);
  if (after != 0 && (after & ~kFrameBits) != kLinkBits)
    return violated(Law::kPt1, "link", "zero, or present and denying nothing", std::to_string(after));
  if (present(before) && present(after)) return violated(Law::kPt1, "link", before, after);
  if (present(before)) {
    court.flushes.rights_taken(table.space, before, machine.tables.page_at(table, index), true);
    FrameRecord& below = machine.frames.at(frame_in(before));
    if (machine.tables.at(below.object).present != 0)
      return violated(Law::kPt1, "unlinked table", "empty", "it has entries");
    below.linked = false;
    --machine.linked_tables;
    --machine.spaces[table.space].tables;
    report.changed(machine.spaces[table.space]);
    return;
  }
  if (!present(after)) return;
  const std::uint64_t frame = frame_in(after);
  const std::uint64_t page = machine.tables.page_at(table, index);
  if (!machine.frames.exists(frame)) return violated(Law::kPt1, "link", "a lower table", std::to_string(frame));
  FrameRecord& below = machine.frames.at(frame);
  if (below.state != FrameState::kUsed || below.role != Role::kTable || below.linked)
    return violated(Law::kPt1, "link", "a table not yet linked", std::to_string(frame));
  note(Law::kIso2);
  if (!below.zeroed) return violated(Law::kIso2, "table", "zeroed before it is linked", std::to_string(frame));
  const std::uint32_t space = table.space;
  machine.tables.place(below.object, space, table.level - 1, page, number);
  below.linked = true;
  ++machine.linked_tables;
  ++machine.spaces[space].tables;
  report.changed(machine.spaces[space]);
  // A child's tables are made before it has ranges: its parent's justify them.
  const std::uint32_t justifies = space == now.child ? now.space : space;
  note(Law::kPt2);
  const Ranges* const ranges = ranges_of(justifies);
  const std::uint64_t span = machine.tables.span_pages(machine.tables.at(below.object));
  if (ranges == nullptr || !ranges->meets(page * kPage, (page + span) * kPage))
    violated(Law::kPt2, "table", "a range in its span", "none at page " + std::to_string(page));
}

// PT-2 around a span that lost its ranges.
void TableJudge::judge_tables_justified(std::uint32_t space, std::uint64_t from, std::uint64_t to) {
  const Ranges& ranges = *ranges_of(space);
  machine.for_each_table(space, from / kPage, to / kPage, [&](std::uint32_t number) {
    const Table& table = machine.tables.at(number);
    note(Law::kPt2);
    const std::uint64_t end = (table.first + machine.tables.span_pages(table)) * kPage;
    if (!ranges.meets(table.first * kPage, end))
      violated(Law::kPt2, "table", "a range in its span", "none at page " + std::to_string(table.first));
  });
}

}  // namespace mmtwin::model
