// Measures: what a benchmark program runs, prints and is asked for by name.
//
// Laws: none. Context: one thread; measures register themselves before main(). Cost: none while a measure runs. Both
// sides of a comparison run in one process in alternating rounds, and medians are compared: what disturbs one side
// disturbs the other. It deliberately keeps no history: ci/bench.sh stores the lines.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace mmtwin::bench {

// One printed line. Without a peer, ratio is 0.
struct Measured {
  std::string name;
  double value = 0;
  std::string unit;
  std::string peer;
  double peer_value = 0;
  double ratio() const { return peer_value == 0 ? 0 : value / peer_value; }
};

struct Settings {
  bool quick = false;  // a tenth of the rounds: does it run at all?
  unsigned rounds() const { return quick ? 5 : 51; }
};

struct Measure {
  std::string_view name;
  std::vector<Measured> (*run)(const Settings&);
};

inline std::vector<Measure>& measures() {
  static std::vector<Measure> all;
  return all;
}

// `const Registered kPair("order0_pair", run_pair);` at namespace scope adds a measure.
struct Registered {
  Registered(std::string_view name, std::vector<Measured> (*run)(const Settings&)) {
    measures().push_back({name, run});
  }
};

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Of this thread's processor time: what else the machine does is not counted.
inline double thread_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Run>
double nanoseconds(Run&& run) {
  const double start = thread_nanoseconds();
  run();
  return thread_nanoseconds() - start;
}

// The value is used: the compiler may not drop what computed it.
template <class T>
inline void keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

// A value that the compiler may not take for a constant: in programs, CPUs are variables.
template <class T>
inline T hidden(T value) {
  asm volatile("" : "+r"(value));
  return value;
}

// Nanoseconds per repetition of both sides, alternating which goes first. `repetitions` of the body run inside one
// call.
template <class Ours, class Peer>
Measured compare(const Settings& settings, std::string name, std::string peer, std::uint64_t repetitions, Ours&& ours,
                 Peer&& theirs) {
  std::vector<double> a, b;
  const double each = 1.0 / static_cast<double>(repetitions);
  ours();
  theirs();
  for (unsigned round = 0; round < settings.rounds(); ++round) {
    if (round % 2 == 0) a.push_back(nanoseconds(ours) * each);
    b.push_back(nanoseconds(theirs) * each);
    if (round % 2 != 0) a.push_back(nanoseconds(ours) * each);
  }
  return {std::move(name), median(a), "ns", std::move(peer), median(b)};
}

inline void print(const Measured& m, bool json) {
  if (json) {
    std::printf("{\"kind\":\"measure\",\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":\"%s\","
                "\"peer_value\":%.3f,\"ratio\":%.4f}\n",
                m.name.c_str(), m.value, m.unit.c_str(), m.peer.c_str(), m.peer_value, m.ratio());
  } else if (m.peer.empty()) {
    std::printf("%-28s %10.2f %-6s\n", m.name.c_str(), m.value, m.unit.c_str());
  } else {
    std::printf("%-28s %10.2f %-6s %s %.2f, ratio %.3f\n", m.name.c_str(), m.value, m.unit.c_str(), m.peer.c_str(),
                m.peer_value, m.ratio());
  }
  std::fflush(stdout);
}

}  // namespace mmtwin::bench
