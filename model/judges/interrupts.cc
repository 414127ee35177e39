#include "model/judges/interrupts.h"

#include <algorithm>

#include "model/court.h"
#include "model/rows/event_rows.h"

namespace mmtwin::model {

// Who has interrupted a CPU does nothing until it has answered but to forget its own translations.
void InterruptJudge::judge_waiting_for_answers(const Event& e, unsigned traits) {
  note(Law::kCpu2);
  if ((traits & kWhileAwaited) == 0)
    violated(Law::kCpu2, "sender of an interrupt", "waits for the answer", std::string(name_of(e.kind)));
}

// The CPU is about to run the space, or has just left it: those who count who runs it count the CPU before that is told
// and until after (Linux's mm_cpumask as well), and then it is interrupted for nothing. So it is where it was lazy in
// the space, and wakes to run whichever.
bool InterruptJudge::is_switching(std::uint32_t cpu, std::uint32_t space) const {
  const Cpu& at = machine.cpus[cpu];
  return std::any_of(flights.parked.begin(), flights.parked.end(), [&](const Flight& other) {
    if (other.cpu != cpu || other.schedule.lost_cpu) return false;
    const bool comes = at.space == space ? at.lazy && other.space != 0 : other.space == space;
    return (comes && !other.schedule.acted) ||
           (other.schedule.left == space && other.schedule.last_event == EventKind::kSpaceLoaded);
  });
}

// The space that the interrupt is about, by its root table; 0: none.
std::uint32_t InterruptJudge::subject_of(const Event& e) const {
  constexpr std::uint32_t kUnknown = ~std::uint32_t{0};
  const std::uint64_t frame = e.frame.raw();
  if (frame == kNoRoot) return 0;
  if (!machine.frames.exists(frame)) return kUnknown;
  const FrameRecord& record = machine.frames.at(frame);
  const bool is_root = record.state == FrameState::kUsed && record.role == Role::kRootTable;
  if (!is_root || frame == machine.kernel_root) return kUnknown;
  return machine.tables.at(record.object).space;
}

// Who must empty its lists: whom the operation names, or all for a request that nobody could serve; each once.
bool InterruptJudge::may_ask_to_drain(std::uint32_t cpu) const {
  const std::uint32_t bit = 1u << cpu;
  if (now.row.has(kDrainsList)) return now.named.target == cpu && ((act().calls.asked | act().calls.heard) & bit) == 0;
  const Activity* const asks = court.requests.asking();
  return asks != nullptr && asks->asking.request.draining && (asks->asking.request.interrupted & bit) == 0;
}

// Who must leave the space that ends: whoever runs it, or has just left it; each once.
bool InterruptJudge::may_ask_to_leave(std::uint32_t cpu, std::uint32_t space) const {
  const bool ends = now.row.has(kEndsSpace) || now.killed;
  const bool runs_it =
      machine.cpus[cpu].space == space || is_switching(cpu, space) || (act().calls.left >> cpu & 1u) != 0;
  return ends && space == now.space && runs_it && (act().calls.expelled >> cpu & 1u) == 0;
}

bool InterruptJudge::may_ask(std::uint32_t cpu, InterruptReason reason, std::uint32_t space) const {
  const InterruptNotes& calls = act().calls;
  if (calls.asked != 0 && (calls.reason != reason || calls.space != space)) return false;  // one thing at a time
  switch (reason) {
    case InterruptReason::kDrain: return space == 0 && may_ask_to_drain(cpu);
    case InterruptReason::kFlush: return space != 0 && court.flushes.may_ask(cpu, space);
    case InterruptReason::kLeave: return space != 0 && may_ask_to_leave(cpu, space);
  }
  return false;
}

void InterruptJudge::interrupt_sent(const Event& e) {
  note(Law::kCpu2);
  const auto reason = static_cast<InterruptReason>(e.level);
  const std::uint32_t space = subject_of(e);
  if (reason == InterruptReason::kDrain) court.requests.turn_to_draining();
  if (e.level >= kReasonNames.size() || e.index >= machine.cpus.size() || e.index == now.cpu ||
      !may_ask(e.index, reason, space))
    return violated(Law::kCpu2, "interrupted CPU", "one whose lists or translations are concerned",
                    std::to_string(e.index));
  const std::uint32_t bit = 1u << e.index;
  InterruptNotes& calls = act().calls;
  calls.reason = reason;
  calls.space = space;
  calls.asked |= bit;
  if (reason == InterruptReason::kLeave) calls.expelled |= bit;
  if (reason != InterruptReason::kDrain)
    court.flushes.asked(e.index, space, reason);
  else if (Activity* const asks = court.requests.asking(); asks != nullptr)
    asks->asking.request.interrupted |= bit;
}

// From here on that CPU acts, for who asked it.
void InterruptJudge::interrupted(const Event& e) {
  note(Law::kCpu2);
  if (act().kind == ActivityKind::kInterrupt || e.index >= machine.cpus.size() ||
      (act().calls.asked >> e.index & 1u) == 0 || static_cast<unsigned>(act().calls.reason) != e.level ||
      subject_of(e) != act().calls.space)
    return violated(Law::kCpu2, "interrupted CPU", "one that was asked", std::to_string(e.index));
  const InterruptNotes& calls = act().calls;
  const InterruptReason reason = calls.reason;
  const std::uint32_t space = calls.space;
  Activity& interrupt = flights.push(ActivityKind::kInterrupt, e.index);
  interrupt.began_at = machine.clock;
  interrupt.reason = reason;
  interrupt.space = space;
  if (reason == InterruptReason::kDrain) court.lists.look_for_drainer();
}

// What was asked of the CPU is done.
void InterruptJudge::interrupt_answered(const Event& e) {
  if (act().kind != ActivityKind::kInterrupt || act().cpu != e.index)
    return violated(Law::kCpu2, "answering CPU", "one that was interrupted", std::to_string(e.index));
  court.locks.judge_end();
  const std::uint64_t began_at = act().began_at;
  flights.pop();
  const std::uint32_t bit = 1u << e.index;
  InterruptNotes& calls = act().calls;
  const bool is_first = (calls.heard & bit) == 0;
  calls.heard |= bit;
  calls.asked &= ~bit;
  if (calls.reason == InterruptReason::kDrain) return court.lists.judge_drained_list(e.index);
  // What takes translations away comes between walks: one that went on would use what it read before.
  for (const Flight& other : flights.parked) {
    if (other.cpu != e.index) continue;
    note(Law::kTlb2);
    if (other.access.walk.begun) return violated(Law::kTlb2, "interrupted CPU", "not in the middle of a walk", "it is");
  }
  court.flushes.heard(e.index, is_first, began_at);
}

// The CPU runs another space than the one it left: who ends that one may have looked before.
void InterruptJudge::space_left(std::uint32_t cpu, std::uint32_t left) {
  for (Flight& other : flights.parked)
    if (other.space == left && ((other.row.has(kEndsSpace) && other.section.is_open) || other.killed))
      other.own.calls.left |= 1u << cpu;
}

}  // namespace mmtwin::model
