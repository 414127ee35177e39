#include "lockstep/minimise/safe_minimise.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "tests/lockstep/fake_system.h"
#include "tests/lockstep/one_operation.h"
#include "tests/lockstep/programs.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

enum class Trouble { kNone, kCrash, kHang, kSpin };

// Lies in its first pages_alloc; but if fewer than three operations came before that one, it does not get so far.
class Treacherous final : public System {
 public:
  static constexpr unsigned kNeeded = 3;
  explicit Treacherous(Trouble trouble, double boot_seconds = 0) : trouble_(trouble), boot_seconds_(boot_seconds) {}

  std::string_view name() const override { return "treacherous"; }
  Claims claims() const override { return inner_.claims(); }
  void start(const MachineDescription& machine, EventSink& sink) override {
    ::usleep(static_cast<useconds_t>(boot_seconds_ * 1e6));
    applied_ = 0;
    inner_ = FakeSystem(Lie::kWrongFrame, "pages_alloc", 1);
    inner_.start(machine, sink);
  }
  Response apply(const Operation& operation) override {
    if (std::holds_alternative<PagesAlloc>(operation) && applied_ < kNeeded) {
      if (trouble_ == Trouble::kCrash) std::raise(SIGSEGV);
      while (trouble_ == Trouble::kHang) ::pause();
      for (volatile unsigned i = 0; trouble_ == Trouble::kSpin;) i = i + 1;
    }
    ++applied_;
    return inner_.apply(operation);
  }
  const Changes& changes() override { return inner_.changes(); }
  FrameObservation frame(Pfn at) override { return inner_.frame(at); }
  void ranges(SpaceHandle space, std::vector<RangeObservation>& into) override { inner_.ranges(space, into); }
  SpaceObservation space(SpaceHandle space) override { return inner_.space(space); }
  ZoneObservation zone(NodeId node, ZoneKind kind) override { return inner_.zone(node, kind); }
  EntryObservation entry(SpaceHandle space, Vpn page) override { return inner_.entry(space, page); }
  std::span<const std::uint8_t> bytes(Pfn at) override { return inner_.bytes(at); }

 private:
  FakeSystem inner_;
  Trouble trouble_;
  double boot_seconds_;
  unsigned applied_ = 0;
};

Program program() {
  Program program = program_of("tiny", {});
  for (unsigned i = 0; i < 40; ++i) program.operations.push_back(op("pages_drain_cpu target=0"));
  program.operations.push_back(op("pages_alloc gfp=wait -> b1"));
  return program;
}

struct Result {
  Minimised minimised;
  GuardedOutcome original;
  double seconds = 0;
};
Result minimise_on(System& system, SafeMinimiseOptions options) {
  Runner runner(system);
  Result result;
  result.original = run_guarded(runner, program(), {});
  EXPECT_EQ(result.original.outcome.verdict, Verdict::kDiverged);
  const auto start = Clock::now();
  result.minimised = minimise_safely(runner, program(), result.original, options);
  result.seconds = seconds_since(start);
  EXPECT_TRUE(result.minimised.fails);
  EXPECT_EQ(result.minimised.signature, *signature_of(result.original));
  EXPECT_EQ(result.minimised.before, 41u);
  EXPECT_EQ(result.minimised.after, result.minimised.program.length());
  return result;
}

TEST(SafeMinimise, WhereNothingGoesWrongOneChildIsEnough) {
  Treacherous system(Trouble::kNone);
  const Result result = minimise_on(system, {.seconds = 60, .log = {}, .is_interrupted = {}});
  EXPECT_EQ(result.minimised.after, 1u) << print(result.minimised.program);
  EXPECT_TRUE(result.minimised.minimal);
}

TEST(SafeMinimise, CandidatesThatCrashCostOnlyThemselves) {
  Treacherous system(Trouble::kCrash);
  std::vector<std::string> log;
  const auto note = [&](const std::string& line) { log.push_back(line); };
  const Result result = minimise_on(system, {.seconds = 60, .log = note, .is_interrupted = {}});
  EXPECT_EQ(result.minimised.after, Treacherous::kNeeded + 1) << print(result.minimised.program);
  EXPECT_TRUE(result.minimised.minimal);
  EXPECT_FALSE(log.empty()) << "who crashed is said";
}

// Far above what a budget of some seconds needs on a busy host, far below what the search would take without one.
constexpr double kMuchMore = 40;

