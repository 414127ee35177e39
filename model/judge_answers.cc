// Answers: when an operation counts, whether the contract allows what it answered, and what the machine must look like
// then (docs/RULES.md section 7).
//
// A system that tells its effects says where an operation counts: a change of ranges before it gives the space's lock
// back, an access when its last page is translated, or where the fault that refuses it is handled. Everything else
// counts at its end. Alone or beside others, it is then that the contract is asked, and what is answered in the end is
// what was told.
#include <algorithm>

#include "model/answer_law.h"
#include "model/state.h"
#include "vocab/text.h"

namespace mmtwin::model {

void State::committed(const Event& e) {
  if (now.answered || e.index >= kRefusalNames.size())
    return find(Law::kAnswer, "answer", "a known one, told once", std::to_string(e.index));
  const bool is_transfer = is_access() && e.index == static_cast<unsigned>(Refusal::kNone);
  if (now.in_section == is_transfer)
    return find(Law::kAnswer, "answer", "of a transfer, or under the space's lock", "told elsewhere");
  const bool may_stop = is<RangeProtect>() && e.index == static_cast<unsigned>(Refusal::kOom);
  if (e.place != 0 && !may_stop) return find(Law::kAnswer, "place", 0, e.place);
  now.answered = true;
  now.answer = {static_cast<Refusal>(e.index), e.after};
  now.stopped_at = e.place;
  settle(now.answer);
}

void State::end(const Response& r) {
  if (broken()) return;
  if (!now.running) return find(Law::kAnswer, "operation", "one that acts", "none");
  end_of_physical();
  if (!now.held.empty() && !broken()) find(Law::kLock1, "locks held at the end", 0, now.held.size());
  const bool is_told = claims.has(Claim::kEffects) && is_access() &&
                       (r.refusal == Refusal::kNone || now.fault_page != kNoFrame);
  if (broken()) return;
  if (!now.answered && is_told) return find(Law::kAnswer, "answer", "told when the access happened", "told at its end");
  if (now.answered && !(r == now.answer)) return find(Law::kAnswer, "answer", print(now.answer), print(r));
  if (!now.answered) settle(r);
  if (!broken()) conclude(r);
  if (!broken()) {
    end_on_cpu();
    end_of_flushes();
    judge_objects();
  }
  now.running = false;
}

// The operation has answered, and counts.
void State::settle(const Response& r) {
  if (is_lost(r)) return forget_child();
  if (!(is_access() ? judge_access(r) : judge_answer(r))) return;
  const Span gone = contract.taken_away(now.operation, r);
  adopt(r);
  if (!broken()) judge_machine(r);
  if (!broken()) judge_emptied(gone);
  judge_touched_leaves(r, gone);
  now.leaves.clear();
  if (r.refusal != Refusal::kNone) forget_child();
}

// Somebody is ending its space, or has ended it, which counts before it.
bool State::is_lost(const Response& r) const {
  return now.overlapped && now.space != 0 && r == Response{Refusal::kKilled, 0} && is_ending(now.space) &&
         !is<SpaceExit>() && !now.performed;
}

bool State::judge_answer(const Response& r) {
  const Expectation expected = contract.expect(now.operation);
  const Alternative* const answer = expected.find(r);
  const Law law = law_of(now.operation, expected, r);
  note(law);
  if (answer == nullptr) {
    find(law, "answer", expected.words(), print(r));
  } else if (answer->rule == ValueRule::kFreeGap) {
    note(Law::kVma3);
    if (claims.has(Claim::kExactAddresses) && r.value != answer->value)
      find(Law::kVma3, "address", answer->value, r.value);
  } else if (answer->grounds == Grounds::kMemory) {
    judge_shortage();
  } else if (answer->grounds == Grounds::kCap) {
    // The walk stops at whatever comes first: a refused request, or a page that has all the references it may have.
    note(Law::kRollback1);
    if (now.refused || !(now.met_cap || shares_a_page_at_the_cap()))
      find(law, "refusal", "a page with as many references as it may have", "none");
  }
  return !broken();
}

bool State::judge_plain_shortage(const Response& r) {
  judge_shortage();
  if (r.value != 0) find(Law::kAnswer, "value", 0, r.value);
  return !broken();
}

// Want of memory is a legal answer only if a request was refused, legally, in this very operation.
void State::judge_shortage() {
  note(Law::kOom1);
  note(Law::kRollback1);
  if (!now.refused) find(Law::kOom1, "refusal", "no request was refused", "oom");
}

bool State::judge_access(const Response& r) {
  if (is_killed(now.space)) return judge_answer(r);
  note(Law::kPerm1);
  if (r.refusal == Refusal::kNone) {
    judge_performed(r);
  } else if (now.performed) {
    find(Law::kAnswer, "refusal", "none: the access has happened", std::string(name_of(r.refusal)));
  } else if (r.refusal == Refusal::kOom) {
    // What the page that faulted would have answered was asked when its fault gave the lock back.
    if (were_faults_told() ? judge_plain_shortage(r) : judge_answer(r)) judge_killed();
  } else {
    judge_refused_access(r);
  }
  return !broken();
}

void State::judge_performed(const Response& r) {
  if (claims.has(Claim::kTranslations) && !now.performed)
    return find(Law::kPerm1, "access", "translated by the TLB", "not");
  note(Law::kContent1);
  const Expectation expected = contract.expect(now.operation);
  if (expected.accepts(r)) return;
  if (const Alternative* const done = expected.find(Refusal::kNone); done != nullptr)
    return find(law_of(now.operation, expected, r), "value", done->value, r.value);
  if (!is_granted_by_others(r))
    find(Law::kPerm1, "refusal", std::string(name_of(expected.plainest().refusal)), std::string(name_of(r.refusal)));
}

// A protect in flight gives entries more rights before it counts, under the lock: the access may come after it.
bool State::is_granted_by_others(const Response& r) {
  return std::any_of(parked.begin(), parked.end(), [&](const Now& other) {
    const bool may_grant = other.space == now.space && other.in_section && !other.answered &&
                           std::holds_alternative<RangeProtect>(other.operation);
    if (!may_grant) return false;
    const Contract::Mark mark = contract.mark();
    contract.adopt(other.operation, contract.expect(other.operation).plainest());
    const bool accepts = contract.expect(now.operation).accepts(r);
    contract.rewind(mark);
    return accepts;
  });
}

// Refused is the page that faulted last: those before it were translated, whatever became of them since.
void State::judge_refused_access(const Response& r) {
  const Operation part = part_refused();
  // A file came to lie there while the operation was in flight: this machine has no contents of files yet.
  const bool is_file = contract.inapplicable(part) == Skip::kFilePage;
  const Refusal expected = is_file ? Refusal::kBus : contract.expect(part).plainest().refusal;
  if (r.refusal != expected)
    return find(Law::kPerm1, "refusal", std::string(name_of(expected)), std::string(name_of(r.refusal)));
  if (r.value != 0) return find(Law::kAnswer, "value", 0, r.value);
  const bool is_walked = claims.has(Claim::kTranslations) && expected != Refusal::kKilled && is_in_user_half();
  if (is_walked && !now.in_fault) find(Law::kWalk1, "refused access", "one that faulted", "no fault");
}

bool State::is_in_user_half() const {
  return std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (IsAccess<Op>) {
          const std::uint64_t at = op.at.value().offset;
          return at < geometry->user_end && op.width.raw() <= geometry->user_end - at;
        }
        return false;
      },
      now.operation);
}

