// Memory accesses: what they must leave behind.
#include "model/state.h"

namespace mmtwin::model {

void State::begin_access(const Place& place, unsigned width) {
  const std::uint64_t at = place.offset;
  for (unsigned i = 0; i < 2; ++i) {
    const std::uint64_t byte = i == 0 ? at : at + (width - 1);
    if (byte >= geometry->user_end || (i == 1 && page_floor(byte) == page_floor(at))) break;
    now.accessed.push_back({.page = byte / kPage});
  }
  find_accessed();
}

// What the pages of the access are mapped to now.
void State::find_accessed() {
  if (is_killed(now.space)) return;
  for (AccessedPage& accessed : now.accessed) {
    accessed.entry = leaf(now.space, accessed.page).entry;
    accessed.mapped = accessed.mappings = 0;
    if (!present(accessed.entry) || maps_zero_page(accessed.entry)) continue;
    accessed.mapped = frames.at(frame_in(accessed.entry)).object;
    accessed.mappings = pages.at(accessed.mapped).mappings;
  }
}

// What the store puts where the TLB leads it.
void State::perform_store() {
  const auto& op = std::get<MemoryStore>(now.operation);
  for (unsigned i = 0; i < op.width.raw(); ++i) {
    const std::uint64_t byte = op.at.value().offset + i;
    const std::uint64_t entry = now.accessed[byte / kPage == now.accessed[0].page ? 0 : 1].used;
    const std::uint32_t page = maps_zero_page(entry) ? 0 : frames.at(frame_in(entry)).object;
    pages.store(page, byte % kPage, static_cast<std::uint8_t>(op.value.raw() >> (8 * i)));
  }
}

// A page that was stored to: mapped, writable, its own; reused if it was mapped once (COW-2), else copied (COW-1).
void State::end_stored_page(std::uint64_t page, bool stored) {
  const std::uint64_t entry = leaf(now.space, page).entry;
  if (!present(entry) || !writable(entry) || (stored && !dirty(entry)))
    return find(Law::kPerm1, "stored page", "present, writable, dirty", "entry " + std::to_string(entry));
  if (maps_zero_page(entry)) return find(Law::kCow1, "stored page", "its own frame", "the zero page");
  const std::uint32_t mapped = frames.at(frame_in(entry)).object;
  for (const AccessedPage& before : now.accessed) {
    if (before.page != page || before.mapped == 0) continue;
    if (before.mappings > 1) {
      note(Law::kCow1);
      // Others may have given the page up since.
      const bool may_reuse =
          now.overlapped && pages.at(mapped).mappings == 1 && !is_being_unmapped(frame_in(entry));
      if (mapped == before.mapped && !may_reuse) return find(Law::kCow1, "shared page", "copied", "stored to in place");
    } else if (now.overlapped && mapped == before.mapped && pages.at(mapped).exclusive != Exclusive::kYes &&
               is_being_unmapped(frame_in(entry))) {
      return find(Law::kCow1, "page that another CPU can still read", "copied", "stored to in place");
    } else if (!now.overlapped) {  // who has unmapped it may still refer to it
      note(Law::kCow2);
      if (mapped != before.mapped) return find(Law::kCow2, "page mapped once", "reused", "copied");
    }
  }
  FrameRecord& record = frames.at(frame_in(entry));
  if (pages.at(mapped).exclusive != Exclusive::kYes) changed(record, frame_in(entry));
  pages.at(mapped).exclusive = Exclusive::kYes;
}

// Of a system that does not tell when a fault is over.
void State::end_stored_pages() {
  for (const AccessedPage& accessed : now.accessed) end_stored_page(accessed.page, true);
}

void State::judge_killed() {
  if (!now.killed || spaces[now.space].root != 0)
    find(Law::kRollback1, "killed space", "everything given back", "it still has tables");
  space_changed(now.space);
}

}  // namespace mmtwin::model
