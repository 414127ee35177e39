#include "tools/commands/progress.h"

#include <unistd.h>

#include <cstdio>

namespace mmtwin::tools {

Progress::Progress(bool is_wanted) : is_shown_(is_wanted && ::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string& line) {
  auto now = std::chrono::steady_clock::now();
  if (!is_shown_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(200);
  std::fprintf(stderr, "\r\x1b[K%s", line.c_str());
  std::fflush(stderr);
  has_line_ = true;
}

void Progress::clear() {
  if (has_line_) std::fputs("\r\x1b[K", stderr);
  has_line_ = false;
}

}  // namespace mmtwin::tools
