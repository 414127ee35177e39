#include "tools/host/subprocess.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "lockstep/children/child_process.h"
#include "tools/host/interrupt.h"

namespace mmtwin::tools {
namespace {

constexpr int kNotStarted = 127;
constexpr double kSecondsToEnd = 2;

using Clock = std::chrono::steady_clock;
Clock::time_point in_seconds(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

// True: it has ended.
bool wait_until(pid_t pid, Clock::time_point end, bool ends_early, int& status) {
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (Clock::now() > end || (ends_early && interrupted())) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

void redirect(const std::string& file, int descriptor) {
  int opened = ::open(file.empty() ? "/dev/null" : file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (opened < 0 || ::dup2(opened, descriptor) < 0) ::_exit(kNotStarted);
}

[[noreturn]] void become(const Command& command) {
  ::setpgid(0, 0);
  for (const auto& [name, value] : command.environment) ::setenv(name.c_str(), value.c_str(), 1);
  redirect(command.output_file, STDOUT_FILENO);
  if (command.error_file.empty()) {
    if (::dup2(STDOUT_FILENO, STDERR_FILENO) < 0) ::_exit(kNotStarted);
  } else {
    redirect(command.error_file, STDERR_FILENO);
  }
  if (!command.folder.empty() && ::chdir(command.folder.c_str()) != 0) ::_exit(kNotStarted);
  std::vector<char*> words;
  for (const std::string& word : command.words) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  ::execvp(words[0], words.data());
  ::_exit(kNotStarted);
}

}  // namespace

CommandResult run_command(const Command& command) {
  CommandResult result;
  if (command.words.empty()) return result;
  pid_t pid = lockstep::fork_child();
  if (pid < 0) return result;
  if (pid == 0) become(command);
  ::setpgid(pid, pid);  // whoever of the two comes first
  int status = 0;
  if (!wait_until(pid, in_seconds(command.seconds), true, status)) {
    result.timed_out = true;
    ::kill(-pid, SIGTERM);
    if (!wait_until(pid, in_seconds(kSecondsToEnd), false, status)) {
      ::kill(-pid, SIGKILL);
      status = lockstep::end_child(pid);
    }
  }
  result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  result.has_started = result.status != kNotStarted;
  return result;
}

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string_view folders = path != nullptr ? path : "/usr/bin:/bin";
  while (!folders.empty()) {
    std::string_view folder = folders.substr(0, folders.find(':'));
    folders.remove_prefix(std::min(folders.size(), folder.size() + 1));
    if (::access((std::string(folder) + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace mmtwin::tools
