// Memory accesses: what they must answer, and what they must leave behind.
#include "model/state.h"

namespace mmtwin::model {

// The answer of an access in the present state, page by page from the first; on a refusal `refused_at` is the page's
// first byte that was reached.
Refusal State::access_verdict(std::uint64_t at, unsigned width, Access access, std::uint64_t* refused_at) const {
  const Ranges& ranges = *spaces[now.space].ranges;
  const std::uint64_t last = at + (width - 1);
  *refused_at = at;
  if (last < at || last >= geometry->user_end) return Refusal::kSegvMapErr;  // before any page is faulted
  for (std::uint64_t byte = at;; byte = page_floor(byte) + kPage) {
    *refused_at = byte;
    const Range* range = ranges.find(byte);
    if (range == nullptr) return Refusal::kSegvMapErr;
    const bool granted = access == Access::kStore   ? range->prot.any(kProtWrite)
                         : access == Access::kFetch ? range->prot.any(kProtExec)
                                                    : !range->prot.empty();
    if (!granted) return Refusal::kSegvAccErr;
    if (page_floor(byte) == page_floor(last)) return Refusal::kNone;
  }
}

void State::begin_access(const Place& place, unsigned width) {
  const std::uint64_t at = address(place);
  if (spaces[now.space].killed) return;
  for (unsigned i = 0; i < 2; ++i) {
    const std::uint64_t byte = i == 0 ? at : at + (width - 1);
    if (byte >= geometry->user_end || (i == 1 && page_floor(byte) == page_floor(at))) break;
    now.accessed.push_back({.page = byte / kPage});
  }
  find_accessed();
}

// What the pages of the access are mapped to now.
void State::find_accessed() {
  if (spaces[now.space].killed) return;
  for (AccessedPage& accessed : now.accessed) {
    accessed.entry = leaf(now.space, accessed.page).entry;
    accessed.mapped = accessed.mappings = 0;
    if (!present(accessed.entry) || maps_zero_page(accessed.entry)) continue;
    accessed.mapped = frames.at(frame_in(accessed.entry)).object;
    accessed.mappings = pages.at(accessed.mapped).mappings;
  }
}

// The last page was translated: this is when the access happens, through what the TLB says.
void State::perform_access() {
  now.performed = true;
  now.loaded = 0;
  const auto transfer = [&](const Place& place, unsigned width, const Value* stored) {
    const std::uint64_t at = address(place);
    for (unsigned i = 0; i < width; ++i) {
      const std::uint64_t byte = at + i;
      const std::uint64_t entry = now.accessed[byte / kPage == now.accessed[0].page ? 0 : 1].used;
      const std::uint32_t page = maps_zero_page(entry) ? 0 : frames.at(frame_in(entry)).object;
      if (stored != nullptr)
        pages.store(page, byte % kPage, static_cast<std::uint8_t>(stored->raw() >> (8 * i)));
      else if (page != 0)
        now.loaded |= std::uint64_t{pages.load(page, byte % kPage)} << (8 * i);
    }
  };
  if (const auto* op = std::get_if<MemoryStore>(&now.operation)) transfer(op->at.value(), op->width.raw(), &op->value);
  if (const auto* op = std::get_if<MemoryLoad>(&now.operation)) transfer(op->at.value(), op->width.raw(), nullptr);
  if (const auto* op = std::get_if<MemoryFetch>(&now.operation)) transfer(op->at.value(), op->width.raw(), nullptr);
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

void State::kill_space() {
  Space& space = spaces[now.space];
  note(Law::kOom1);
  if (!now.killed || space.root != 0)
    return find(Law::kRollback1, "killed space", "everything given back", "it still has tables");
  space.killed = true;
  space.ranges->clear();
  space_changed(now.space);
}

void State::end_access(const Place& place, unsigned width, Access access, const Response& r) {
  if (now.overlapped) return end_overlapped_access(place, width, r);
  if (spaces[now.space].killed) {
    if (r.refusal != Refusal::kKilled) find(Law::kAnswer, "refusal", "ESRCH", std::string(name_of(r.refusal)));
    return;
  }
  const std::uint64_t at = address(place);
  if (refused_for_memory(r)) return kill_space();
  std::uint64_t refused_at = 0;
  const Refusal verdict = access_verdict(at, width, access, &refused_at);
  note(Law::kPerm1);
  if (r.refusal != verdict)
    return find(Law::kPerm1, "refusal", std::string(name_of(verdict)), std::string(name_of(r.refusal)));
  const bool is_translated = at < geometry->user_end && width <= geometry->user_end - at;
  if (verdict != Refusal::kNone && is_translated && !now.in_fault)
    return find(Law::kWalk1, "refused access", "one that faulted", "no fault");
  // Pages before the refused one were faulted all the same.
  const std::uint64_t done = verdict == Refusal::kNone ? at + width : refused_at;
  for (std::uint64_t byte = at; byte < done; byte = page_floor(byte) + kPage) {
    if (access == Access::kStore) {
      spaces[now.space].ranges->prepare_store(byte);
      end_stored_page(byte / kPage, verdict == Refusal::kNone);
    }
    const Range* likely = nullptr;
    judge_leaf(now.space, byte / kPage, leaf(now.space, byte / kPage).entry, likely);
    if (broken()) return;
  }
  if (verdict != Refusal::kNone) return;
  if (!now.performed) return find(Law::kPerm1, "access", "translated by the TLB", "not");
  note(Law::kContent1);
  if (access != Access::kStore && r.value != now.loaded) find(Law::kContent1, "value", now.loaded, r.value);
}

}  // namespace mmtwin::model
