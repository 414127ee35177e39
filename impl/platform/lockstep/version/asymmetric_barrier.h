// The barrier between a CPU's own plain stores and a rare remote visitor: nothing to order where one operation runs.
//
// Laws: none. Context: any. Cost: none. The threads version of this header says how it works.
#pragma once

namespace mmtwin::impl {

constexpr bool owner_must_fence() { return false; }
constexpr void owner_fence() {}
constexpr void visitor_barrier() {}
constexpr void wait_a_moment() {}

}  // namespace mmtwin::impl
