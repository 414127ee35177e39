// The course of one operation through the model: applicable? begin, events, end.
#include "model/court.h"

#include <cstdlib>

#include "model/rows/event_rows.h"
#include "vocab/text.h"

namespace mmtwin::model {

void Court::start(const MachineDescription& description, const Claims& what) {
  machine.start(description);
  contract.start(description);
  claims = what;
  report.start();
  flights.start();
  begin(Operation(FailNext{}), StepNumber(0));
  flights.now.boot = true;
}

void Court::booted() {
  if (machine.kernel_root == kNoFrame || machine.zero_frame == kNoFrame)
    report.violated(Law::kPt1, "boot", "takes the kernel root and the zero page", "not both");
  else if (!machine.frames.at(machine.kernel_root).zeroed || !machine.frames.at(machine.zero_frame).zeroed)
    report.violated(Law::kIso2, "boot", "zeroes the kernel root and the zero page", "not both");
  machine.booted();
  judge_left_behind();
  flights.now.boot = false;
  flights.end();
  report.forget_changes();
}

Skip Court::inapplicable(const Operation& operation) const {
  if ((flights.now.running || !flights.parked.empty()) && schedule.is_in_use(operation)) return Skip::kTakenHandle;
  const Skip skip = contract.inapplicable(operation);
  if (skip != Skip::kNone) return skip;
  const bool is_lazy = machine.cpus[cpu_of(operation).raw()].lazy;
  return is_lazy && row_of(operation).has(kNeedsLoadedSpace) ? Skip::kNoSpace : Skip::kNone;
}

void Court::begin(const Operation& operation, StepNumber step) {
  if (flights.now.running) schedule.park();
  if (flights.parked.empty()) report.begin_batch();
  flights.begin(operation, step.raw());
  flights.now.began_at = machine.clock;
  commits.begin();
  schedule.take_cpu();
}

// Numbers that would lead out of the judges' own tables.
bool Court::fits_machine(const Event& e, unsigned traits) {
  if (e.cpu.raw() >= machine.cpus.size()) {
    report.violated(Law::kAnswer, "cpu", "one of the machine", std::to_string(e.cpu.raw()));
    return false;
  }
  if ((traits & kNamesSlot) == 0) return true;
  const Cpu& cpu = machine.cpus[e.cpu.raw()];
  if (e.kind == EventKind::kTlbDropped) {
    if (e.index < cpu.tlb.size()) return true;
    report.violated(Law::kTlb1, "slot", "inside the TLB", std::to_string(e.index));
    return false;
  }
  if (e.level < cpu.walk.size() && e.index < cpu.walk[e.level].size()) return true;
  report.violated(Law::kTlb2, "slot", "inside the walk cache", std::to_string(e.index));
  return false;
}

void Court::on_event(const Event& e) {
  const unsigned traits = kEventTraits[static_cast<unsigned>(e.kind)];
  if (report.is_broken() || !fits_machine(e, traits)) return;
  ++machine.clock;
  if ((traits & kOfHarness) == 0 && !schedule.admits(e, traits)) return;
  switch (e.kind) {
    case EventKind::kFrameTaken: return frames.frame_taken(e);
    case EventKind::kFrameReturned: return frames.frame_returned(e);
    case EventKind::kFrameZeroed: return frames.frame_zeroed(e);
    case EventKind::kFrameCopied: return frames.frame_copied(e);
    case EventKind::kTableStore: return tables.table_store(e);
    case EventKind::kTableMark: return tables.table_mark(e);
    case EventKind::kSpaceLoaded: return loads.space_loaded(e);
    case EventKind::kSpaceUnloaded: return loads.space_unloaded(e);
    case EventKind::kTlbFilled: return walks.tlb_filled(e);
    case EventKind::kTlbUsed: return walks.tlb_used(e);
    case EventKind::kTlbDropped: return flushes.tlb_dropped(e);
    case EventKind::kWalkCacheFilled: return walks.walk_cache_filled(e);
    case EventKind::kWalkCacheUsed: return walks.walk_cache_used(e);
    case EventKind::kWalkCacheDropped: return flushes.walk_cache_dropped(e);
    case EventKind::kInterruptSent: return interrupts.interrupt_sent(e);
    case EventKind::kInterrupted: return interrupts.interrupted(e);
    case EventKind::kInterruptAnswered: return interrupts.interrupt_answered(e);
    case EventKind::kLockTaken: return locks.lock_taken(e);
    case EventKind::kLockReleased: return locks.lock_released(e);
    case EventKind::kFaulted: return walks.faulted(e);
    case EventKind::kFailureInjected: return requests.failure_injected();
    case EventKind::kPageRequested: return requests.page_requested(e);
    case EventKind::kPageRefused: return requests.page_refused();
    case EventKind::kObjectRequested: return objects.object_requested(e);
    case EventKind::kObjectRefused: return objects.object_refused(e);
    case EventKind::kObjectReturned: return objects.object_returned(e);
    case EventKind::kListFilled: return lists.list_filled(e);
    case EventKind::kListDrained: return lists.list_drained(e);
    case EventKind::kSpaceKilled: return commits.space_killed(e);
    case EventKind::kCommitted: return commits.committed(e);
    case EventKind::kWentOn: return schedule.went_on(e);
    case EventKind::kEnded: return schedule.ended(e);
    case EventKind::kStuck: return schedule.stuck(e);
    case EventKind::kActivityBegun: return activity_begun(e);
    case EventKind::kActivityEnded: return activity_ended(e);
  }
}

void Court::end(const Response& r) {
  if (report.is_broken()) return;
  if (!flights.now.running) return report.violated(Law::kAnswer, "operation", "one that acts", "none");
  if (!flights.now.nested.empty()) {
    const ActivityKind open = flights.top().kind;
    return report.violated(open == ActivityKind::kInterrupt ? Law::kCpu2 : Law::kAnswer, "activity",
                           "ended before its operation", std::string(name_of(open)));
  }
  judge_left_behind();
  commits.end(r);
  if (!report.is_broken()) walks.judge_end();
  if (!report.is_broken()) flushes.judge_end();
  if (!report.is_broken()) objects.judge_end();
  flights.end();
}

// What the activity that is over, or its operation, must not leave open.
void Court::judge_left_behind() {
  requests.judge_end();
  lists.judge_end();
  frames.judge_end();
  locks.judge_end();
}

void Court::activity_begun(const Event& e) {
  schedule.judge_nesting(e);
  if (report.is_broken()) return;
  flights.push(static_cast<ActivityKind>(e.index), flights.top().cpu).began_at = machine.clock;
}

void Court::activity_ended(const Event& e) {
  if (flights.now.nested.empty() || static_cast<unsigned>(flights.top().kind) != e.index ||
      flights.top().kind == ActivityKind::kInterrupt)
    return report.violated(Law::kAnswer, "ended activity", "the innermost one", std::to_string(e.index));
  judge_left_behind();
  if (!report.is_broken()) flushes.judge_paid();
  if (!report.is_broken()) leaves.judge_touched_leaves({}, {});
  const bool took_slab = flights.top().objects.took_slab;
  flights.pop();
  flights.top().objects.took_slab |= took_slab;
}

void Court::audit_self() const {
  if (!machine.recount()) std::abort();
}

}  // namespace mmtwin::model
