// Range operations: their answers, and that nothing stays mapped or permitted that should not be.
#include "model/state.h"

namespace mmtwin::model {

// A span that lost its ranges: no leaf, no table without a range, and the counters of its space.
void State::judge_emptied(std::uint64_t from, std::uint64_t to) {
  if (from >= to) return;
  note(Law::kIso1);
  judge_no_leaves(now.space, from, to);
  judge_tables_justified(now.space, from, to);
}

// Does the answer agree with the verdict? Counts the law; false: found, or refused.
bool State::succeeded(const Response& r) {
  const bool killed = spaces[now.space].killed;
  const Refusal expected = killed ? Refusal::kKilled : now.verdict.refusal;
  if (refused_for_memory(r)) {
    if (killed) find(Law::kAnswer, "refusal", "ESRCH", "oom");
    return false;
  }
  note(Law::kAnswer);
  if (r.refusal != expected) {
    find(Law::kAnswer, "refusal", std::string(name_of(expected)), std::string(name_of(r.refusal)));
    return false;
  }
  return expected == Refusal::kNone;
}

void State::end_map(const MapRequest& request, const Response& r) {
  if (!succeeded(r)) return;
  Ranges& ranges = *spaces[now.space].ranges;
  std::uint64_t from = now.verdict.from, to = now.verdict.to;
  if (r.value != now.verdict.value) {
    if (!now.verdict.address_is_choice || claims.exact_addresses || !ranges.may_hold(r.value, request.length))
      return find(Law::kVma3, "address", now.verdict.value, r.value);
    from = to = r.value;
  }
  if (now.verdict.address_is_choice) note(Law::kVma3);
  ranges.map(request, r.value);
  space_changed(now.space);
  judge_emptied(from, to);
}

void State::end_unmap(const RangeUnmap& op, const Response& r) {
  if (!succeeded(r)) return;
  const std::uint64_t from = address(op.at.value());
  const std::uint64_t to = from + page_ceiling(op.length.raw());
  spaces[now.space].ranges->unmap(from, to);
  space_changed(now.space);
  judge_emptied(from, to);
}

// Want of memory leaves a prefix done; which one, the observed ranges tell (judge_ranges). A refusal for want of room
// in the list (ENOMEM) stops where the rules say, which Ranges::protect finds by itself.
void State::end_protect(const RangeProtect& op, const Response& r) {
  Space& space = spaces[now.space];
  const bool killed = space.killed;
  const std::uint64_t from = address(op.at.value());
  const std::uint64_t to = from + page_ceiling(op.length.raw());
  if (r.refusal == Refusal::kOom && !killed) {
    if (!refused_for_memory(r)) return;
    space.prefix_from = from;
    space.prefix_to = now.verdict.refusal == Refusal::kInvalid ? from : to;
    space.prefix_prot = op.prot.value();
    space_changed(now.space);
    return;
  }
  succeeded(r);
  const bool done = r.refusal == Refusal::kNone || r.refusal == Refusal::kNoMemory;
  if (broken() || killed || !done || from >= to) return;
  space.ranges->protect(from, to, op.prot.value());
  space_changed(now.space);
  judge_leaves_of(now.space, from, to);
}

void State::end_brk(const RangeBrk& op, const Response& r) {
  Space& space = spaces[now.space];
  const bool refused = refused_for_memory(r);
  if (!refused && !space.killed && r.refusal != Refusal::kNone)
    return find(Law::kAnswer, "refusal", "ok or oom", std::string(name_of(r.refusal)));
  if (space.killed) {
    if (r.refusal != Refusal::kKilled) find(Law::kAnswer, "refusal", "ESRCH", std::string(name_of(r.refusal)));
    return;
  }
  note(Law::kAnswer);
  const std::uint64_t expected = refused ? space.ranges->brk() : now.verdict.value;
  if (r.value != expected) return find(Law::kAnswer, "break", expected, r.value);
  if (refused || address(op.at.value()) != now.verdict.value) return;
  space.ranges->set_brk(now.verdict.value);
  space_changed(now.space);
  judge_emptied(now.verdict.from, now.verdict.to);
}

void State::end_assume(const SpaceAssume& op, const Response& r) {
  if (!succeeded(r)) return;
  const MapRequest request = request_of(op, address(op.at.value()));
  spaces[now.space].ranges->assume(request, op.gone.raw() != 0);
  space_changed(now.space);
  judge_emptied(now.verdict.from, now.verdict.to);
}

}  // namespace mmtwin::model
