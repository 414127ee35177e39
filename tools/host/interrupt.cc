#include "tools/host/interrupt.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace mmtwin::tools {
namespace {

constexpr std::int64_t kOneRequest = 250'000'000;  // nanoseconds

std::atomic<std::int64_t> g_first{0};  // when the first one came; 0: none did
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "a handler may use it");

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void on_signal(int signal) {
  std::int64_t none = 0;
  const std::int64_t at = now();
  if (g_first.compare_exchange_strong(none, at) || at - g_first.load() < kOneRequest) return;
  ::signal(signal, SIG_DFL);
  ::raise(signal);  // comes as soon as this handler is left
}

}  // namespace

void catch_interrupts() {
  g_first = 0;
  struct sigaction how{};
  how.sa_handler = on_signal;
  how.sa_flags = SA_RESTART;
  sigemptyset(&how.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before{};
    // Who started us with nohup, or in the background of a script, does not want to be asked.
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(signal, &how, nullptr);
  }
}

bool interrupted() { return g_first.load(std::memory_order_relaxed) != 0; }

}  // namespace mmtwin::tools
