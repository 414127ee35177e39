// The barrier between a CPU's own plain stores and a rare remote visitor: nothing to order where operations take turns.
//
// Laws: none. Context: any. Cost: none. The threads version of this header says how it works.
#pragma once

#include "version/point.h"

namespace mmtwin::impl {

constexpr bool owner_must_fence() { return false; }
constexpr void owner_fence() {}
constexpr void visitor_barrier() {}
inline void wait_a_moment() { wait_for(running_schedule, kAnybody); }

}  // namespace mmtwin::impl
