#include "lockstep/suts/plugin/plugin_system.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "lockstep/children/child_process.h"
#include "lockstep/children/guard.h"
#include "lockstep/suts/plugin/confine.h"
#include "lockstep/suts/plugin/plugin_host.h"
#include "vocab/wording.h"

namespace mmtwin::lockstep {
namespace {

constexpr double kSecondsToHang = 2;            // of CPU time, and what a program of its size may need beyond
constexpr double kWallFactor = 5;               // so many times that, whatever it does meanwhile
constexpr int kMillisecondsBetweenLooks = 20, kMillisecondsToEnd = 200;
constexpr std::size_t kLeastOperations = 1024;  // that a host has room for
using Clock = std::chrono::steady_clock;

bool hear(int descriptor) {
  char byte = 0;
  ssize_t got = 0;
  do got = ::read(descriptor, &byte, 1);
  while (got < 0 && errno == EINTR);
  return got == 1;
}

bool say(int descriptor) { return ::write(descriptor, "", 1) == 1; }

[[noreturn]] void serve(const std::string& path, SharedProgram& shared, int from_parent, int to_parent) noexcept {
  confine(from_parent, to_parent, shared.memory(), shared.bytes());
  shared.protect_question();
  static PluginHost host(shared);
  host.load(path);
  while (say(to_parent) && hear(from_parent)) host.run();
  ::_exit(0);
}

std::string words_of(int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == PluginHost::kWildWriteStatus) return "wild write";
  if (WIFEXITED(status)) return "exit " + std::to_string(WEXITSTATUS(status));
  const char* const name = ::sigabbrev_np(WTERMSIG(status));
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(WTERMSIG(status));
}

}  // namespace

std::variant<std::unique_ptr<PluginSystem>, std::string> PluginSystem::open(const std::string& path, Hosts hosts) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return mentioned(path) + ": " + std::strerror(errno);
  if (!S_ISREG(file.st_mode)) return mentioned(path) + ": is no regular file";
  std::unique_ptr<PluginSystem> system(new PluginSystem(path, hosts));
  system->start_host(kLeastOperations);
  if (system->death_.empty() && system->facts_.problem[0] == '\0') return system;
  if (!system->death_.empty()) return mentioned(path) + ": it ended while it was loaded (" + system->death_ + ")";
  // The loader names the file itself.
  std::string why = system->facts_.problem.data();
  if (why.starts_with(path + ": ")) why.erase(0, path.size() + 2);
  return mentioned(path) + ": " + mentioned(why);
}

PluginSystem::~PluginSystem() { end_host(); }

Claims PluginSystem::claims() const {
  Claims claims{Claim::kBlocks};
  claims.overhead_per_1024 = static_cast<std::uint16_t>(facts_.overhead_per_1024);
  return claims;
}

std::uint64_t PluginSystem::offered() const {
  return is_refused_ ? 0 : facts_.offered;
}

bool PluginSystem::has_host() const { return host_ > 0 && owner_ == ::getpid(); }

void PluginSystem::start_host(std::size_t operations) {
  end_host();
  shared_ = std::make_unique<SharedProgram>(std::max(operations, kLeastOperations));
  death_.clear();
  death_step_ = 0;
  is_used_ = false;
  int down[2], up[2];
  if (::pipe2(down, O_CLOEXEC) != 0) {
    death_ = "no pipe";
    return;
  }
  if (::pipe2(up, O_CLOEXEC) != 0) {
    death_ = "no pipe";
    ::close(down[0]), ::close(down[1]);
    return;
  }
  std::fflush(nullptr);
  host_ = fork_child();
  if (host_ == 0) {
    ::close(down[1]), ::close(up[0]);
    serve(path_, *shared_, down[0], up[1]);
  }
  owner_ = ::getpid();
  ::close(down[0]), ::close(up[1]);
  to_host_ = down[1];
  from_host_ = up[0];
  if (!wait(kSecondsToHang)) return;
  facts_ = shared_->reply().facts;
  facts_.name.back() = facts_.problem.back() = '\0';
}