TEST(SafeMinimise, CandidatesThatHangDoNotOutlastTheBudget) {
  for (const Trouble trouble : {Trouble::kHang, Trouble::kSpin}) {
    Treacherous system(trouble);
    const Result result = minimise_on(system, {.seconds = 5, .log = {}, .is_interrupted = {}});
    EXPECT_LT(result.seconds, kMuchMore);
    EXPECT_LT(result.minimised.after, 25u) << "what was found between two that hung is kept";
    EXPECT_GT(result.minimised.after, Treacherous::kNeeded);
  }
}

TEST(SafeMinimise, ASlowSystemGetsNoMoreTimeThanTheBudget) {
  Treacherous system(Trouble::kNone, 1.5);
  const Result result = minimise_on(system, {.seconds = 3, .log = {}, .is_interrupted = {}});
  EXPECT_LT(result.seconds, kMuchMore);
  EXPECT_FALSE(result.minimised.minimal);
}

TEST(SafeMinimise, ABudgetThatIsOverBeforeTheFirstRunLeavesTheProgramAsItIs) {
  Treacherous system(Trouble::kNone, 0.3);
  const Result result = minimise_on(system, {.seconds = 0.1, .log = {}, .is_interrupted = {}});
  EXPECT_TRUE(same(result.minimised.program, program()));
}

TEST(SafeMinimise, WhoInterruptsGetsTheBestSoFar) {
  Treacherous system(Trouble::kHang);
  const auto start = Clock::now();
  const auto interrupts = [&] { return seconds_since(start) > 2.5; };
  const Result result = minimise_on(system, {.seconds = 60, .log = {}, .is_interrupted = interrupts});
  EXPECT_LT(seconds_since(start), kMuchMore);
  EXPECT_LT(result.minimised.after, 41u);
}

TEST(SafeMinimise, WhatDoesNotFailAloneIsSaidNotToFail) {
  FakeSystem system;
  Runner runner(system);
  GuardedOutcome seen_elsewhere;
  seen_elsewhere.outcome.verdict = Verdict::kDiverged;
  seen_elsewhere.outcome.finding = model::Finding{};
  EXPECT_FALSE(minimise_safely(runner, program(), seen_elsewhere, {}).fails);
  seen_elsewhere.outcome.verdict = Verdict::kCrashed;
  EXPECT_FALSE(minimise_safely(runner, program(), seen_elsewhere, {}).fails);
}

TEST(SafeMinimise, AHangIsMinimisedInTime) {
  FakeSystem system(Lie::kHang, "pages_alloc", 1);
  Runner runner(system);
  GuardOptions guard;
  guard.watchdog_seconds = 0.5;
  const GuardedOutcome original = run_guarded(runner, program(), guard);
  ASSERT_TRUE(original.hung);
  const auto start = Clock::now();
  const SafeMinimiseOptions options{.seconds = 4, .log = {}, .is_interrupted = {}};
  const Minimised result = minimise_safely(runner, program(), original, options);
  EXPECT_LT(seconds_since(start), kMuchMore);
  EXPECT_TRUE(result.fails);
  EXPECT_EQ(result.signature.field, "hang");
  EXPECT_LT(result.after, 21u) << "each step of it costs a second of watching";
}

TEST(Confirm, TheVerdictHasDigestsIfThereIsTime) {
  Treacherous system(Trouble::kNone, 0.1);
  const Result result = minimise_on(system, {.seconds = 2, .log = {}, .is_interrupted = {}});
  Runner runner(system);
  const Confirmation in_time = confirm(runner, result.minimised, result.original, "a.mmt", 30);
  EXPECT_EQ(in_time.footer.verdict, Verdict::kDiverged);
  EXPECT_FALSE(in_time.footer.answers.empty());
  EXPECT_NE(in_time.story.find("the model allows"), std::string::npos) << in_time.story;
  const Confirmation too_late = confirm(runner, result.minimised, result.original, "a.mmt", 0.01);
  EXPECT_EQ(too_late.footer.verdict, in_time.footer.verdict);
  EXPECT_EQ(too_late.footer.step, in_time.footer.step);
  EXPECT_EQ(too_late.footer.law, in_time.footer.law);
  EXPECT_TRUE(too_late.footer.answers.empty());
  for (const Confirmation& each : {in_time, too_late}) {
    EXPECT_TRUE(each.story.ends_with("  replay: mmtwin replay a.mmt\n")) << each.story;
  }
}

}  // namespace
}  // namespace mmtwin::lockstep
