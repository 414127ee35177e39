// Whole files in and out: reads with a size cap, writes that are never seen half-done.
//
// Laws: none. Context: one thread. Cost: one copy of the file. A problem is a sentence that begins with the file's
// name. It deliberately reads no streams but standard input ("-").
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lockstep/traces/trace.h"
#include "vocab/program.h"

namespace mmtwin::tools {

struct FileProblem {
  std::string message;
};
std::variant<std::string, FileProblem> read_file(const std::string& name);

// Instead of what was there, whole or not at all; devices, pipes and links are written to. "-" or empty: standard
// output. nullopt: done.
std::optional<std::string> write_file(const std::string& name, std::string_view content);
// What keeps that file from being written, for those who have long to go until they know its content. nullopt: nothing.
std::optional<std::string> output_problem(const std::string& name);

// Every byte string is a byte program, so only the user knows that a file is one; kDetect takes for text what begins as
// it.
enum class Form : std::uint8_t { kText, kBytes, kDetect };
// A byte program has no footer.
std::variant<lockstep::Trace, FileProblem> read_program(const std::string& name, Form form);

struct NamedProgram {
  std::string name;  // of the file
  Program program;
};
// The traces below the folder, in the order of their names.
std::variant<std::vector<NamedProgram>, FileProblem> read_corpus(const std::string& folder);

}  // namespace mmtwin::tools
