// Our own subsystem as a system under test: handles, dispatch and observations around impl/mm.h, in both geometries.
//
// Laws: none; it translates. Context: one thread. Cost: a few nanoseconds an operation besides the subsystem itself.
// What it shows is read by the independent decoder from raw memory. It deliberately hides nothing and repairs nothing.
#pragma once

#include <memory>

#include "lockstep/system.h"

namespace mmtwin::lockstep {

std::unique_ptr<System> make_ours();

}  // namespace mmtwin::lockstep
