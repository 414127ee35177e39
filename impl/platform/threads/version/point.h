// point(): threads interleave by themselves, so a point is nothing here; see the lockstep version of this header.
//
// Laws: none. Context: any. Cost: none. It deliberately keeps the interface.
#pragma once

namespace mmtwin::impl {

constexpr void point(const char*) {}

}  // namespace mmtwin::impl
