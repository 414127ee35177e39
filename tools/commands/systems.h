// Systems under test by the name that command lines give them.
//
// Laws: none. Context: each call makes another one. Cost: that of the system; a plug-in is loaded in a child. It
// deliberately knows nothing of what they do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "lockstep/system.h"

namespace mmtwin::tools {

inline constexpr const char* kSystemsHelp =
    "Who is judged: our system (ours), what a real kernel answered (recorded), the contract itself (model), or a page "
    "allocator of yours (./NAME.so)";

// Empty: the name is of a system that can be used; else why not.
std::string system_problem(const std::string& name);
// Of such a name. `for_many`: it is to run many programs, and what it keeps from one to the next is worth its speed.
std::unique_ptr<lockstep::System> make_system(const std::string& name, bool for_many = false);

// What a verdict on the system does not say; empty: it says all.
std::string what_is_not_judged(const lockstep::System& system);

}  // namespace mmtwin::tools
