// Programs written as text, for tests: what is not said is at its default, and runs on CPU 0.
//
// Laws: none. Context: tests. Cost: a parse. A text that does not parse throws, so that the test that holds it fails.
// It deliberately checks nothing else.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/machine.h"
#include "vocab/program.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {

inline Operation op(std::string text, const MachineDescription& machine = find_preset("numa4")->machine) {
  if (!text.starts_with("cpu=")) text = "cpu=0 " + text;
  const Parsed<Operation> parsed = parse_operation(text, machine);
  if (!parsed) throw std::invalid_argument(text + ": " + print(parsed.error()));
  return parsed.value();
}

inline Program program_of(std::string_view machine, const std::vector<std::string>& operations) {
  const Parsed<MachineDescription> description = parse_machine(machine);
  if (!description) throw std::invalid_argument(print(description.error()));
  Program program;
  program.machine = description.value();
  for (const std::string& text : operations) program.operations.push_back(op(text, program.machine));
  return program;
}

}  // namespace mmtwin::lockstep
