// How a target tells that it found something: a message, and then the end of the process.
//
// Laws: none. Context: one thread. Cost: none until there is a finding. It deliberately knows neither machines nor
// traces, so that targets without a machine use it too.
#pragma once

#include <string>

namespace mmtwin::fuzz {

// What happens after a finding was reported: abort(), so that the engine keeps the input, unless replaced.
using AfterFinding = void (*)();
void set_after_finding(AfterFinding what);

// Prints `message` and goes there.
void report_finding(const std::string& message);

}  // namespace mmtwin::fuzz
