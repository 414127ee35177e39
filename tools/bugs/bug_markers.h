// Markers of injected bugs: a patch from corpora/bugs calls them where its wrong code is passed, and where it goes
// wrong.
//
// Laws: none. Context: counted in memory that the caller gives, typically shared with the process that waits for the
// outcome. Cost: one addition. A patch declares the two functions weak, so that programs without them link:
//   extern "C" void mmtwin_bug_reached() __attribute__((weak));
// The source tree itself calls neither.
#pragma once

#include <cstdint>

namespace mmtwin::tools {

struct MarkerCounts {
  std::uint64_t reached = 0;
  std::uint64_t triggered = 0;
};

// From here on the markers count there; null: nowhere.
void count_markers_in(MarkerCounts* counts);

}  // namespace mmtwin::tools

extern "C" void mmtwin_bug_reached();
extern "C" void mmtwin_bug_triggered();
