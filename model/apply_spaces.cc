// Spaces: create, fork, exit, and the handles that name them.
#include "model/state.h"

namespace mmtwin::model {

std::uint32_t State::make_space() {
  std::uint32_t number = 0;
  if (!spare_spaces.empty()) {
    number = spare_spaces.back();
    spare_spaces.pop_back();
  } else {
    number = static_cast<std::uint32_t>(spaces.size());
    spaces.emplace_back();
    handle_of_space.push_back(0);
  }
  Space& space = spaces[number];
  space = Space{};
  space.live = true;
  space.context = ++contexts;
  space.ranges.emplace(*geometry, machine.range_cap, families);
  return number;
}

void State::forget_space(std::uint32_t number) {
  Space& space = spaces[number];
  if (handle_of_space[number] != 0) {
    space_of_handle[handle_of_space[number]] = 0;
    handle_of_space[number] = 0;
    --live_spaces;
  }
  space.ranges.reset();
  count_ranges(number);
  space.live = false;
  spare_spaces.push_back(number);
}

void State::end_create(const SpaceCreate& op, const Response& r) {
  const std::uint32_t number = now.child;
  Space& space = spaces[number];
  const bool refused = refused_for_memory(r);
  const bool aligned = op.brk.raw() % kPage == 0 && op.top.raw() % kPage == 0;
  const Refusal expected = aligned ? Refusal::kNone : Refusal::kInvalid;
  if (!refused && r.refusal != expected)
    return find(Law::kAnswer, "refusal", std::string(name_of(expected)), std::string(name_of(r.refusal)));
  if (r.refusal != Refusal::kNone) {
    if (space.root != 0) return find(Law::kRollback2, "root table", "returned", "kept");
    return forget_space(number);
  }
  if (space.root == 0) return find(Law::kPt1, "root table", "taken", "none");
  space.ranges->set_heap(op.brk.raw(), op.top.raw());
}

void State::name_space(std::uint32_t number, unsigned handle) {
  ++live_spaces;
  if (space_of_handle.size() <= handle) space_of_handle.resize(handle + 1);
  space_of_handle[handle] = number;
  handle_of_space[number] = handle;
  space_changed(number);
}

void State::end_fork(const Response& r) {
  const std::uint32_t number = now.child;
  if (number == 0) {  // the parent was killed
    if (r.refusal != Refusal::kKilled) find(Law::kAnswer, "refusal", "ESRCH", std::string(name_of(r.refusal)));
    return;
  }
  // The walk stops at whatever comes first: a refused request, or a page that has as many references as it may have.
  const bool refused = refused_for_memory(r);
  const bool at_cap = r.refusal == Refusal::kNoMemory && !now.refused && (now.met_cap || shares_a_page_at_the_cap());
  if (!refused && !at_cap && r.refusal != Refusal::kNone)
    return find(Law::kAnswer, "refusal", "ok, oom, or ENOMEM at the cap", std::string(name_of(r.refusal)));
  if (r.refusal != Refusal::kNone) {
    note(Law::kRollback1);
    const Space& child = spaces[number];
    if (child.root != 0 || child.resident_anon != 0) return find(Law::kRollback2, "child", "all returned", "kept");
    return forget_space(number);  // what it did to the parent's leaves is judged with all touched ones
  }
  if (spaces[number].root == 0) return find(Law::kPt1, "root table", "taken", "none");
  const std::vector<FamilyId> leaving = families_being_left();
  const bool is_open = now.overlapped && claims.narrates_objects && may_have_chosen_otherwise(leaving);
  const std::vector<bool>* made = is_open ? &now.made_family : nullptr;
  const ForkChoice choice = spaces[now.space].ranges->fork_into(*spaces[number].ranges, made, leaving);
  if (choice == ForkChoice::kImpossible)
    return find(Law::kVma2, "family of the child's range", "a new one: no older one is free", "an older one");
  gave_up = gave_up || choice == ForkChoice::kOpen;
  judge_fork();
}

// Has a page that fork shares, and that the child does not have yet, as many references as it may have?
bool State::shares_a_page_at_the_cap() {
  const Space& parent = spaces[now.space];
  bool found = false;
  if (parent.root == 0) return found;
  const auto number_of = [this](std::uint64_t f) { return table_number(f); };
  for (const auto& [start, range] : parent.ranges->all()) {
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
  for (const auto& [start, range] : spaces[parent].ranges->all()) {
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
void State::end_switch(const CpuSwitchSpace& op, const Response& r) {
  if (r.refusal != Refusal::kNone) return find(Law::kAnswer, "refusal", "ok", std::string(name_of(r.refusal)));
  const Cpu& cpu = cpus[op.cpu.raw()];
  note(Law::kAnswer);
  if (op.space.is_none()) {
    if (!cpu.lazy) find(Law::kAnswer, "cpu", "lazy", "runs a space");
  } else if (cpu.lazy || cpu.space != now.space) {
    find(Law::kAnswer, "cpu", "runs the space", "does not");
  }
}

void State::end_exit(const SpaceExit& op, const Response& r) {
  if (r.refusal != Refusal::kNone) return find(Law::kAnswer, "refusal", "ok", std::string(name_of(r.refusal)));
  const std::uint32_t number = space_number(op.space.value());
  Space& space = spaces[number];
  if (space.root != 0) return find(Law::kPt2, "root table", "returned", "kept");
  for (const Cpu& cpu : cpus)
    if (cpu.space == number) return find(Law::kTlb2, "loaded root", "the kernel's", "that of a space that is gone");
  space.ranges->clear();
  forget_space(number);
}

}  // namespace mmtwin::model
