#include "lockstep/children/watched_child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>

#include "lockstep/children/child_process.h"

namespace mmtwin::lockstep {
namespace {

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A fuzzing engine's handlers would tell of a crash that only a candidate had.
void crash_in_silence() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) std::signal(signal, SIG_DFL);
}

}  // namespace

WatchedChild::WatchedChild(const std::function<void(const Say&)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  std::fflush(nullptr);
  pid_ = fork_child();
  if (pid_ == 0) {
    ::close(ends[0]);
    crash_in_silence();
    work([descriptor = ends[1]](std::string_view text) { write_all(descriptor, text); });
    ::_exit(0);
  }
  ::close(ends[1]);
  from_child_ = ends[0];
}

WatchedChild::~WatchedChild() { end(); }

WatchedChild::Heard WatchedChild::listen(double seconds, std::string& into) {
  if (from_child_ < 0) return Heard::kEnd;
  pollfd wait{from_child_, POLLIN, 0};
  const int ready = ::poll(&wait, 1, static_cast<int>(std::clamp(seconds * 1000, 0.0, 1e6)));
  if (ready <= 0) return Heard::kNothing;
  char buffer[1 << 16];
  const ssize_t got = ::read(from_child_, buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return Heard::kNothing;
  if (got > 0) {
    into.append(buffer, static_cast<std::size_t>(got));
    return Heard::kWords;
  }
  end();
  return Heard::kEnd;
}

// A child that closed its end is on its way out, and the signal finds nothing to change; one that did not is ended.
void WatchedChild::end() {
  if (from_child_ >= 0) ::close(from_child_);
  from_child_ = -1;
  if (pid_ <= 0) return;
  const int status = end_child(pid_);
  finished_ = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  pid_ = -1;
}

std::optional<std::string> answer_in_child(const std::function<std::string()>& work, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
  WatchedChild child([&](const WatchedChild::Say& say) { say(work()); });
  std::string answer;
  for (;;) {
    const double left = std::chrono::duration<double>(deadline - Clock::now()).count();
    if (left <= 0) return std::nullopt;
    if (child.listen(left, answer) == WatchedChild::Heard::kEnd) break;
  }
  return child.finished() ? std::optional(std::move(answer)) : std::nullopt;
}

}  // namespace mmtwin::lockstep
