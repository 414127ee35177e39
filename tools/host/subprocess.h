// Running another program and waiting for it, its output kept in a file.
//
// Laws: none. Context: the calling process, no threads. Cost: a fork and an exec; no shell, so no quoting. When the
// time is over, or somebody interrupts, the child and what it started in its process group are asked to end, and soon
// after made to. It deliberately ends nothing else: when this process is killed, the kernel ends the child alone.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace mmtwin::tools {

struct Command {
  std::vector<std::string> words = {};  // the program, found along PATH, and its arguments
  std::string folder = {};              // to run in; empty: here
  std::string output_file = {};         // standard output; empty: nowhere
  std::string error_file = {};          // standard error; empty: where standard output goes
  std::vector<std::pair<std::string, std::string>> environment = {};  // added
  double seconds = 3600;
};

struct CommandResult {
  bool has_started = false;
  bool timed_out = false;  // or interrupted()
  int signal = 0;  // that ended it; 0: none
  int status = 0;
  bool succeeded() const { return has_started && !timed_out && signal == 0 && status == 0; }
};
CommandResult run_command(const Command& command);

// A program of that name is found along PATH.
bool has_program(const std::string& name);

}  // namespace mmtwin::tools
