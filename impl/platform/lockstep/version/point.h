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

// What a step is about to read or write of what CPUs share, for whoever asks which steps are independent of each other.
// `kind`, if any: it may pause here, so nothing of the access is done yet, and what was done before has been told.
void note_touch(Schedule& schedule, const void* what, bool writes, Point kind);
inline void touches(const void* what, bool writes, Point kind = Point::kNone) {
  if (running_schedule != nullptr) [[unlikely]] note_touch(*running_schedule, what, writes, kind);
}

inline void point(Point p) {
  if (running_schedule != nullptr) [[unlikely]] pass_point(*running_schedule, p);
}

}  // namespace mmtwin::impl
