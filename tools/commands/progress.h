// One line of progress on a terminal, rewritten in place; nothing at all when the output goes elsewhere.
//
// Laws: none. Context: one thread. Cost: a write at most five times a second. It goes to standard error, so that what
// was asked for stays clean. It deliberately knows nothing of what it counts.
#pragma once

#include <chrono>
#include <string>

namespace mmtwin::tools {

class Progress {
 public:
  explicit Progress(bool is_wanted);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& line);
  void clear();

 private:
  bool is_shown_;
  bool has_line_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace mmtwin::tools
