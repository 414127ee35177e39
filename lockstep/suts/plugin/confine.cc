#include "lockstep/suts/plugin/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace mmtwin::lockstep {
namespace {

constexpr rlim_t kMostBytes = rlim_t{1} << 30;  // that the library may have beyond what the process begins with

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

void limit_resources() {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const rlim_t bytes = bytes_of_data() + kMostBytes;
  const rlimit most{bytes, bytes};
  ::setrlimit(RLIMIT_DATA, &most);
}

void reset_signals() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) std::signal(signal, SIG_DFL);
  // Whoever is interrupted ends the host.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) std::signal(signal, SIG_IGN);
}

// A pipe that stayed open here would never come to its end elsewhere.
void close_descriptors(int keep_first, int keep_second) {
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  const int low = std::min(keep_first, keep_second), high = std::max(keep_first, keep_second);
  const auto close_between = [](int from, int to) {
    if (from <= to) ::syscall(SYS_close_range, static_cast<unsigned>(from), static_cast<unsigned>(to), 0u);
  };
  close_between(STDERR_FILENO + 1, low - 1);
  close_between(low + 1, high - 1);
  ::syscall(SYS_close_range, static_cast<unsigned>(high + 1), ~0u, 0u);
}

void unmap_shared(std::uintptr_t kept, std::uintptr_t kept_end) {
  struct Mapping {
    unsigned long long from = 0, to = 0;
  };
  std::vector<Mapping> shared;
  std::FILE* const file = std::fopen("/proc/self/maps", "r");
  if (file == nullptr) return;
  char line[512], rights[8];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    Mapping one;
    if (std::sscanf(line, "%llx-%llx %7s", &one.from, &one.to, rights) != 3) continue;
    if (rights[1] == 'w' && rights[3] == 's' && (one.to <= kept || one.from >= kept_end)) shared.push_back(one);
  }
  std::fclose(file);
  for (const Mapping& one : shared) ::munmap(reinterpret_cast<void*>(one.from), one.to - one.from);
}

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;
#endif

// No other process: not made, not signalled, not outlived. A refused call answers EPERM, clone3 ENOSYS, so that
// libraries make threads the older way.
class Filter {
 public:
  Filter() {
    load(offsetof(seccomp_data, arch));
    allow_unless_equal(kArchitecture);
    load(offsetof(seccomp_data, nr));
#ifdef SYS_fork
    refuse_if(SYS_fork, EPERM_);
    refuse_if(SYS_vfork, EPERM_);
#endif
    refuse_if(SYS_execve, EPERM_);
    refuse_if(SYS_execveat, EPERM_);
    refuse_if(SYS_setsid, EPERM_);
    refuse_if(SYS_setpgid, EPERM_);
    refuse_if(SYS_clone3, ENOSYS_);
    for (const long call : {long{SYS_kill}, long{SYS_tgkill}}) only_to_itself(call);
    only_threads();
    keeps_parent();
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  void install() {
    sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    if (kArchitecture != 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
  }

 private:
  static constexpr std::uint32_t EPERM_ = 1, ENOSYS_ = 38;
  void add(sock_filter one) { code_.push_back(one); }
  void load(std::size_t offset) { add(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset))); }
  void load_argument(unsigned n) { load(offsetof(seccomp_data, args) + 8 * n); }  // its low half, little endian
  void refuse(std::uint32_t error) { add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error)); }
  void skip_unless_equal(std::uint32_t value, std::uint8_t count) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count));
  }
  void skip_if_equal(std::uint32_t value, std::uint8_t count) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, count, 0));
  }
  void allow_unless_equal(std::uint32_t value) {
    skip_if_equal(value, 1);
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  void refuse_if(long call, std::uint32_t error) {
    skip_unless_equal(static_cast<std::uint32_t>(call), 1);
    refuse(error);
  }
  // To this process, and none of the signals that stop it. kill(pid, signal), tgkill(pid, thread, signal).
  void only_to_itself(long call) {
    const unsigned signal = call == SYS_kill ? 1 : 2;
    skip_unless_equal(static_cast<std::uint32_t>(call), 11);
    load_argument(0);
    skip_if_equal(static_cast<std::uint32_t>(::getpid()), 1);
    refuse(EPERM_);
    load_argument(signal);
    for (const int stop : {SIGSTOP, SIGTSTP, SIGTTIN}) {
      skip_unless_equal(static_cast<std::uint32_t>(stop), 1);
      refuse(EPERM_);
    }
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  void only_threads() {
    skip_unless_equal(SYS_clone, 4);
    load_argument(0);
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0));
    refuse(EPERM_);
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  // It ends when its parent does.
  void keeps_parent() {
    skip_unless_equal(SYS_prctl, 4);
    load_argument(0);
    skip_unless_equal(PR_SET_PDEATHSIG, 1);
    refuse(EPERM_);
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }

  std::vector<sock_filter> code_;
};

}  // namespace

void confine(int keep_first, int keep_second, const void* kept, std::size_t bytes) {
  reset_signals();
  close_descriptors(keep_first, keep_second);
  const auto from = reinterpret_cast<std::uintptr_t>(kept);
  unmap_shared(from, from + bytes);
  limit_resources();
  Filter().install();
}

}  // namespace mmtwin::lockstep
