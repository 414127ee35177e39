// A failing program as the source of a GoogleTest that compiles: the trace in a raw string, run against our system.
//
// Laws: none. Context: values. Cost: the text. It deliberately expects agreement: the test fails until the bug is
// fixed.
#pragma once

#include <string>
#include <string_view>

#include "lockstep/run/signature.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

// `name`: of the test, a claim in CamelCase; any other character is dropped.
std::string emit_test(const Program& program, const Signature& signature, std::string_view name);

}  // namespace mmtwin::lockstep
