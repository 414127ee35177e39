// The records of an strace log, in the order in which they take effect: calls with their arguments and answers, ends of
// processes.
//
// Laws: none. Context: values. Cost: about 200 bytes a record. A call that strace printed in two pieces (unfinished,
// resumed) is one record again: munmap and exits take effect where they begin, all others where they end. Only calls
// whose name is in `wanted` have their arguments split. It deliberately knows nothing of memory.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/import/log_scanner.h"

namespace mmtwin::tools {

struct StraceRecord {
  enum class Kind : std::uint8_t {
    kCall,
    kCallBegun,  // first piece of a fork-like call that ends later: its child may appear before
    kEnded,      // +++ exited, killed, superseded +++
    kVoid,       // a first piece whose record stands elsewhere
  };
  Kind kind = Kind::kVoid;
  LineCursor place;
  std::size_t began = 0, ended = 0;  // lines
  std::uint64_t process = 0;
  std::string name;
  std::vector<std::string> arguments;  // split at the outermost commas
  std::uint64_t pair = 0;  // kCallBegun and the kCall that ends it have the same number; 0: printed in one piece

  enum class Outcome : std::uint8_t { kDone, kFailed, kUnknown };  // kUnknown: "?" or never resumed
  Outcome outcome = Outcome::kUnknown;
  std::uint64_t value = 0;
  std::string error;  // "ENOMEM"
};

bool makes_process(std::string_view call);  // fork, vfork, clone, clone3

// Throws MalformedLog.
std::vector<StraceRecord> read_strace(std::string_view text, const std::set<std::string_view>& wanted);

// "PROT_READ|PROT_WRITE" to its words.
std::vector<std::string_view> split_flags(std::string_view words);

}  // namespace mmtwin::tools
