#include "model/judges/schedule.h"

#include <algorithm>

#include "model/court.h"
#include "model/rows/activity_rows.h"
#include "model/rows/event_rows.h"

namespace mmtwin::model {

void ScheduleJudge::park() {
  leave();
  flights.park();
}

// Others act from here on, and see what this operation has done so far. An open request may have chosen its zone last
// thing: the watermark is read without the lock, in Linux as well.
void ScheduleJudge::leave() {
  court.requests.others_act();
  court.objects.others_act();
  if (now.row.has(kForks) && now.section.is_open)
    now.fork.met_cap = now.fork.met_cap || court.leaves.shares_a_page_at_the_cap();
}

// Others have acted: zones may have become full or empty under an open request.
void ScheduleJudge::arrive() {
  take_cpu();
  if (now.schedule.lost_cpu) {
    now.schedule.lost_cpu = now.schedule.acted = false;
    now.schedule.returns = true;
  }
  court.requests.others_act();
  court.objects.others_act();
}

// What is done inside of what: the table, and a request that nobody could serve otherwise.
void ScheduleJudge::judge_nesting(const Event& e) {
  const Activity& outer = act();
  const bool is_known = e.index < kActivityNames.size();
  const auto kind = static_cast<ActivityKind>(is_known ? e.index : 0);
  if (!row_of(kind).may_nest_in(outer.kind))
    return violated(Law::kAnswer, "activity", "one that may be inside of " + std::string(name_of(outer.kind)),
                    is_known ? std::string(name_of(kind)) : "unknown");
  const bool is_for_request = kind == ActivityKind::kReclaim;
  if (is_for_request && !(outer.asking.request.open && court.requests.turn_to_draining()))
    violated(Law::kAnswer, "activity", "for a request that may wait and that nobody can serve",
             std::string(name_of(kind)));
}

// The CPU runs the operation that acts. If another one was at work there, it gave the CPU away.
void ScheduleJudge::take_cpu() {
  for (Flight& other : flights.parked) {
    if (other.cpu != now.cpu || other.schedule.lost_cpu) continue;
    judge_left_cpu(other);
    other.schedule.lost_cpu = true;
  }
}

// Before an operation does anything more on a CPU that another one had, its space is loaded there again.
void ScheduleJudge::judge_return(const Event& e) {
  if (e.kind == EventKind::kSpaceLoaded || e.kind == EventKind::kSpaceUnloaded) return;
  now.schedule.returns = false;
  const Cpu& cpu = machine.cpus[now.cpu];
  note(Law::kCpu1);
  if (now.space == 0 || (cpu.space == now.space && !cpu.lazy) || !claims.has(Claim::kTranslations)) return;
  // What cannot be loaded is not; then nobody else's user code may run, either.
  if (cannot_be_loaded(now.space) && (cpu.lazy || cpu.space == now.space)) return;
  violated(Law::kCpu1, "loaded space", "the operation's, before it goes on", "another");
}

// It is ending, or over.
bool ScheduleJudge::cannot_be_loaded(std::uint32_t space) const {
  return machine.spaces[space].root == 0 || court.commits.is_ending(space);
}

void ScheduleJudge::went_on(const Event& e) {
  if (now.running && now.step == e.place)
    return violated(Law::kAnswer, "operation that goes on", "another than the one that acts", "the same");
  const auto other = std::find_if(flights.parked.begin(), flights.parked.end(),
                                  [&](const Flight& in_flight) { return in_flight.step == e.place; });
  if (other == flights.parked.end())
    return violated(Law::kAnswer, "operation", "one in flight", "step " + std::to_string(e.place));
  if (now.running) leave();
  flights.go_on(other);
  judge_told_cpu(e);
  arrive();
}

// An operation stays on its CPU.
void ScheduleJudge::judge_told_cpu(const Event& e) {
  note(Law::kCpu1);
  if (e.cpu.raw() != now.cpu) violated(Law::kCpu1, "cpu", now.cpu, e.cpu.raw());
}

void ScheduleJudge::ended(const Event& e) {
  if (!now.running || now.step != e.place || e.index >= kRefusalNames.size())
    return violated(Law::kAnswer, "ended operation", "the one that acts", "step " + std::to_string(e.place));
  note(Law::kLive2);
  judge_told_cpu(e);
  court.end({static_cast<Refusal>(e.index), e.after});
}

void ScheduleJudge::judge_ended(StepNumber step) {
  if (broken()) return;
  const auto is_it = [step](const Flight& in_flight) { return in_flight.step == step.raw(); };
  note(Law::kLive2);
  if ((now.running && is_it(now)) || std::any_of(flights.parked.begin(), flights.parked.end(), is_it))
    violated(Law::kLive2, "ended operation", "told to have ended", "in flight: step " + std::to_string(step.raw()));
}

// A handle that an operation in flight is about to give or to take away.
bool ScheduleJudge::is_in_use(const Operation& operation) const {
  const OperationRow row = row_of(operation);
  const Operands named = operands_of(operation);
  const auto clashes = [&](const Flight& flight) {
    const bool makes_the_same = named.made != 0 && named.makes == flight.named.makes && named.made == flight.named.made;
    const bool frees_the_same =
        row.has(kFreesBlock) && flight.row.has(kFreesBlock) && named.freed_block == flight.named.freed_block;
    return makes_the_same || frees_the_same || (flight.row.has(kEndsSpace) && named.space == flight.named.space);
  };
  return (now.running && clashes(now)) || flights.any_parked(clashes);
}

// Another operation has got the CPU: it was given away where nothing spins and the hardware is not in the middle.
void ScheduleJudge::judge_left_cpu(const Flight& other) {
  court.locks.judge_left_cpu(other);
  note(Law::kCpu1);
  const bool is_amid = other.any_activity(
      [](const Activity& activity) { return activity.calls.asked != 0 || activity.frames.bare != kNoFrame; });
  if (other.access.walk.begun || is_amid)
    violated(Law::kCpu1, "CPU", "kept: a walk, an interrupt or a new frame is not done with",
             "given to another operation");
}

void ScheduleJudge::stuck(const Event& e) {
  if (e.index == 0) return violated(Law::kLock1, "waiting", "ends", "in a circle");
  violated(Law::kLive2, "steps", "boundedly many", "it goes round");
}

bool ScheduleJudge::admits(const Event& e, unsigned traits) {
  // Nearly always nothing is open, awaited or out of the ordinary.
  const Activity& top = act();
  if (!now.running || e.cpu.raw() != top.cpu || top.kind == ActivityKind::kInterrupt || now.schedule.returns ||
      top.asking.request.open || top.objects.asked.open || top.calls.asked != 0 || top.frames.bare != kNoFrame ||
      (now.section.answered && now.section.is_open))
    return admits_amid(e, traits);
  note_acting(e, traits);
  return !broken();
}

// Something is open.
bool ScheduleJudge::admits_amid(const Event& e, unsigned traits) {
  if (!now.running) {
    violated(Law::kAnswer, "event", "of an operation that acts", std::string(name_of(e.kind)));
    return false;
  }
  if (now.schedule.returns) judge_return(e);
  if (!is_of_access(e, traits)) {
    court.requests.judge_answering(e, traits);
    court.frames.judge_bare(e, traits);
  }
  note_acting(e, traits);
  return acts_where_it_may(e, traits) && is_before_release(e);
}

bool ScheduleJudge::is_of_access(const Event& e, unsigned traits) const {
  return (traits & kOfAccess) != 0 && (e.kind != EventKind::kCommitted || now.row.has(kIsAccess));
}

void ScheduleJudge::note_acting(const Event& e, unsigned traits) {
  if (!is_of_access(e, traits))
    court.walks.software_acts(e, traits);
  else if ((traits & kByWalker) != 0)
    now.access.in_fault = false;
  if ((traits & kLoadsSpace) == 0) now.schedule.acted = true;
  now.schedule.last_event = e.kind;
}

// On the operation's CPU; another one only gives back its lists, forgets translations or leaves a space that ends, and
// only in an interrupt.
bool ScheduleJudge::acts_where_it_may(const Event& e, unsigned traits) {
  const std::uint32_t cpu = e.cpu.raw();
  const bool is_interrupt = act().kind == ActivityKind::kInterrupt && e.kind != EventKind::kInterruptAnswered;
  const unsigned acting = is_interrupt ? act().cpu : now.cpu;
  if (acting != now.cpu) note(Law::kCpu1);
  if (is_interrupt && cpu == now.cpu) {
    court.interrupts.judge_waiting_for_answers(e, 0);
    return false;
  }
  if (cpu != acting || (is_interrupt && (traits & kOfInterrupted) == 0)) {
    violated(Law::kCpu1, "cpu", acting, cpu);
    return false;
  }
  if (!is_interrupt && act().calls.asked != 0) court.interrupts.judge_waiting_for_answers(e, traits);
  return !broken();
}

// Once an operation counts, its section comes to an end.
bool ScheduleJudge::is_before_release(const Event& e) {
  const bool gives_back = e.kind == EventKind::kLockReleased && e.index == static_cast<unsigned>(LockClass::kSpace);
  if (!now.section.answered || !now.section.is_open || gives_back) return true;
  violated(Law::kAnswer, "event", "the space's lock is given back: all that counts was told",
           std::string(name_of(e.kind)));
  return false;
}

}  // namespace mmtwin::model
