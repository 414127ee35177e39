// What an importer hands back: the program, and a count of every call of the log, imported or ignored by name.
//
// Laws: none. Context: values. Cost: that of the program. Nothing of a log is silently dropped: a call is either an
// operation of the program or counted here under its name with the reason. It deliberately knows no format.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "vocab/program.h"

namespace mmtwin::tools {

struct CallCount {
  std::uint64_t seen = 0;
  std::uint64_t imported = 0;
};

struct ImportCounts {
  std::map<std::string, CallCount> calls;           // by the log's own name of the call
  std::map<std::string, std::uint64_t> ignored;     // "mremap", "mmap: EACCES", "F: allocation not seen"
  std::map<std::string, std::uint64_t> additions;   // "assumed", "touches": operations that the log does not have
  std::map<std::string, std::uint64_t> attributes;  // flags of imported calls that the machine does not know

  std::uint64_t seen() const;
  std::uint64_t imported() const;
  void count_imported(std::string_view call);
  // `reason` empty: the call as such is unknown to the machine.
  void count_ignored(std::string_view call, std::string_view reason = {});
};

struct Imported {
  Program program;
  ImportCounts counts;
};

// Exactly one of the two is set. `problem`: "file:line:column: message".
struct ImportResult {
  std::optional<Imported> imported;
  std::string problem;
};

}  // namespace mmtwin::tools
