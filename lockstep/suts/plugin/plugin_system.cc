#include "lockstep/suts/plugin/plugin_system.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "lockstep/child_process.h"
#include "lockstep/guard.h"
#include "lockstep/suts/plugin/plugin_host.h"
#include "vocab/wording.h"

namespace mmtwin::lockstep {
namespace {

constexpr double kSecondsToHang = 2;                     // and what a program of its size may need beyond
constexpr int kMillisecondsBetweenLooks = 20;
constexpr std::size_t kLeastOperations = 1024;           // that a host has room for
constexpr rlim_t kMostBytes = rlim_t{1} << 30;           // that a plug-in may have beyond what its process begins with

// Of memory that is private to this process, as the kernel counts it against the limit.
rlim_t bytes_of_data() {
  std::FILE* const file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return 0;
  char line[256];
  unsigned long long kilobytes = 0;
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::sscanf(line, "VmData: %llu kB", &kilobytes) == 1) break;
  std::fclose(file);
  return rlim_t{kilobytes} << 10;
}

void prepare_host_process() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) std::signal(signal, SIG_DFL);
  // Whoever is interrupted ends the host.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const rlimit most{bytes_of_data() + kMostBytes, bytes_of_data() + kMostBytes};
  ::setrlimit(RLIMIT_DATA, &most);
}

bool hear(int descriptor) {
  char byte = 0;
  ssize_t got = 0;
  do got = ::read(descriptor, &byte, 1);
  while (got < 0 && errno == EINTR);
  return got == 1;
}

bool say(int descriptor) { return ::write(descriptor, "", 1) == 1; }

[[noreturn]] void serve(const std::string& path, SharedProgram& shared, int from_parent, int to_parent) noexcept {
  prepare_host_process();
  static PluginHost host(shared);
  host.load(path);
  while (say(to_parent) && hear(from_parent)) host.run();
  ::_exit(0);
}

std::string words_of(int status) {
  if (WIFEXITED(status)) return "exit " + std::to_string(WEXITSTATUS(status));
  const char* const name = ::sigabbrev_np(WTERMSIG(status));
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(WTERMSIG(status));
}

}  // namespace

std::variant<std::unique_ptr<PluginSystem>, std::string> PluginSystem::open(const std::string& path, Hosts hosts) {
  std::unique_ptr<PluginSystem> system(new PluginSystem(path, hosts));
  system->start_host(kLeastOperations);
  if (system->death_.empty() && system->facts_.problem[0] == '\0') return system;
  const std::string why = system->death_.empty() ? mentioned(system->facts_.problem.data())
                                                 : "it ended while it was loaded (" + system->death_ + ")";
  return mentioned(path) + ": " + why;
}

PluginSystem::~PluginSystem() { end_host(); }

Claims PluginSystem::claims() const {
  Claims claims{Claim::kBlocks};
  claims.overhead_per_1024 = static_cast<std::uint16_t>(facts_.overhead_per_1024);
  return claims;
}

std::uint64_t PluginSystem::offered() const {
  const bool is_refused = death_.empty() && shared_ != nullptr && shared_->head().is_refused;
  return is_refused ? 0 : facts_.offered;
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
  if (wait(kSecondsToHang)) facts_ = shared_->head().facts;
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
  for (;;) {
    pollfd awaited{from_host_, POLLIN, 0};
    const int ready = ::poll(&awaited, 1, kMillisecondsBetweenLooks);
    if (ready <= 0 && watch.is_over(seconds)) break;
    if (ready <= 0) continue;
    if (hear(from_host_)) return true;
    // It closed its end, so it is on its way out.
    int status = 0;
    while (::waitpid(host_, &status, 0) < 0 && errno == EINTR) continue;
    death_ = words_of(status);
    death_step_ = shared_->head().step.load();
    leave_host();
    return false;
  }
  death_ = "hang";
  death_step_ = shared_->head().step.load();
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
  SharedProgram::Head& head = shared_->head();
  head.machine = program.machine;
  head.count = count_;
  std::copy(program.operations.begin(), program.operations.end(), shared_->operations());
  if (say(to_host_)) wait(most_seconds(program, kSecondsToHang));
}

void PluginSystem::start(const MachineDescription&, EventSink&) { step_ = 0; }

Response PluginSystem::apply(const Operation&) {
  return step_ <= count_ ? shared_->answers()[step_].response : Response{};
}

std::string_view PluginSystem::death() const {
  const bool is_dead = !death_.empty() && step_ >= death_step_;
  return is_dead ? std::string_view(death_) : std::string_view();
}

BlocksObservation PluginSystem::blocks() { return shared_->answers()[std::min(step_, count_ + 1)].seen; }

}  // namespace mmtwin::lockstep
