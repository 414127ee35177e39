// Import of strace logs (`strace -f -y -e trace=%memory,%process`): what a real command mapped, forked and unmapped.
//
// Laws: all that the replay exercises; the recorded answers are compared as mismatches. Context: one thread. Cost: one
// pass. Addresses that the kernel chose (at random) become hints at the recorded place. The log does not show what
// execve mapped: it is assumed when a call names it. Calls that the machine lacks are counted, and mremap's effect is
// assumed. Accesses are added, since a log has none: stores to the first and last page of new writable memory, loads
// elsewhere.
#pragma once

#include <string_view>

#include "tools/import/imported.h"

namespace mmtwin::tools {

struct StraceOptions {
  bool adds_accesses = true;
};

// `file` names the log in the error.
ImportResult import_strace(std::string_view text, std::string_view file, const StraceOptions& options = {});

}  // namespace mmtwin::tools
