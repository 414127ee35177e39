// point(): a named place where an operation may pause; waiting for what another operation holds; what steps touch.
//
// Laws: none. Context: a CPU inside an operation. Cost: one load while no schedule is at work. It deliberately takes
// only a name: stored traces must survive new points elsewhere.
#pragma once

#include "vocab/points.h"

namespace mmtwin::impl {

class Schedule;

// The schedule whose operation runs on this thread now; null: nothing else is in flight, and nothing may pause.
inline thread_local constinit Schedule* running_schedule = nullptr;

// Out of line: ../schedule.cc.
void pass_point(Schedule& schedule, Point p);
// The seat whose operation runs; 0 without a schedule.
unsigned running_seat(const Schedule* schedule);
// Comes back once the operation of seat `holder` (kAnybody: some other one) got further. Without a schedule nobody will
// ever give what is wanted, which is a bug of the caller.
inline constexpr unsigned kAnybody = ~0u;
void wait_for(Schedule* schedule, unsigned holder);

// What a step reads or writes of what CPUs share, for whoever asks which steps are independent of each other.
void note_touch(Schedule& schedule, const void* what, bool writes);
inline void touches(const void* what, bool writes) {
  if (running_schedule != nullptr) [[unlikely]] note_touch(*running_schedule, what, writes);
}

inline void point(Point p) {
  if (running_schedule != nullptr) [[unlikely]] pass_point(*running_schedule, p);
}

}  // namespace mmtwin::impl
