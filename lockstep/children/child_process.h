// Children of this process: born so that they do not outlive it, and watched so that they do not run for ever.
//
// Laws: none. Context: one thread that forks, and that lives as long as its process: the kernel ends the child when
// that thread ends. Cost: a fork; a watch costs a system call a question. Time is the child's own CPU time, so that a
// busy host makes no hang of a slow run; only a child that sleeps and does nothing is measured by the wall. It
// deliberately ends nobody but by `end_child`.
#pragma once

#include <sys/types.h>

#include <chrono>

namespace mmtwin::lockstep {

// As fork(), but SIGKILL comes to the child when its parent ends, however that happens. -1: errno says why not.
pid_t fork_child();
// SIGKILL, and its status collected.
int end_child(pid_t child);

class ChildWatch {
 public:
  explicit ChildWatch(pid_t child);
  // The time starts again.
  void got_further();
  // It has used up its seconds, or has slept as long without using any. To be asked several times in `seconds`.
  bool is_over(double seconds);

 private:
  using Clock = std::chrono::steady_clock;
  double cpu_seconds() const;
  bool sleeps() const;

  pid_t child_;
  double used_before_ = 0;  // when the time started
  double used_ = 0;         // when last asked
  Clock::time_point asleep_since_;
};

}  // namespace mmtwin::lockstep
