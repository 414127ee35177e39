// Operations of our subsystem that are in flight: one a CPU, told apart by the steps of their program.
//
// Laws: LOCK-1 and LIVE-2 are told from here. Context: the harness's thread. Cost: a switch of stacks a pause. Whoever
// must wait lets the holder run to its end; where the holder is not known, the one with the lowest step runs. It
// deliberately knows no operations: a task is a function that runs to its end.
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
    void (*body)(void* owner, CpuId cpu) = nullptr;
    void* owner = nullptr;
  };

  void connect(EventSink* sink) { sink_ = sink; }
  void set_task(Task task) { task_ = task; }
  // What was in flight is forgotten.
  void abandon();

  bool has(CpuId cpu) const { return schedule_.is_in_flight(cpu); }
  bool any() const { return count_ != 0; }

  // Runs the task on `cpu`, which has nothing in flight, until it ends or pauses. True: it ended; nothing is narrated.
  bool start(CpuId cpu, StepNumber step, Pause pause);
  // What is in flight on `cpu` goes on. Its end is narrated by kEnded.
  void go_on(CpuId cpu, Pause pause);

  // The task says what it answers.
  void answer(CpuId cpu, const Response& response) { answers_[cpu.raw()] = response; }
  const Response& answer_of(CpuId cpu) const { return answers_[cpu.raw()]; }

  impl::Schedule& schedule() { return schedule_; }

 private:
  using Stop = impl::Schedule::Stop;
  Stop run(CpuId cpu, Stop stop);
  void help(CpuId cpu);
  bool is_waiting(unsigned cpu) const;
  unsigned lowest_but_waiting() const;
  void act_as(CpuId cpu);
  void end(CpuId cpu, bool narrated);
  void tell(EventKind kind, CpuId cpu, std::uint16_t index = 0, std::uint64_t after = 0);

  impl::Schedule schedule_;
  EventSink* sink_ = nullptr;
  Task task_;
  std::array<StepNumber, kMaxCpus> steps_{};
  std::array<Response, kMaxCpus> answers_{};
  std::vector<unsigned> waiting_;       // who waits, each for the next
  StepNumber acting_;
  unsigned count_ = 0;
  bool is_stuck_ = false;
};

}  // namespace mmtwin::lockstep
