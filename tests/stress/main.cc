// stress_threads [SECONDS [SEED]]: four CPUs hammer one memory manager and check whatever they see.
//
// SECONDS defaults to 10. Exits 0 if all held and each verb was run; 1 after a sentence that was broken; 2 for a wrong
// argument. Under the thread sanitizer the first report ends it with 66. Same seed, same draws; threads interleave as
// they like.
#include <unistd.h>

#include <chrono>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "impl/base/check.h"
#include "tests/stress/rounds.h"

extern "C" const char* __tsan_default_options();
extern "C" const char* __tsan_default_options() { return "halt_on_error=1:exitcode=66:history_size=4"; }

namespace mmtwin::stress {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kRound{250};
constexpr unsigned kRoundsPerMachine = 12;
constexpr unsigned kMostSecondsPerRound = 60;

// From 1 to the seconds of a day.
std::optional<std::uint64_t> number_in(const char* text) {
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0' || value < 1 || value > 86400) return std::nullopt;
  return value;
}

// A wrong translation may make an access fault for ever.
void watch_rounds() {
  std::signal(SIGALRM, [](int) {
    constexpr std::string_view kSentence = "stress failed: a round does not end\n";
    (void)!write(STDERR_FILENO, kSentence.data(), kSentence.size());
    _exit(1);
  });
}

struct Report {
  Tally tally{};
  unsigned machines = 0;
  unsigned rounds = 0;

  void add(const Machine& machine) {
    ++machines;
    for (std::size_t i = 0; i < tally.size(); ++i) tally[i] += machine.tally()[i];
  }
  // True: every verb was run.
  bool print(double seconds) const {
    std::uint64_t all = 0;
    bool is_complete = true;
    for (std::size_t i = 0; i < tally.size(); ++i) {
      std::printf("%-20s %12" PRIu64 "\n", kVerbNames[i].data(), tally[i]);
      is_complete = is_complete && tally[i] != 0;
      if (static_cast<Verb>(i) != Verb::kOom && static_cast<Verb>(i) != Verb::kKilled) all += tally[i];
    }
    std::printf("%u threads, %u machines, %u rounds, %.1f s, %.0f verbs/s, checks %s\n", kCpus, machines, rounds,
                seconds, static_cast<double>(all) / seconds, impl::kChecked ? "on" : "off");
    return is_complete;
  }
};

int run(std::uint64_t seconds, std::uint64_t seed) {
  const Clock::time_point begin = Clock::now(), end = begin + std::chrono::seconds(seconds);
  Report report;
  watch_rounds();
  while (Clock::now() < end) {
    const std::uint64_t machine_seed = seed * 1'000'000 + report.machines * 1000;
    Machine machine(report.machines % 2 == 0 ? GeometryName::kSmall : GeometryName::kX86, machine_seed);
    for (unsigned i = 0; i < kRoundsPerMachine && Clock::now() < end; ++i, ++report.rounds) {
      alarm(kMostSecondsPerRound);
      machine.run_round(static_cast<RoundKind>(i % 3), kRound);
    }
    alarm(0);
    machine.expect_empty();
    report.add(machine);
  }
  if (report.print(std::chrono::duration<double>(Clock::now() - begin).count())) return 0;
  std::fprintf(stderr, "stress failed: some verb was never run\n");
  return 1;
}

}  // namespace
}  // namespace mmtwin::stress

int main(int argc, char** argv) {
  const auto seconds = mmtwin::stress::number_in(argc > 1 ? argv[1] : "10");
  const auto seed = mmtwin::stress::number_in(argc > 2 ? argv[2] : "1");
  if (argc > 3 || !seconds || !seed) {
    std::fprintf(stderr, "usage: stress_threads [SECONDS [SEED]], each from 1 to 86400\n");
    return 2;
  }
  return mmtwin::stress::run(*seconds, *seed);
}
