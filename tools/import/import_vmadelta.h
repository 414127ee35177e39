// Import of vmadelta logs: memory system calls of real processes with the change that each made to the list of ranges.
//
// Laws: VMA-2 and VMA-3 are what such recordings judge. Context: one thread. Cost: one pass and one list of ranges a
// step. After every imported call the program expects the whole recorded list of that space. Calls that the machine
// lacks are counted, and what they changed is adopted by space_assume. Stores that nobody
// recorded but the lists betray are added: see touches.h.
#pragma once

#include <string_view>

#include "tools/import/imported.h"

namespace mmtwin::tools {

// `file` names the log in the error.
ImportResult import_vmadelta(std::string_view text, std::string_view file);

}  // namespace mmtwin::tools
