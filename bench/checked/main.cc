// bench_checked: both machines in lockstep, and how fast that is.
#include <algorithm>
#include <cstdio>
#include <string_view>

#include "bench/measure.h"

namespace {

constexpr std::string_view kUsage =
    "Usage: bench_checked [--json] [--quick] [--list] [--filter TEXT]\n"
    "\n"
    "Measures operations that were run, judged and compared, audits of the whole machine included: one per as many\n"
    "operations as the machine has frames, and one at the end of every program.\n"
    "\n"
    "  --json         JSON Lines: measure {name value unit peer peer_value ratio}\n"
    "  --quick        a few rounds only\n"
    "  --list         names of the measures\n"
    "  --filter TEXT  only measures whose name contains TEXT\n";

struct Arguments {
  mmtwin::bench::Settings settings;
  bool json = false;
  bool list = false;
  bool help = false;
  std::string_view filter;
  std::string_view unknown;
};

Arguments read_arguments(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-h") {
      arguments.help = true;
    } else if (argument == "--json") {
      arguments.json = true;
    } else if (argument == "--quick") {
      arguments.settings.quick = true;
    } else if (argument == "--list") {
      arguments.list = true;
    } else if (argument == "--filter" && i + 1 < argc) {
      arguments.filter = argv[++i];
    } else {
      arguments.unknown = argument;
    }
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mmtwin::bench;
  const Arguments arguments = read_arguments(argc, argv);
  if (!arguments.unknown.empty() || arguments.help) {
    std::fwrite(kUsage.data(), 1, kUsage.size(), arguments.help ? stdout : stderr);
    return arguments.help ? 0 : 2;
  }
  std::sort(measures().begin(), measures().end(), [](const Measure& a, const Measure& b) { return a.name < b.name; });
  int executed = 0;
  for (const Measure& measure : measures()) {
    if (measure.name.find(arguments.filter) == std::string_view::npos) continue;
    ++executed;
    if (arguments.list) {
      std::printf("%.*s\n", static_cast<int>(measure.name.size()), measure.name.data());
      continue;
    }
    for (const Measured& line : measure.run(arguments.settings)) print(line, arguments.json);
  }
  return executed == 0 ? 5 : 0;
}
