#include "version/check.h"

#include <cstdio>
#include <cstdlib>

namespace mmtwin::impl {
namespace {

bool g_checks_abort = true;

}  // namespace

void check_failed(const char* sentence) {
  if (!g_checks_abort) return;
  std::fprintf(stderr, "check failed: %s\n", sentence);
  std::abort();
}

void set_checks_abort(bool on) { g_checks_abort = on; }

}  // namespace mmtwin::impl
