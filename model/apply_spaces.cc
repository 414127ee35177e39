// Spaces: create, fork, exit, and the handles that name them.
#include "model/state.h"

namespace mmtwin::model {

std::uint32_t State::make_space(SpaceHandle handle) {
  std::uint32_t number = 0;
  if (!spare_spaces.empty()) {
    number = spare_spaces.back();
    spare_spaces.pop_back();
  } else {
    number = static_cast<std::uint32_t>(spaces.size());
    spaces.emplace_back();
  }
  Space& space = spaces[number];
  space = Space{};
  space.live = true;
  space.context = ++contexts;
  space.handle = handle;
  return number;
}

void State::forget_space(std::uint32_t number) {
  Space& space = spaces[number];
  if (space.named) {
    space_of_handle[space.handle.number()] = 0;
    --live_spaces;
  }
  space.handle = SpaceHandle();
  space.live = space.named = false;
  count_ranges(number);
  spare_spaces.push_back(number);
}

void State::name_space(std::uint32_t number) {
  Space& space = spaces[number];
  const unsigned handle = space.handle.number();
  ++live_spaces;
  if (space_of_handle.size() <= handle) space_of_handle.resize(handle + 1);
  space_of_handle[handle] = number;
  space.named = true;
  space_changed(number);
}

// A create or a fork.
void State::end_making(const Response& r) {
  if (now.child == 0) return;  // the parent was killed
  const Space& child = spaces[now.child];
  if (r.refusal != Refusal::kNone) {  // what it did to the parent's leaves is judged with all touched ones
    if (child.root != 0 || child.resident_anon != 0) find(Law::kRollback2, "child", "all returned", "kept");
  } else if (child.root == 0) {
    find(Law::kPt1, "root table", "taken", "none");
  } else if (is<SpaceFork>() && claims.has(Claim::kTables)) {
    judge_fork();
  }
}

// Has a page that fork shares, and that the child does not have yet, as many references as it may have?
bool State::shares_a_page_at_the_cap() {
  const Space& parent = spaces[now.space];
  if (!claims.has(Claim::kTables)) return contract.shares_at_the_cap(parent.handle);
  bool found = false;
  if (parent.root == 0) return found;
  const auto number_of = [this](std::uint64_t f) { return table_number(f); };
  for (const auto& [start, range] : ranges_of(now.space)->all()) {
    if (range.family == 0) continue;
    tables.for_each_leaf(parent.root, range.start / kPage, range.end / kPage, number_of,
                         [&](std::uint64_t page, std::uint64_t entry, std::uint32_t, std::uint64_t) {
                           if (maps_zero_page(entry)) return;
                           if (spaces[now.child].root != 0 && present(leaf(now.child, page).entry)) return;
                           // Who is unmapping it still refers to it, who is about to map it does already.
                           const std::uint64_t frame = frame_in(entry);
                           const std::uint64_t references = pages.at(frames.at(frame).object).mappings +
                                                            unmapped_by_others(frame) + shared_by_others(frame);
                           found |= references >= machine.reference_cap;
                         });
  }
  return found;
}

// Every page of a range with a family is in both, read-only in both; no other leaf is in the child. The child's leaves
// are all new, and are judged with the touched ones.
void State::judge_fork() {
  const std::uint32_t parent = now.space, child = now.child;
  std::uint64_t expected = 0;
  LeafCursor cursor;
  const auto number_of = [this](std::uint64_t f) { return table_number(f); };
  for (const auto& [start, range] : ranges_of(parent)->all()) {
    if (range.family == 0) continue;
    const Range* likely = &range;
    tables.for_each_leaf(spaces[parent].root, range.start / kPage, range.end / kPage, number_of,
                         [&](std::uint64_t page, std::uint64_t entry, std::uint32_t, std::uint64_t) {
                           ++expected;
                           note(Law::kCow1);
                           judge_leaf(parent, page, entry, likely);
                           const std::uint64_t copy = leaf_entry(cursor, child, page);
                           if (!present(copy) || frame_in(copy) != frame_in(entry))
                             find(Law::kContent1, "child's page", "the parent's frame",
                                  present(copy) ? "another" : "none");
                         });
  }
  std::uint64_t seen = 0;
  tables.for_each_leaf(spaces[child].root, 0, geometry->user_end / kPage, number_of,
                       [&](std::uint64_t, std::uint64_t, std::uint32_t, std::uint64_t) { ++seen; });
  if (seen != expected) find(Law::kContent1, "child's pages", expected, seen);
}

// The CPU runs the space, or is lazy: none was asked for.
void State::end_switch(const CpuSwitchSpace& op) {
  if (!claims.has(Claim::kTranslations)) return;
  const Cpu& cpu = cpus[op.cpu.raw()];
  if (op.space.is_none()) {
    if (!cpu.lazy) find(Law::kAnswer, "cpu", "lazy", "runs a space");
  } else if (cpu.lazy || cpu.space != now.space) {
    find(Law::kAnswer, "cpu", "runs the space", "does not");
  }
}

void State::end_exit() {
  if (spaces[now.space].root != 0) return find(Law::kPt2, "root table", "returned", "kept");
  for (const Cpu& cpu : cpus)
    if (cpu.space == now.space) return find(Law::kTlb2, "loaded root", "the kernel's", "that of a space that is gone");
}

}  // namespace mmtwin::model
