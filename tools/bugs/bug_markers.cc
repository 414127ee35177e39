#include "tools/bugs/bug_markers.h"

namespace mmtwin::tools {
namespace {
MarkerCounts* counts_now = nullptr;
}  // namespace

void count_markers_in(MarkerCounts* counts) { counts_now = counts; }

}  // namespace mmtwin::tools

extern "C" void mmtwin_bug_reached() {
  if (mmtwin::tools::counts_now != nullptr) ++mmtwin::tools::counts_now->reached;
}

extern "C" void mmtwin_bug_triggered() {
  if (mmtwin::tools::counts_now != nullptr) ++mmtwin::tools::counts_now->triggered;
}
