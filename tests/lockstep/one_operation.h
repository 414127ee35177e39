// One operation written as text, for tests that look into programs; otherwise as tests/lockstep/programs.h.
//
// Laws: none. Context: tests. Cost: a parse. A text that does not parse throws. It deliberately checks nothing else.
#pragma once

#include <stdexcept>
#include <string_view>

#include "tests/lockstep/programs.h"
#include "vocab/machine.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {

inline Operation op(std::string_view text, const MachineDescription& machine = find_preset("numa4")->machine) {
  const Parsed<Operation> parsed = parse_operation(on_cpu_0(text), machine);
  if (!parsed) throw std::invalid_argument(std::string(text) + ": " + print(parsed.error()));
  return parsed.value();
}

}  // namespace mmtwin::lockstep
