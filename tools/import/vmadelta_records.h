// The records of a vmadelta log, parsed: one call, fork, exec or exit a record, with its changes to the list of ranges.
//
// Laws: none. Context: values. Cost: about 200 bytes a record. Reading fails with the place of the first thing that is
// not understood. It deliberately does not look across records.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tools/import/log_scanner.h"
#include "vocab/flags.h"

namespace mmtwin::tools {

struct ListedRange {
  std::uint64_t start = 0, end = 0;
  Prot prot;
  bool shared = false;
  std::uint64_t offset = 0;  // bytes; of a file
  std::string_view name;     // "-", "[heap]", "f3", …
};

struct Argument {
  LineCursor place;  // stands at its first character
  std::string_view text;
};

// Views into the log's text.
struct DeltaRecord {
  LineCursor place;  // for errors found later
  std::uint64_t task = 0;
  std::uint64_t space = 0;  // 0: the record names none (exited)
  std::string_view call;    // "exec", "exited", "fork", "clone_vm", "implicit", or the system call
  std::vector<Argument> arguments;
  std::uint64_t child_task = 0, child_space = 0;  // fork, clone_vm
  bool failed = false;
  std::uint64_t result = 0;  // errno if failed
  std::vector<ListedRange> gone, added;
};

// "rw-". Throws MalformedLog, as the next one.
Prot read_protection(LineCursor& at);
std::vector<DeltaRecord> read_vmadelta(std::string_view text);

}  // namespace mmtwin::tools
