#include "lockstep/children/guard.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "lockstep/minimise/minimise.h"
#include "tests/lockstep/fake_system.h"
#include "tests/lockstep/one_operation.h"
#include "tests/lockstep/programs.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

namespace fs = std::filesystem;

class Guard : public testing::Test {
 protected:
  Guard() : folder_(fs::path(testing::TempDir()) / ("mmtwin_guard_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    options_.trace = folder_ / "run.mmt";
    options_.run.digests = true;
  }
  ~Guard() override { fs::remove_all(folder_); }

  static Program program() {
    return program_of("tiny", {"pages_alloc gfp=wait -> b1", "pages_alloc order=2 gfp=wait -> b2",
                               "pages_free block=b1", "pages_free block=b2"});
  }
  Trace trace_on_disk() const {
    const auto read = read_trace(options_.trace);
    EXPECT_TRUE(std::holds_alternative<Trace>(read));
    return std::holds_alternative<Trace>(read) ? std::get<Trace>(read) : Trace{};
  }
  fs::path folder_;
  GuardOptions options_;
};

TEST_F(Guard, AnAgreedRunComesBackWholeWithItsFooter) {
  FakeSystem system;
  Runner runner(system);
  const GuardedOutcome guarded = run_guarded(runner, program(), options_);
  EXPECT_EQ(guarded.problem, "");
  EXPECT_EQ(guarded.outcome.verdict, Verdict::kAgreed);
  EXPECT_EQ(guarded.outcome.executed, 4u);
  const RunOutcome here = runner.run(program(), options_.run);
  EXPECT_EQ(guarded.outcome.answers, here.answers);
  EXPECT_EQ(guarded.outcome.events, here.events);
  const Trace trace = trace_on_disk();
  EXPECT_TRUE(same(trace.program, program()));
  ASSERT_TRUE(trace.footer);
  EXPECT_EQ(trace.footer->verdict, Verdict::kAgreed);
  EXPECT_EQ(trace.footer->answers, hex(here.answers));
}

TEST_F(Guard, ACrashLeavesTheTraceAndItsStep) {
  FakeSystem system(Lie::kCrash, 3);
  Runner runner(system);
  const GuardedOutcome guarded = run_guarded(runner, program(), options_);
  EXPECT_EQ(guarded.outcome.verdict, Verdict::kCrashed);
  EXPECT_FALSE(guarded.how().empty());
  EXPECT_EQ(guarded.outcome.step.raw(), 3u);
  EXPECT_EQ(signature_of(guarded)->operation, "pages_free");
  const Trace trace = trace_on_disk();
  EXPECT_TRUE(same(trace.program, program()));
  ASSERT_TRUE(trace.footer);
  EXPECT_EQ(trace.footer->verdict, Verdict::kCrashed);
  EXPECT_EQ(trace.footer->step.raw(), 3u);
  EXPECT_EQ(trace.footer->law, guarded.how());
}

TEST_F(Guard, AHangIsEndedByTheWatchdog) {
  FakeSystem system(Lie::kHang, 2);
  Runner runner(system);
  options_.watchdog_seconds = 0.2;
  const GuardedOutcome guarded = run_guarded(runner, program(), options_);
  EXPECT_TRUE(guarded.hung);
  EXPECT_EQ(guarded.how(), "hang");
  EXPECT_EQ(guarded.outcome.step.raw(), 2u);
  EXPECT_EQ(trace_on_disk().footer->law, "hang");
}

TEST_F(Guard, AFindingCrossesTheProcessBoundary) {
  FakeSystem system(Lie::kWrongFrame, 2);
  Runner runner(system);
  const GuardedOutcome guarded = run_guarded(runner, program(), options_);
  const RunOutcome here = runner.run(program());
  ASSERT_TRUE(guarded.outcome.finding && here.finding);
  EXPECT_EQ(guarded.outcome.verdict, here.verdict);
  EXPECT_EQ(guarded.outcome.finding->expected, here.finding->expected);
  EXPECT_EQ(guarded.outcome.finding->actual, here.finding->actual);
  EXPECT_EQ(signature_of(guarded), signature_of(here));
}

TEST_F(Guard, AFileThatCannotBeWrittenIsTheHarnesssProblem) {
  FakeSystem system;
  Runner runner(system);
  options_.trace = folder_ / "no" / "such" / "run.mmt";
  EXPECT_NE(run_guarded(runner, program(), options_).problem, "");
}

TEST_F(Guard, ACrashIsMinimisedInChildren) {
  FakeSystem system(Lie::kCrash, "pages_drain_cpu", 1);
  Runner runner(system);
  Program failing = program();
  failing.operations.push_back(op("pages_drain_cpu target=0"));
  failing.operations.push_back(op("pages_alloc -> b5"));
  RunOptions options;
  options.rest = false;
  const Minimised result = minimise(failing, probe_in_children(runner, options));
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 1u);
  EXPECT_EQ(result.signature.law, "crash");
}

TEST(MinimiseRun, ALieShrinksToTheOperationsThatProvokeIt) {
  FakeSystem system(Lie::kWrongFrame, "pages_alloc", 3);
  Runner runner(system);
  Program program = program_of("tiny", {});
  for (int i = 1; i <= 5; ++i) {
    program.operations.push_back(op("pages_alloc order=1 gfp=wait -> b" + std::to_string(i)));
    program.operations.push_back(op("pages_drain_cpu target=0"));
    program.operations.push_back(op("pages_free block=b" + std::to_string(i)));
  }
  const RunOutcome outcome = runner.run(program);
  ASSERT_EQ(outcome.step.raw(), 7u);
  const Minimised result = minimise(program, probe_with(runner, outcome));
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 3u) << print(result.program);
}

}  // namespace
}  // namespace mmtwin::lockstep
