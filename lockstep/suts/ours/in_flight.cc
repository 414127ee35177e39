#include "lockstep/suts/ours/in_flight.h"

#include <algorithm>

namespace mmtwin::lockstep {

namespace {

struct Argument {
  InFlight::Task task;
  CpuId cpu;
};

}  // namespace

void InFlight::abandon() {
  schedule_.abandon();
  waiting_.clear();
  count_ = 0;
  acting_ = StepNumber(0);
  is_stuck_ = false;
}

bool InFlight::start(CpuId cpu, StepNumber step, Pause pause) {
  steps_[cpu.raw()] = step;
  acting_ = step;
  ++count_;
  Argument argument{task_, cpu};
  const auto body = [](void* a) {
    const Argument own = *static_cast<Argument*>(a);  // the caller's goes with its first return
    own.task.body(own.task.owner, own.cpu);
  };
  if (run(cpu, schedule_.start(cpu, body, &argument, pause)) != Stop::kEnded) return false;
  end(cpu, false);
  return true;
}

void InFlight::go_on(CpuId cpu, Pause pause) {
  act_as(cpu);
  if (run(cpu, schedule_.go_on(cpu, pause)) == Stop::kEnded) end(cpu, true);
}

// Whoever must wait has others run first. Nobody got any further since: it waits in a circle, and nothing more happens.
InFlight::Stop InFlight::run(CpuId cpu, Stop stop) {
  if (schedule_.stops_everywhere()) return stop;
  while (stop == Stop::kBlocked && !is_stuck_) {
    const std::uint64_t before = schedule_.moves();
    help(cpu);
    if (is_stuck_) return stop;
    const bool is_in_vain = schedule_.moves() == before;
    if (is_in_vain && !waiting_.empty()) return stop;  // whoever waits for this one tries again
    act_as(cpu);
    stop = schedule_.go_on(cpu);
    if (stop == Stop::kBlocked && schedule_.moves() == before) {
      is_stuck_ = true;
      tell(EventKind::kStuck, cpu, 0);
    }
  }
  if (stop == Stop::kEndless && !is_stuck_) {
    is_stuck_ = true;
    tell(EventKind::kStuck, cpu, 1);
  }
  return stop;
}

// Who holds what the operation wants runs on, unless that one waits already.
void InFlight::help(CpuId cpu) {
  waiting_.push_back(cpu.raw());
  unsigned holder = schedule_.wanted(cpu);
  if (holder == impl::kAnybody || !has(CpuId(holder))) holder = lowest_but_waiting();
  if (holder != impl::kAnybody && !is_waiting(holder)) go_on(CpuId(holder), Pause{});
  waiting_.pop_back();
}

bool InFlight::is_waiting(unsigned cpu) const {
  return std::find(waiting_.begin(), waiting_.end(), cpu) != waiting_.end();
}

unsigned InFlight::lowest_but_waiting() const {
  unsigned lowest = impl::kAnybody;
  for (unsigned cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (!has(CpuId(cpu)) || is_waiting(cpu)) continue;
    if (lowest == impl::kAnybody || steps_[cpu] < steps_[lowest]) lowest = cpu;
  }
  return lowest;
}

void InFlight::act_as(CpuId cpu) {
  if (acting_ == steps_[cpu.raw()]) return;
  acting_ = steps_[cpu.raw()];
  tell(EventKind::kWentOn, cpu);
}

void InFlight::end(CpuId cpu, bool narrated) {
  --count_;
  const Response& answer = answers_[cpu.raw()];
  if (narrated) tell(EventKind::kEnded, cpu, static_cast<std::uint16_t>(answer.refusal), answer.value);
  acting_ = StepNumber(0);
}

void InFlight::tell(EventKind kind, CpuId cpu, std::uint16_t index, std::uint64_t after) {
  sink_->on_event({.kind = kind, .cpu = cpu, .index = index, .place = steps_[cpu.raw()].raw(), .after = after});
}

}  // namespace mmtwin::lockstep
