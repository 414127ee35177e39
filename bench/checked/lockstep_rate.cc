// How fast both machines run in lockstep. Audits of the whole machine are included, one per as many operations as the
// machine has frames, and one at the end of every program.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure.h"
#include "lockstep/generate/generate.h"
#include "lockstep/reports/divergence.h"
#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"

namespace mmtwin::bench {
namespace {

using lockstep::Family;
using lockstep::Runner;
using lockstep::RunOptions;
using lockstep::RunOutcome;
using lockstep::Verdict;

struct Timed {
  RunOutcome outcome;
  double seconds = 0;
};

// One program through both machines; a disagreement makes every figure worthless.
Timed run_timed(Runner& runner, const Program& program, std::uint64_t audit_every) {
  RunOptions options;
  options.audit_every = audit_every;
  const auto start = std::chrono::steady_clock::now();
  const RunOutcome outcome = runner.run(program, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (outcome.verdict != Verdict::kAgreed) {
    std::fputs(describe_failure(runner, program, outcome, "(generated)").print().c_str(), stderr);
    std::exit(1);
  }
  return {outcome, seconds};
}

Program generated(std::string_view preset, std::size_t operations, bool pages_only) {
  lockstep::GenerateOptions options;
  options.seed = 1;
  options.operations = operations;
  options.machine = find_preset(preset, 1)->machine;
  options.swarm = false;
  options.kinds = pages_only ? lockstep::kinds_of(Family::kPages) : lockstep::kAllKinds;
  return lockstep::generate(options);
}

unsigned repeats(const Settings& settings) { return settings.quick ? 1 : 5; }

std::vector<Measured> measure_rates(const Settings& settings, bool pages_only) {
  const auto system = lockstep::make_ours();
  Runner runner(*system);
  const Program program = generated("small", settings.quick ? 20'000 : 200'000, pages_only);
  const std::uint64_t frames = program.machine.frames_present();
  std::vector<double> operations, items;
  run_timed(runner, program, frames);
  for (unsigned i = 0; i < repeats(settings); ++i) {
    const Timed timed = run_timed(runner, program, frames);
    operations.push_back(static_cast<double>(timed.outcome.executed) / timed.seconds);
    items.push_back(static_cast<double>(timed.outcome.items) / timed.seconds);
  }
  const std::string family = pages_only ? "pages" : "slice";
  std::vector<Measured> measured = {{"checked_ops_" + family, median(operations), "1/s", {}, 0}};
  if (!pages_only) measured.push_back({"checked_items_slice", median(items), "1/s", {}, 0});
  return measured;
}

std::vector<Measured> measure_pages(const Settings& settings) { return measure_rates(settings, true); }
std::vector<Measured> measure_slice(const Settings& settings) { return measure_rates(settings, false); }

// The same program on 2^10 and on 2^20 frames, turn and turn about. One audit of the large machine is as many frames as
// the program has operations, so the program is as long as that machine is large.
std::vector<Measured> measure_scale(const Settings& settings) {
  const auto small = lockstep::make_ours();
  const auto large = lockstep::make_ours();
  Runner small_runner(*small), large_runner(*large);
  const Program program = generated("scale-10", std::size_t{1} << 20, true);
  Program scaled = program;
  scaled.machine = find_preset("scale-20")->machine;
  std::vector<double> small_times, large_times;
  for (unsigned i = 0; i < repeats(settings) + 1; ++i) {
    const Timed a = run_timed(small_runner, program, program.machine.frames_present());
    const Timed b = run_timed(large_runner, scaled, scaled.machine.frames_present());
    if (i == 0) continue;  // memory is mapped for the first time
    small_times.push_back(a.seconds * 1e9 / static_cast<double>(a.outcome.executed));
    large_times.push_back(b.seconds * 1e9 / static_cast<double>(b.outcome.executed));
  }
  return {{"scale_ratio", median(large_times) / median(small_times), "1", {}, 0},
          {"checked_step_scale_20", median(large_times), "ns", "scale-10", median(small_times)}};
}

// What a fuzzing loop does: short programs, each with its reset, its audit and its rest; some of the operations of each
// pause, or none.
struct Loop {
  double executions, operations;  // a second
};
Loop measure_loop(const Settings& settings, unsigned pauses) {
  const auto system = lockstep::make_ours();
  Runner runner(*system);
  std::vector<Program> programs;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    lockstep::GenerateOptions options;
    options.seed = seed;
    options.operations = 64;
    options.pauses = pauses;
    programs.push_back(lockstep::generate(options));
  }
  std::vector<double> executions, operations;
  for (unsigned i = 0; i < repeats(settings) + 1; ++i) {
    double seconds = 0, executed = 0;
    for (const Program& program : programs) {
      const Timed timed = run_timed(runner, program, 0);
      seconds += timed.seconds;
      executed += static_cast<double>(timed.outcome.executed);
    }
    if (i == 0) continue;
    executions.push_back(static_cast<double>(programs.size()) / seconds);
    operations.push_back(executed / seconds);
  }
  return {median(executions), median(operations)};
}
std::vector<Measured> measure_executions(const Settings& settings) {
  return {{"checked_executions_64", measure_loop(settings, 0).executions, "1/s", {}, 0},
          {"checked_ops_paused", measure_loop(settings, 100).operations, "1/s", {}, 0}};
}

const Registered kPages("checked_ops_pages", measure_pages);
const Registered kSlice("checked_ops_slice", measure_slice);
const Registered kExecutions("checked_executions_64", measure_executions);
const Registered kScale("scale_ratio", measure_scale);

}  // namespace
}  // namespace mmtwin::bench
