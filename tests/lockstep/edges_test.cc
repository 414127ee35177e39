#include "version/edges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "lockstep/generate/generate.h"
#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"
#include "tests/lockstep/programs.h"
#include "version/schedule.h"

extern "C" void __sanitizer_cov_trace_pc();

namespace mmtwin::lockstep {
namespace {

constexpr double kMargin = 20;

std::string hex(std::uint64_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(number));
  return text;
}

// Operations that visit as much as they can: `pages` pages mapped, each `apart` from the next, forked, taken away, in
// pieces and at once.
Program full_machine(const std::string& machine, std::uint64_t pages, std::uint64_t apart) {
  const std::string all = " space=p1 at=0x10000 length=" + hex((pages - 1) * apart + 0x1000);
  std::vector<std::string> lines = {"space_create -> p1", "range_map_anon" + all + " prot=rw"};
  for (std::uint64_t page = 0; page < pages; ++page)
    lines.push_back("memory_store space=p1 at=" + hex(0x10000 + page * apart) + " value=0x1");
  lines.insert(lines.end(), {"space_fork space=p1 -> p2", "range_protect" + all + " prot=r",
                             "range_protect" + all + " prot=rw", "space_exit space=p2", "range_unmap" + all,
                             "pages_drain_cpu target=0"});
  return program_of(machine, lines);
}

double share_of(System& system, const Program& program) {
  Runner runner(system);
  impl::largest_edge_share = 0;
  EXPECT_EQ(runner.run(program).verdict, Verdict::kAgreed) << print(program.machine);
  return impl::largest_edge_share;
}

double largest_share(const Preset& preset) {
  const bool is_large = preset.machine.frame_limit() > 4096;
  const std::uint64_t table = preset.machine.geometry == GeometryName::kX86 ? 0x200000 : 0x10000;
  const auto system = make_ours();
  double largest = 0;
  for (const std::uint64_t apart : {std::uint64_t{0x1000}, table, 16 * table}) {
    const bool fits = preset.machine.geometry == GeometryName::kX86 || apart < 16 * table || !is_large;
    const std::uint64_t pages = is_large ? (apart == 0x1000 ? 4096 : 200) : 12;
    if (fits) largest = std::max(largest, share_of(*system, full_machine(std::string(preset.name), pages, apart)));
  }
  for (std::uint64_t seed = 1; seed <= (is_large ? 5u : 40u); ++seed) {
    GenerateOptions options;
    options.machine = preset.machine;
    options.seed = seed;
    options.operations = is_large ? 50 : 400;
    options.pauses = 40;
    largest = std::max(largest, share_of(*system, generate(options)));
  }
  return largest;
}

// What the compiler makes of a loop.
void go_round(void*) {
  for (;;) __sanitizer_cov_trace_pc();
}
void go_straight(void* times) {
  for (int i = 0; i < *static_cast<int*>(times); ++i) __sanitizer_cov_trace_pc();
}

TEST(Edges, AnEndlessLoopIsLeftWhereverItRuns) {
  using Stop = impl::Schedule::Stop;
  int times = 99;
  EXPECT_EQ(impl::Schedule::run_alone(go_straight, &times, 1000), Stop::kEnded);
  EXPECT_EQ(impl::Schedule::run_alone(go_round, nullptr, 1000), Stop::kEndless);
  EXPECT_GT(impl::edges_left, impl::kNoEdgeLimit / 2);
  impl::Schedule schedule;
  schedule.set_most_edges(1000);
  EXPECT_EQ(schedule.start(0, go_straight, &times, {}), Stop::kEnded);
  EXPECT_EQ(schedule.start(1, go_round, nullptr, {}), Stop::kEndless);
  EXPECT_GT(impl::edges_left, impl::kNoEdgeLimit / 2);
}

TEST(Edges, SmallMachinesHaveSmallLimits) {
  EXPECT_LT(impl::most_edges(find_preset("tiny")->machine), 2'000'000u);
  EXPECT_LT(impl::most_edges(find_preset("small")->machine), impl::most_edges(find_preset("small-x86")->machine));
}

// Presets: server's boot alone takes half a minute, and is the same code as scale-20's.
TEST(Edges, WhatEndsNeedsATwentiethOfItsLimitAtMost) {
  for (const Preset& preset : presets()) {
    if (preset.name == "server") continue;
    const double largest = largest_share(preset);
    std::printf("%s: 1/%.0f of the limit\n", std::string(preset.name).c_str(), 1 / largest);
    EXPECT_EQ(largest > 0, impl::counts_edges()) << preset.name;
    EXPECT_LT(largest, 1 / kMargin) << preset.name;
  }
}

}  // namespace
}  // namespace mmtwin::lockstep