// In a child of the process that started it, it is somebody else's.
void PluginSystem::end_host() {
  if (has_host()) end_child(host_);
  leave_host();
}

void PluginSystem::leave_host() {
  if (to_host_ >= 0) ::close(to_host_);
  if (from_host_ >= 0) ::close(from_host_);
  to_host_ = from_host_ = -1;
  host_ = -1;
}

bool PluginSystem::wait(double seconds) {
  ChildWatch watch(host_);
  const auto begin = Clock::now();
  const auto is_over = [&] {
    const double wall = std::chrono::duration<double>(Clock::now() - begin).count();
    return watch.is_over(seconds) || wall > seconds * kWallFactor;
  };
  for (;;) {
    pollfd awaited{from_host_, POLLIN, 0};
    const int ready = ::poll(&awaited, 1, kMillisecondsBetweenLooks);
    if (ready > 0 && hear(from_host_)) return true;
    if (ready > 0) return died(how_it_ended());
    if (is_over()) return died("hang");
  }
}

// Its end of the pipe is closed: it has ended, or does so now, or else has lost its way.
std::string PluginSystem::how_it_ended() {
  int status = 0;
  for (int waited = 0; waited < kMillisecondsToEnd; ++waited) {
    if (::waitpid(host_, &status, WNOHANG) == host_) {
      host_ = -1;
      return words_of(status);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return "hang";
}

bool PluginSystem::died(std::string how) {
  death_ = std::move(how);
  death_step_ = std::min(shared_->reply().step.load(), count_ + 1);
  end_host();
  return false;
}

void PluginSystem::prepare(const Program& program) {
  const std::size_t operations = program.operations.size();
  const bool is_spent = is_used_ && hosts_ == Hosts::kOneARun;
  if (!has_host() || is_spent || shared_->capacity() < operations) start_host(operations);
  if (!has_host()) return;
  is_used_ = true;
  death_.clear();
  count_ = operations;
  SharedProgram::Question& question = shared_->question();
  ++question.run;
  question.machine = program.machine;
  question.count = count_;
  std::copy(program.operations.begin(), program.operations.end(), shared_->operations());
  is_refused_ = false;
  if (!say(to_host_) || !wait(most_seconds(program, kSecondsToHang))) return;
  is_refused_ = shared_->reply().refused == SharedProgram::stamp_of(question.run, 0);
  if (!is_refused_) check_stamps();
}

// What the host answered it has stamped; else the library has written over it.
void PluginSystem::check_stamps() {
  const std::uint64_t run = shared_->question().run;
  for (std::uint64_t step = 1; step <= count_ + 1; ++step) {
    if (shared_->answers()[step].stamp == SharedProgram::stamp_of(run, step)) continue;
    death_ = "wild write";
    death_step_ = step;
    return end_host();
  }
}

void PluginSystem::start(const MachineDescription&, EventSink&) { step_ = 0; }

Response PluginSystem::apply(const Operation&) {
  if (step_ > count_) return {};
  const PluginAnswer& answer = shared_->answers()[step_];
  return answer.is_refused != 0 ? Response{Refusal::kOom, 0} : Response{Refusal::kNone, answer.value};
}

std::string_view PluginSystem::death() const {
  const bool is_dead = !death_.empty() && step_ >= death_step_;
  return is_dead ? std::string_view(death_) : std::string_view();
}

BlocksObservation PluginSystem::blocks() {
  const PluginAnswer& answer = shared_->answers()[std::min(step_, count_ + 1)];
  const auto frame = [](std::uint64_t at) {
    return at == PluginAnswer::kNone ? std::nullopt : std::optional(Pfn(at));
  };
  BlocksObservation seen{.overwritten = frame(answer.overwritten), .not_zeroed = frame(answer.not_zeroed)};
  if (answer.taken == PluginAnswer::kNone) return seen;
  seen.taken = PageCount(answer.taken);
  seen.missing = PageCount(answer.missing);
  seen.given_wrongly = frame(answer.given_wrongly);
  return seen;
}

}  // namespace mmtwin::lockstep
