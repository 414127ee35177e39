#include "lockstep/suts/ours/in_flight.h"

#include <algorithm>

namespace mmtwin::lockstep {

namespace {

struct Argument {
  InFlight::Task task;
  unsigned seat;
};

CpuId cpu_of_seat(unsigned seat) { return CpuId(impl::Schedule::cpu_of_seat(seat)); }

}  // namespace

void InFlight::abandon() {
  schedule_.abandon();
  waiting_.clear();
  count_ = 0;
  acting_ = StepNumber(0);
  is_stuck_ = has_broken_machine_ = false;
}

bool InFlight::run_alone(CpuId cpu, StepNumber step, impl::Schedule::Body body, void* argument,
                         std::uint64_t most_edges) {
  if (impl::Schedule::run_alone(body, argument, most_edges) == Stop::kEnded) return true;
  const unsigned seat = cpu.raw() * impl::Schedule::kSeats;
  steps_[seat] = step;
  get_stuck(seat, 1);
  return false;
}

unsigned InFlight::seat_of(StepNumber step) const {
  if (count_ == 0) return impl::kAnybody;
  for (unsigned seat = 0; seat < steps_.size(); ++seat)
    if (steps_[seat] == step && schedule_.is_in_flight(seat)) return seat;
  return impl::kAnybody;
}

void InFlight::start(unsigned seat, StepNumber step, Pause pause) {
  steps_[seat] = step;
  acting_ = step;
  ++count_;
  Argument argument{task_, seat};
  const auto body = [](void* a) {
    const Argument own = *static_cast<Argument*>(a);  // the caller's goes with its first return
    own.task.body(own.task.owner, own.seat);
  };
  if (run(seat, schedule_.start(seat, body, &argument, pause)) == Stop::kEnded) end(seat, false);
}

void InFlight::go_on(unsigned seat, Pause pause) {
  if (!get_cpu(seat)) {
    if (waiting_.empty() && !is_stuck_) get_stuck(seat, 0);
    return;
  }
  if (!schedule_.is_in_flight(seat)) return;  // who had the CPU needed what it held, and let it end
  act_as(seat);
  if (run(seat, schedule_.go_on(seat, pause)) == Stop::kEnded) end(seat, true);
}

// Who has the CPU and may not leave it there goes on. False: it cannot, either.
bool InFlight::get_cpu(unsigned seat) {
  const CpuId cpu = cpu_of_seat(seat);
  while (!schedule_.may_run(seat)) {
    const unsigned holder = schedule_.holder_of_cpu(cpu);
    const std::uint64_t before = schedule_.moves();
    if (is_waiting(holder)) return false;
    go_on(holder, Pause{});
    if (is_stuck_ || schedule_.moves() == before) return false;
  }
  return true;
}

// Whoever must wait has others run first. Nobody got any further since: it waits in a circle, and nothing more happens.
InFlight::Stop InFlight::run(unsigned seat, Stop stop) {
  while (stop == Stop::kBlocked && !is_stuck_ && !schedule_.stops_everywhere()) {
    const std::uint64_t before = schedule_.moves();
    help(seat);
    if (is_stuck_) return stop;
    const bool is_in_vain = schedule_.moves() == before;
    if (is_in_vain && !waiting_.empty()) return stop;  // whoever waits for this one tries again
    // Who was to help has its CPU and waits itself: this one stays where it is, in flight, until it is asked again.
    if (!schedule_.may_run(seat)) return stop;
    act_as(seat);
    stop = schedule_.go_on(seat);
    if (stop == Stop::kBlocked && schedule_.moves() == before) get_stuck(seat, 0);
  }
  if (stop == Stop::kEndless && !is_stuck_) get_stuck(seat, 1);
  return stop;
}

void InFlight::get_stuck(unsigned seat, std::uint16_t how) {
  is_stuck_ = true;
  has_broken_machine_ = how == 1;
  tell(EventKind::kStuck, seat, how);
}

// Who holds what the operation wants runs on, unless that one waits already. Where nobody knows who that is, the others
// are tried until one gets further.
void InFlight::help(unsigned seat) {
  waiting_.push_back(seat);
  const unsigned holder = schedule_.wanted(seat);
  if (holder != impl::kAnybody && schedule_.is_in_flight(holder)) {
    if (!is_waiting(holder)) go_on(holder, Pause{});
  } else {
    const std::uint64_t before = schedule_.moves();
    StepNumber tried;
    while (!is_stuck_ && schedule_.moves() == before) {
      const unsigned next = lowest_but_waiting(tried);
      if (next == impl::kAnybody) break;
      tried = steps_[next];
      go_on(next, Pause{});
    }
  }
  waiting_.pop_back();
}

bool InFlight::is_waiting(unsigned seat) const {
  return std::find(waiting_.begin(), waiting_.end(), seat) != waiting_.end();
}

// Of the steps after that one, of those that do not wait, and whose CPU is not kept by one that does.
unsigned InFlight::lowest_but_waiting(StepNumber after) const {
  unsigned lowest = impl::kAnybody;
  for (unsigned seat = 0; seat < steps_.size(); ++seat) {
    if (!schedule_.is_in_flight(seat) || is_waiting(seat) || steps_[seat] <= after) continue;
    const unsigned holder = schedule_.holder_of_cpu(cpu_of_seat(seat));
    if (holder != impl::kAnybody && is_waiting(holder)) continue;
    if (lowest == impl::kAnybody || steps_[seat] < steps_[lowest]) lowest = seat;
  }
  return lowest;
}

void InFlight::act_as(unsigned seat) {
  if (acting_ == steps_[seat]) return;
  acting_ = steps_[seat];
  tell(EventKind::kWentOn, seat);
}

void InFlight::end(unsigned seat, bool narrated) {
  --count_;
  const Response& answer = answers_[seat];
  if (narrated) tell(EventKind::kEnded, seat, static_cast<std::uint16_t>(answer.refusal), answer.value);
  acting_ = StepNumber(0);
}

void InFlight::tell(EventKind kind, unsigned seat, std::uint16_t index, std::uint64_t after) {
  const std::uint64_t step = steps_[seat].raw();
  sink_->on_event({.kind = kind, .cpu = cpu_of_seat(seat), .index = index, .place = step, .after = after});
}

}  // namespace mmtwin::lockstep