Operation State::part_refused() const {
  Operation part = now.operation;
  std::visit(
      [&]<class Op>(Op& op) {
        if constexpr (IsAccess<Op>) {
          if (now.fault_page == kNoFrame) return;
          op.at = Place{AddressHandle(), std::max(op.at.value().offset, now.fault_page * kPage)};
          op.width = Width(1);
        }
      },
      part);
  return part;
}

// What the answer does to what exists.
void State::adopt(const Response& r) {
  Effects effects;
  effects.faults_told = were_faults_told();
  if (is<RangeProtect>() && r.refusal == Refusal::kOom && !take_prefix(effects)) return;
  if (is<SpaceFork>() && now.overlapped) {
    effects.leaving = families_being_left();
    const bool is_open = claims.has(Claim::kObjects) && may_have_chosen_otherwise(effects.leaving);
    if (is_open) effects.made_family = &now.made_family;
  }
  if (is<PagesFree>()) return;  // it counted when it began
  const ForkChoice choice = contract.commit(now.operation, r, effects);
  if (choice == ForkChoice::kImpossible)
    find(Law::kVma2, "family of the child's range", "a new one: no older one is free", "an older one");
  gave_up = gave_up || choice == ForkChoice::kOpen;
}

// A protect that was refused memory stopped where a range begins to be changed, and the system says where. If it does
// not say, nobody can go on from there.
bool State::take_prefix(Effects& effects) {
  if (!claims.has(Claim::kEffects)) {
    gave_up = true;
    return false;
  }
  const auto& op = std::get<RangeProtect>(now.operation);
  const std::uint64_t at = op.at.value().offset;
  const std::vector<std::uint64_t> stops =
      ranges_of(now.space)->protect_stops(at, at + page_ceiling(op.length.raw()));
  if (std::find(stops.begin(), stops.end(), now.stopped_at) == stops.end()) {
    find(Law::kRollback1, "where it stopped", "where a range begins to be changed", std::to_string(now.stopped_at));
    return false;
  }
  effects.stopped_at = now.stopped_at;
  return true;
}

// It is over: handles get their meaning, or lose it. Nobody can name its results before.
void State::conclude(const Response& r) {
  contract.conclude(now.operation, r);
  if (r.refusal != Refusal::kNone) return;
  if (now.child != 0) name_space(now.child);
  if (is<SpaceExit>()) forget_space(now.space);
}

void State::forget_child() {
  if (now.child != 0) forget_space(now.child);
  now.child = 0;
}

// What the machine must look like now, by operation.
void State::judge_machine(const Response& r) {
  std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (requires { end_pages(op, r); }) {
          end_pages(op, r);
        } else if constexpr (std::is_same_v<Op, SlabShrink>) {
          end_shrink();
        } else if constexpr (makes<Op>() == 'p') {
          end_making(r);
        } else if constexpr (std::is_same_v<Op, SpaceExit>) {
          end_exit();
        } else if constexpr (std::is_same_v<Op, CpuSwitchSpace>) {
          end_switch(op);
        } else if constexpr (std::is_same_v<Op, RangeProtect>) {
          const std::uint64_t at = op.at.value().offset;
          space_changed(now.space);
          judge_leaves_of(now.space, at, std::max(at, at + page_ceiling(op.length.raw())));
        } else if constexpr (std::is_same_v<Op, MemoryStore>) {
          const bool looks_at_pages = claims.has(Claim::kTables) && !were_faults_told() && !now.overlapped;
          if (looks_at_pages && r.refusal == Refusal::kNone) end_stored_pages();
        } else if constexpr (std::is_same_v<Op, FailNext>) {
          fail_countdown = op.n.raw();
        } else if constexpr (HasSpace<Op> && may_want_memory<Op>() && !IsAccess<Op>) {
          if (r.refusal == Refusal::kNone) space_changed(now.space);
        }
      },
      now.operation);
}

}  // namespace mmtwin::model
