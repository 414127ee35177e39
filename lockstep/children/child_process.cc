#include "lockstep/children/child_process.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

namespace mmtwin::lockstep {

pid_t fork_child() {
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it ended before it could be asked to tell
  return 0;
}

int end_child(pid_t child) {
  int status = 0;
  ::kill(child, SIGKILL);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

ChildWatch::ChildWatch(pid_t child) : child_(child) { got_further(); }

void ChildWatch::got_further() {
  used_before_ = used_ = cpu_seconds();
  asleep_since_ = Clock::now();
}

bool ChildWatch::is_over(double seconds) {
  const double used = cpu_seconds();
  if (used - used_before_ > seconds) return true;
  if (used != used_ || !sleeps()) asleep_since_ = Clock::now();
  used_ = used;
  return std::chrono::duration<double>(Clock::now() - asleep_since_).count() > seconds;
}

// Of one that has ended: what was known last.
double ChildWatch::cpu_seconds() const {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(child_, &clock) != 0 || ::clock_gettime(clock, &time) != 0) return used_;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Not one that waits for a CPU or for its pages, nor one that somebody has stopped.
bool ChildWatch::sleeps() const {
  std::FILE* file = std::fopen(("/proc/" + std::to_string(child_) + "/stat").c_str(), "r");
  if (file == nullptr) return false;
  char line[512];
  const std::size_t length = std::fread(line, 1, sizeof line - 1, file);
  std::fclose(file);
  line[length] = '\0';
  const char* name_end = std::strrchr(line, ')');
  return name_end != nullptr && std::strncmp(name_end, ") S", 3) == 0;
}

}  // namespace mmtwin::lockstep
