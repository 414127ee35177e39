#include "model/judges/commits.h"

#include <algorithm>

#include "model/answer_law.h"
#include "model/court.h"
#include "vocab/text.h"

namespace mmtwin::model {

void CommitJudge::committed(const Event& e) {
  if (now.section.answered || e.index >= kRefusalNames.size() || act().kind != ActivityKind::kOperation)
    return violated(Law::kAnswer, "answer", "a known one, told once", std::to_string(e.index));
  const bool is_transfer = now.row.has(kIsAccess) && e.index == static_cast<unsigned>(Refusal::kNone);
  if (now.section.is_open == is_transfer)
    return violated(Law::kAnswer, "answer", "of a transfer, or under the space's lock", "told elsewhere");
  const bool may_stop = now.row.has(kProtects) && e.index == static_cast<unsigned>(Refusal::kOom);
  if (e.place != 0 && !may_stop) return violated(Law::kAnswer, "place", 0, e.place);
  now.section.answered = true;
  now.section.answer = {static_cast<Refusal>(e.index), e.after};
  now.section.stopped_at = e.place;
  settle(now.section.answer);
}

void CommitJudge::begin() {
  // While it is in flight, another one may give the handle that it names a new meaning.
  std::visit(
      [&]<class Op>(Op& op) {
        if constexpr (HasPlace<Op>) {
          op.at = Place{AddressHandle(), contract.address(op.at.value())};
          now.named.at = op.at.value().offset;
        }
      },
      now.operation);
  now.space = machine.space_number(now.named.space);
  if (is_killed(now.space)) return;
  if (now.row.has(kMakesSpace)) now.child = machine.make_space(SpaceHandle(now.named.made));
  if (now.row.has(kIsAccess)) court.leaves.begin_access();
  if (now.row.has(kFreesBlock)) {  // the program has no right to it any more
    now.block = contract.blocks().at(now.named.freed_block);
    (void)contract.commit(now.operation, {});
  }
}

void CommitJudge::end(const Response& r) {
  if (broken()) return;
  const bool is_told = claims.has(Claim::kEffects) && now.row.has(kIsAccess) &&
                       (r.refusal == Refusal::kNone || now.access.fault_page != kNoFrame);
  if (!now.section.answered && is_told)
    return violated(Law::kAnswer, "answer", "told when the access happened", "told at its end");
  if (now.section.answered && !(r == now.section.answer))
    return violated(Law::kAnswer, "answer", print(now.section.answer), print(r));
  if (!now.section.answered) settle(r);
  if (!broken()) conclude(r);
}

// The operation has answered, and counts.
void CommitJudge::settle(const Response& r) {
  if (is_lost(r)) return forget_child();
  if (!(now.row.has(kIsAccess) ? judge_access(r) : judge_answer(r))) return;
  const Span gone = contract.taken_away(now.operation, r);
  adopt(r);
  note_changes(r);
  if (!broken()) court.outcomes.judge(r);
  if (!broken()) court.leaves.judge_emptied(gone);
  court.leaves.judge_touched_leaves(r, gone);
  act().leaves.clear();
  if (r.refusal != Refusal::kNone) forget_child();
}

// Somebody is ending its space, or has ended it, which counts before it.
bool CommitJudge::is_lost(const Response& r) const {
  return now.space != 0 && r == Response{Refusal::kKilled, 0} && is_ending(now.space) &&
         !now.row.has(kEndsSpace) && !now.access.performed;
}

bool CommitJudge::judge_answer(const Response& r) {
  const Expectation expected = contract.expect(now.operation);
  const Alternative* const answer = expected.find(r);
  const Law law = law_of(now.operation, expected, r);
  note(law);
  if (answer == nullptr) {
    violated(law, "answer", expected.words(), print(r));
  } else if (answer->rule == ValueRule::kFreeGap) {
    note(Law::kVma3);
    if (claims.has(Claim::kExactAddresses) && r.value != answer->value)
      violated(Law::kVma3, "address", answer->value, r.value);
  } else if (answer->grounds == Grounds::kMemory) {
    judge_shortage();
  } else if (answer->grounds == Grounds::kCap) {
    // The walk stops at whatever comes first: a refused request, or a page that has all the references it may have.
    note(Law::kRollback1);
    if (now.own.refusal.any || !(now.fork.met_cap || court.leaves.shares_a_page_at_the_cap()))
      violated(law, "refusal", "a page with as many references as it may have", "none");
  }
  return !broken();
}

bool CommitJudge::judge_plain_shortage(const Response& r) {
  judge_shortage();
  if (r.value != 0) violated(Law::kAnswer, "value", 0, r.value);
  return !broken();
}

// Want of memory is a legal answer only if a request was refused, legally, in this very operation.
void CommitJudge::judge_shortage() {
  note(Law::kOom1);
  note(Law::kRollback1);
  if (!now.own.refusal.any) violated(Law::kOom1, "refusal", "no request was refused", "oom");
}

bool CommitJudge::judge_access(const Response& r) {
  if (is_killed(now.space)) return judge_answer(r);
  note(Law::kPerm1);
  if (r.refusal == Refusal::kNone) {
    judge_performed(r);
  } else if (now.access.performed) {
    violated(Law::kAnswer, "refusal", "none: the access has happened", std::string(name_of(r.refusal)));
  } else if (r.refusal == Refusal::kOom) {
    // What the page that faulted would have answered was asked when its fault gave the lock back.
    if (were_faults_told() ? judge_plain_shortage(r) : judge_answer(r)) court.outcomes.judge_killed();
  } else {
    judge_refused_access(r);
  }
  return !broken();
}

void CommitJudge::judge_performed(const Response& r) {
  if (claims.has(Claim::kTranslations) && !now.access.performed)
    return violated(Law::kPerm1, "access", "translated by the TLB", "not");
  note(Law::kContent1);
  const Expectation expected = contract.expect(now.operation);
  if (expected.accepts(r)) return;
  if (const Alternative* const done = expected.find(Refusal::kNone); done != nullptr)
    return violated(law_of(now.operation, expected, r), "value", done->value, r.value);
  if (!is_granted_by_others(r))
    violated(Law::kPerm1, "refusal", std::string(name_of(expected.plainest().refusal)),
             std::string(name_of(r.refusal)));
}

// A protect in flight gives entries more rights before it counts, under the lock: the access may come after it.
bool CommitJudge::is_granted_by_others(const Response& r) {
  return std::any_of(flights.parked.begin(), flights.parked.end(), [&](const Flight& other) {
    const bool may_grant =
        other.space == now.space && other.section.is_open && !other.section.answered && other.row.has(kProtects);
    if (!may_grant) return false;
    const Contract::Mark mark = contract.mark();
    contract.adopt(other.operation, contract.expect(other.operation).plainest());
    const bool accepts = contract.expect(now.operation).accepts(r);
    contract.rewind(mark);
    return accepts;
  });
}

// Refused is the page that faulted last: those before it were translated, whatever became of them since.
void CommitJudge::judge_refused_access(const Response& r) {
  const Operation part = part_refused();
  // A file came to lie there while the operation was in flight: this machine has no contents of files yet.
  const bool is_file = contract.inapplicable(part) == Skip::kFilePage;
  const Refusal expected = is_file ? Refusal::kBus : contract.expect(part).plainest().refusal;
  if (r.refusal != expected)
    return violated(Law::kPerm1, "refusal", std::string(name_of(expected)), std::string(name_of(r.refusal)));
  if (r.value != 0) return violated(Law::kAnswer, "value", 0, r.value);
  const bool is_walked = claims.has(Claim::kTranslations) && expected != Refusal::kKilled && is_in_user_half();
  if (is_walked && !now.access.in_fault) violated(Law::kWalk1, "refused access", "one that faulted", "no fault");
}

bool CommitJudge::is_in_user_half() const {
  const std::uint64_t end = machine.geometry->user_end;
  return now.named.at < end && now.named.width <= end - now.named.at;
}

Operation CommitJudge::part_refused() const {
  Operation part = now.operation;
  std::visit(
      [&]<class Op>(Op& op) {
        if constexpr (IsAccess<Op>) {
          if (now.access.fault_page == kNoFrame) return;
          op.at = Place{AddressHandle(), std::max(op.at.value().offset, now.access.fault_page * kPage)};
          op.width = Width(1);
        }
      },
      part);
  return part;
}

// What the answer does to what exists.
void CommitJudge::adopt(const Response& r) {
  Effects effects;
  effects.faults_told = were_faults_told();
  if (now.row.has(kProtects) && r.refusal == Refusal::kOom && !take_prefix(effects)) return;
  if (now.row.has(kForks)) {
    effects.leaving = families_being_left();
    const bool is_open = claims.has(Claim::kObjects) && may_have_chosen_otherwise(effects.leaving);
    if (is_open) effects.made_family = &now.fork.made_family;
  }
  if (now.row.has(kFreesBlock)) return;  // it counted when it began
  const ForkChoice choice = contract.commit(now.operation, r, effects);
  machine.families_at = machine.clock;
  if (choice == ForkChoice::kImpossible)
    violated(Law::kVma2, "family of the child's range", "a new one: no older one is free", "an older one");
  if (choice == ForkChoice::kOpen) report.give_up();
}

// A protect that was refused memory stopped where a range begins to be changed, and the system says where. If it does
// not say, nobody can go on from there.
bool CommitJudge::take_prefix(Effects& effects) {
  if (!claims.has(Claim::kEffects)) {
    report.give_up();
    return false;
  }
  const std::uint64_t at = now.named.at;
  const std::vector<std::uint64_t> stops = ranges_of(now.space)->protect_stops(at, at + page_ceiling(now.named.length));
  if (std::find(stops.begin(), stops.end(), now.section.stopped_at) == stops.end()) {
    violated(Law::kRollback1, "where it stopped", "where a range begins to be changed",
             std::to_string(now.section.stopped_at));
    return false;
  }
  effects.stopped_at = now.section.stopped_at;
  return true;
}

// What the answer may have changed that observations show.
void CommitJudge::note_changes(const Response& r) {
  if (now.row.has(kOrdersFailure)) machine.fail_countdown = now.named.count;
  if (now.row.has(kProtects) || (now.row.has(kChangesRanges) && r.refusal == Refusal::kNone))
    report.changed(machine.spaces[now.space]);
}

// It is over: handles get their meaning, or lose it. Nobody can name its results before.
void CommitJudge::conclude(const Response& r) {
  contract.conclude(now.operation, r);
  if (r.refusal != Refusal::kNone) return;
  if (now.child != 0) {
    machine.name_space(now.child);
    report.changed(machine.spaces[now.child]);
  }
  if (now.row.has(kEndsSpace)) machine.forget_space(now.space);
}

void CommitJudge::forget_child() {
  if (now.child != 0) machine.forget_space(now.child);
  now.child = 0;
}

void CommitJudge::space_killed(const Event& e) {
  if (!now.row.has(kIsAccess) || !now.own.refusal.any || now.killed)
    return violated(Law::kOom1, "killed space", "an access that was refused memory",
                    std::string(name_of(now.operation)));
  const std::uint32_t root = machine.spaces[now.space].root;
  if (root == 0 || machine.tables.at(root).frame != e.frame.raw())
    return violated(Law::kRollback1, "killed space", "the one that accessed", "root " + std::to_string(e.frame.raw()));
  court.locks.judge_protected(Thing::entries(now.space));
  now.killed = true;
}

// ---- the space's lock ----

void CommitJudge::enter_section() {
  now.section.is_open = true;
  now.section.entered_at = machine.clock;
  court.flushes.section_entered();
  now.access.faulted_page = now.access.fault_page;
  if (now.row.has(kIsAccess)) court.leaves.find_accessed();
}

void CommitJudge::leave_section() {
  now.section.is_open = false;
  court.flushes.judge_section_left();
  if (claims.has(Claim::kEffects) && !now.row.has(kIsAccess) && !now.section.answered && !broken())
    return violated(Law::kAnswer, "answer", "told before the space's lock is given back", "not");
  court.flushes.judge_own_cpu();
  if (now.row.has(kIsAccess) && !broken()) close_fault();
}

void CommitJudge::touch(SpaceHandle space, std::uint64_t byte) {
  contract.touch(space, byte);
  machine.families_at = machine.clock;
}

// What a fault has come to when it gives the space's lock back, unless it has refused the access.
void CommitJudge::close_fault() {
  if (now.section.answered || is_killed(now.space) || now.access.faulted_page == kNoFrame) return;
  const SpaceHandle space = machine.spaces[now.space].handle;
  const std::uint64_t byte = now.access.faulted_page * kPage;
  const Refusal otherwise = contract.expect(part_refused()).plainest().refusal;
  if (now.own.refusal.any) {  // it will be killed; until then the range has the family that a page was asked for
    if (otherwise != Refusal::kNone)
      return violated(Law::kOom1, "fault", std::string(name_of(otherwise)) + " before any request", "refused memory");
    if (now.row.has(kStores) && !now.own.refusal.object) touch(space, byte);
    return;
  }
  if (now.row.has(kStores) && otherwise == Refusal::kNone) {
    touch(space, byte);
    if (claims.has(Claim::kTables)) court.leaves.end_stored_page(now.access.faulted_page, false);
  }
  court.leaves.judge_touched_leaves({}, {});
  act().leaves.clear();
}

// Killed, or being killed by an operation in flight: whoever comes now need not wait for the end of it.
bool CommitJudge::is_ending(std::uint32_t space) const {
  const auto kills = [&](const Flight& other) { return other.space == space && other.killed; };
  return is_killed(space) || std::any_of(flights.parked.begin(), flights.parked.end(), kills);
}

// Has a family changed while this fork had its space's lock, so that it may have been otherwise when it chose? Or are
// others in the middle of what changes families, which counts only when they are done?
bool CommitJudge::may_have_chosen_otherwise(const std::vector<FamilyId>& leaving) const {
  const auto forks = [this](const Flight& other) { return court.leaves.is_forking(other); };
  return machine.families_at > now.section.entered_at || !leaving.empty() ||
         std::any_of(flights.parked.begin(), flights.parked.end(), forks);
}

// Of the spaces in which an operation in flight may have made ranges go, which does not count yet.
std::vector<FamilyId> CommitJudge::families_being_left() const {
  std::vector<FamilyId> leaving;
  for (const Flight& other : flights.parked) {
    const bool keeps = other.row.has(kMakesSpace);
    const Ranges* const ranges = ranges_of(other.space);
    if (keeps || !other.section.is_open || ranges == nullptr) continue;
    for (const auto& [start, range] : ranges->all())
      if (range.family != 0) leaving.push_back(range.family);
  }
  return leaving;
}

}  // namespace mmtwin::model
