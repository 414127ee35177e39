// Operations of our subsystem that are in flight, named by the steps of their program, each in a seat of its CPU.
//
// Laws: LOCK-1 and LIVE-2 are told from here. Context: the harness's thread. Cost: a switch of stacks a pause. Whoever
// must wait lets the holder run to its end; where the holder is not known, the lowest step that can runs. Who has a CPU
// that another one needs, and may not leave it, runs to its end first. It deliberately knows no operations: a task
// is a function that runs to its end.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "version/schedule.h"
#include "vocab/events.h"
#include "vocab/observations.h"
#include "vocab/points.h"

namespace mmtwin::lockstep {

class InFlight {
 public:
  // What an operation does, and what it answers in the end.
  struct Task {
    void (*body)(void* owner, unsigned seat) = nullptr;
    impl::Schedule::Returned returned = nullptr;  // it has its CPU back
    void* owner = nullptr;
  };

  void connect(EventSink* sink) { sink_ = sink; }
  void set_task(Task task) {
    task_ = task;
    schedule_.when_returned(task.returned, task.owner);
  }
  // What was in flight is forgotten.
  void abandon();

  bool has(StepNumber step) const { return seat_of(step) != impl::kAnybody; }
  bool any() const { return count_ != 0; }
  // May one more begin on the CPU?
  bool has_room(CpuId cpu) const {
    return seat_for(cpu) != impl::kAnybody && schedule_.holder_of_cpu(cpu) == impl::kAnybody;
  }
  bool may_run(StepNumber step) const { return schedule_.may_run(seat_of(step)); }
  // Where the next one on the CPU will sit.
  unsigned seat_for(CpuId cpu) const { return schedule_.empty_seat(cpu); }

  // Runs to its end on the harness's stack while nothing is in flight. False: it goes round for ever, which is told.
  bool run_alone(CpuId cpu, StepNumber step, impl::Schedule::Body body, void* argument, std::uint64_t most_edges);
  // Something went round for ever since the last abandon(): it was left anywhere, and its machine is no longer used.
  bool has_broken_machine() const { return has_broken_machine_; }

  // Runs the task in `seat`, whose CPU has room, until it ends, pauses or must wait. Its end is not narrated.
  void start(unsigned seat, StepNumber step, Pause pause);
  // What is in flight goes on. Its end is narrated by kEnded.
  void go_on(StepNumber step, Pause pause) { go_on(seat_of(step), pause); }

  // The task says what it answers.
  void answer(unsigned seat, const Response& response) { answers_[seat] = response; }
  const Response& answer_of(unsigned seat) const { return answers_[seat]; }

  impl::Schedule& schedule() { return schedule_; }

 private:
  using Stop = impl::Schedule::Stop;
  unsigned seat_of(StepNumber step) const;
  void go_on(unsigned seat, Pause pause);
  bool get_cpu(unsigned seat);
  Stop run(unsigned seat, Stop stop);
  void help(unsigned seat);
  bool is_waiting(unsigned seat) const;
  unsigned lowest_but_waiting(StepNumber after) const;
  void act_as(unsigned seat);
  void get_stuck(unsigned seat, std::uint16_t how);  // 0: in a circle, 1: it goes round
  void end(unsigned seat, bool narrated);
  void tell(EventKind kind, unsigned seat, std::uint16_t index = 0, std::uint64_t after = 0);

  impl::Schedule schedule_;
  EventSink* sink_ = nullptr;
  Task task_;
  std::array<StepNumber, impl::Schedule::kAllSeats> steps_{};
  std::array<Response, impl::Schedule::kAllSeats> answers_{};
  std::vector<unsigned> waiting_;  // seats that wait, each for the next
  StepNumber acting_;
  unsigned count_ = 0;
  bool is_stuck_ = false;
  bool has_broken_machine_ = false;
};

}  // namespace mmtwin::lockstep
