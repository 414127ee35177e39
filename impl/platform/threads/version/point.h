// point(): threads interleave by themselves, so a point is nothing here; see the lockstep version of this header.
//
// Laws: none. Context: any. Cost: none. It deliberately keeps the interface.
#pragma once

#include "vocab/points.h"

namespace mmtwin::impl {

constexpr void point(Point) {}
constexpr void touches(const void*, bool, Point = Point::kNone) {}

}  // namespace mmtwin::impl
