#include "tools/subprocess.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace mmtwin::tools {
namespace {

constexpr int kNotStarted = 127;

void redirect(const std::string& file, int descriptor) {
  int opened = ::open(file.empty() ? "/dev/null" : file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (opened < 0 || ::dup2(opened, descriptor) < 0) ::_exit(kNotStarted);
}

[[noreturn]] void become(const Command& command) {
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
  pid_t pid = ::fork();
  if (pid < 0) return result;
  if (pid == 0) become(command);
  auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(command.seconds);
  int status = 0;
  while (::waitpid(pid, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > end) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, &status, 0);
      result.timed_out = true;
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
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
