// Programs written as text, for tests: what is not said is at its default, and runs on CPU 0.
//
// Laws: none. Context: tests. Cost: a parse. A text that does not parse throws, so that the test that holds it fails.
// It deliberately checks nothing else.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/program.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {

inline std::string on_cpu_0(std::string_view operation) {
  return (operation.starts_with("cpu=") ? "" : "cpu=0 ") + std::string(operation);
}

inline Program program_of(std::string_view machine, const std::vector<std::string>& operations) {
  std::string text = "mmtwin 2\nmachine " + std::string(machine) + "\n";
  for (std::size_t i = 0; i < operations.size(); ++i)
    text += std::to_string(i + 1) + " " + on_cpu_0(operations[i]) + "\n";
  const Parsed<Program> program = parse_program(text);
  if (!program) throw std::invalid_argument(print(program.error()) + " of\n" + text);
  return program.value();
}

}  // namespace mmtwin::lockstep
