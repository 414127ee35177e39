// point(): a named place where an operation may pause.
//
// Laws: none. Context: a CPU inside an operation. Cost: none while no schedule asks for it. It deliberately takes
// only a name: stored traces must survive new points elsewhere.
#pragma once

namespace mmtwin::impl {

constexpr void point(const char*) {}

}  // namespace mmtwin::impl
