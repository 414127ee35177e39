// bench_fast: the implementation alone, without events and checks, beside its peers.
#include <cstdio>
#include <string_view>

#include "bench/measure.h"

namespace {

constexpr std::string_view kUsage =
    "Usage: bench_fast [--json] [--quick] [--list] [--filter TEXT]\n"
    "\n"
    "Measures the implementation as its users would run it: no events, no checks. Each line compares it with a peer\n"
    "in the same process; ratio is ours / peer, below 1 is faster.\n"
    "\n"
    "  --json         JSON Lines: measure {name value unit peer peer_value ratio}\n"
    "  --quick        a few rounds only\n"
    "  --list         names of the measures\n"
    "  --filter TEXT  only measures whose name contains TEXT\n";

int usage_error(std::string_view argument) {
  std::fprintf(stderr, "bench_fast: what is %.*s?\n%.*s", static_cast<int>(argument.size()), argument.data(),
               static_cast<int>(kUsage.size()), kUsage.data());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mmtwin::bench;
  Settings settings;
  bool json = false;
  bool list = false;
  std::string_view filter;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      std::fwrite(kUsage.data(), 1, kUsage.size(), stdout);
      return 0;
    }
    if (argument == "--json") {
      json = true;
    } else if (argument == "--quick") {
      settings.quick = true;
    } else if (argument == "--list") {
      list = true;
    } else if (argument == "--filter" && i + 1 < argc) {
      filter = argv[++i];
    } else {
      return usage_error(argument);
    }
  }
  std::sort(measures().begin(), measures().end(), [](const Measure& a, const Measure& b) { return a.name < b.name; });
  int executed = 0;
  for (const Measure& measure : measures()) {
    if (measure.name.find(filter) == std::string_view::npos) continue;
    ++executed;
    if (list) {
      std::printf("%.*s\n", static_cast<int>(measure.name.size()), measure.name.data());
      continue;
    }
    for (const Measured& line : measure.run(settings)) print(line, json);
  }
  return executed == 0 ? 5 : 0;
}
