// Import of kmem-pages logs: every page the kernel handed out and took back while a program ran, with frame numbers.
//
// Laws: FRAME-1 and ZONE-1 are what such recordings judge. Context: one thread. Cost: one pass; one map entry a live
// block. Frees of frames whose allocation the log does not show, and second reports of one free, are counted by name.
// It deliberately forgets migrate types: the machine has none yet.
#pragma once

#include <string_view>

#include "tools/import/imported.h"

namespace mmtwin::tools {

// `file` names the log in the error.
ImportResult import_kmem_pages(std::string_view text, std::string_view file);

}  // namespace mmtwin::tools
