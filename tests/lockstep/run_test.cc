#include "lockstep/run/run.h"

#include <gtest/gtest.h>

#include "lockstep/reports/divergence.h"
#include "lockstep/run/signature.h"
#include "tests/lockstep/fake_system.h"
#include "tests/lockstep/one_operation.h"
#include "tests/lockstep/programs.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

const std::vector<std::string> kSomePages = {
    "pages_alloc order=0 gfp=wait -> b1",  "pages_alloc order=3 gfp=wait -> b2", "pages_free block=b1",
    "pages_alloc_exact pages=5 gfp=wait -> b3", "pages_free block=b3",           "pages_alloc order=0 gfp=wait -> b4",
    "pages_drain_cpu target=0",            "pages_free block=b2",                "pages_free block=b4"};

std::string report(FakeSystem& system, const Program& program, const RunOutcome& outcome) {
  Runner runner(system);
  return describe_failure(runner, program, outcome, "x.mmt").print();
}

TEST(Run, AnHonestSystemAgrees) {
  FakeSystem system;
  Runner runner(system);
  const Program program = program_of("tiny", kSomePages);
  const RunOutcome outcome = runner.run(program);
  EXPECT_EQ(outcome.verdict, Verdict::kAgreed) << report(system, program, outcome);
  EXPECT_EQ(outcome.executed, kSomePages.size());
  EXPECT_EQ(outcome.skipped_total(), 0u);
  EXPECT_EQ(outcome.audits, 1u);
  EXPECT_GT(outcome.items, 0u);
}

TEST(Run, WhatIsInapplicableIsSkippedAndCountedByReason) {
  FakeSystem system;
  Runner runner(system);
  const Program program =
      program_of("tiny", {"pages_free block=b9", "pages_alloc -> b1", "pages_alloc -> b1", "pages_free block=b1"});
  const RunOutcome outcome = runner.run(program);
  EXPECT_EQ(outcome.verdict, Verdict::kAgreed) << report(system, program, outcome);
  EXPECT_EQ(outcome.executed, 2u);
  EXPECT_EQ(outcome.skipped[static_cast<unsigned>(model::Skip::kEmptyHandle)], 1u);
  EXPECT_EQ(outcome.skipped[static_cast<unsigned>(model::Skip::kTakenHandle)], 1u);
}

TEST(Run, WhatTheProgramLeavesIsGivenBackAtRestAndNotCounted) {
  FakeSystem system;
  Runner runner(system);
  const Program program = program_of("tiny", {"pages_alloc order=1 gfp=wait -> b1", "pages_alloc gfp=wait -> b2"});
  const RunOutcome outcome = runner.run(program);
  EXPECT_EQ(outcome.verdict, Verdict::kAgreed) << report(system, program, outcome);
  EXPECT_EQ(outcome.executed, 2u);
}

TEST(Run, RunnersAreReusedFromProgramToProgram) {
  FakeSystem system;
  Runner runner(system);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(runner.run(program_of("tiny", kSomePages)).verdict, Verdict::kAgreed);
    EXPECT_EQ(runner.run(program_of("tiny cpus=2", {"cpu=1 pages_alloc gfp=wait -> b1"})).verdict, Verdict::kAgreed);
  }
}

TEST(Run, TheSameProgramGivesTheSameDigests) {
  FakeSystem system;
  Runner runner(system);
  RunOptions options;
  options.digests = true;
  const Program program = program_of("tiny", kSomePages);
  const RunOutcome first = runner.run(program, options);
  const RunOutcome second = runner.run(program, options);
  FakeSystem other;
  const RunOutcome third = Runner(other).run(program, options);
  EXPECT_NE(first.answers, 0u);
  EXPECT_NE(first.events, 0u);
  EXPECT_EQ(first.answers, second.answers);
  EXPECT_EQ(first.events, second.events);
  EXPECT_EQ(first.answers, third.answers);
  EXPECT_EQ(first.events, third.events);
}

TEST(Run, AnotherFrameIsAnotherEventButTheSameAnswer) {
  FakeSystem system;
  Runner runner(system);
  RunOptions options;
  options.digests = true;
  const std::string_view machine = "tiny batch=4 high=12";
  const Program plain = program_of(machine, {"pages_alloc gfp=wait -> b1"});
  // Draining first changes which frame is handed out, and adds an event; the drain's own answer is an answer too.
  const Program drained = program_of(machine, {"pages_drain_cpu target=0", "pages_alloc gfp=wait -> b1"});
  EXPECT_NE(runner.run(plain, options).events, runner.run(drained, options).events);
  const Operation alloc = op("pages_alloc -> b1");
  EXPECT_FALSE(answers_with_contract(alloc, system.claims()));
  EXPECT_TRUE(answers_with_contract(op("range_brk space=p1 at=0"), system.claims()));
  EXPECT_FALSE(answers_with_contract(op("range_map_anon space=p1 length=0x1000"), system.claims()));
  const Operation fixed = op("range_map_anon space=p1 at=0x10000 length=0x1000 flags=fixed");
  EXPECT_TRUE(answers_with_contract(fixed, system.claims()));
}

struct Planted {
  Lie lie;
  std::string kind;
  std::uint64_t step;
};
class Lies : public testing::TestWithParam<Planted> {};

TEST_P(Lies, AreCaughtAtTheirStep) {
  FakeSystem system(GetParam().lie, GetParam().kind, 2);
  Runner runner(system);
  const Program program = program_of("tiny", kSomePages);
  const RunOutcome outcome = runner.run(program);
  ASSERT_NE(outcome.verdict, Verdict::kAgreed);
  ASSERT_TRUE(outcome.finding);
  EXPECT_EQ(outcome.step.raw(), GetParam().step) << report(system, program, outcome);
  EXPECT_EQ(signature_of(outcome)->operation, GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(Planted, Lies,
                         testing::Values(Planted{Lie::kWrongFrame, "pages_alloc", 2},
                                         Planted{Lie::kUsedFrame, "pages_alloc", 2},
                                         Planted{Lie::kNeedlessRefusal, "pages_alloc", 2},
                                         Planted{Lie::kLostFrame, "pages_free", 5},
                                         Planted{Lie::kNoEvent, "pages_alloc", 2},
                                         Planted{Lie::kBrokenInside, "pages_alloc", 2},
                                         Planted{Lie::kMarkedChange, "pages_free", 5},
                                         Planted{Lie::kUnmarkedChange, "pages_free", 5}));

TEST(Run, OnlyAnUnmarkedChangeIsAHoleInTheMarking) {
  const Program program = program_of("tiny", kSomePages);
  FakeSystem marked(Lie::kMarkedChange, "pages_free", 2);
  const RunOutcome seen_at_once = Runner(marked).run(program);
  EXPECT_EQ(seen_at_once.phase, Phase::kComparison);
  EXPECT_FALSE(seen_at_once.marking_hole);
  FakeSystem unmarked(Lie::kUnmarkedChange, "pages_free", 2);
  const RunOutcome seen_late = Runner(unmarked).run(program);
  EXPECT_EQ(seen_late.phase, Phase::kAudit);
  EXPECT_TRUE(seen_late.marking_hole);
  EXPECT_EQ(seen_late.step.raw(), 5u);
}

TEST(Run, WhatTheSystemSaysAgainstItselfIsAFindingOfTheAudit) {
  FakeSystem system(Lie::kBrokenInside, "pages_free", 2);
  Runner runner(system);
  const RunOutcome outcome = runner.run(program_of("tiny", kSomePages));
  ASSERT_TRUE(outcome.finding);
  EXPECT_EQ(outcome.finding->law, model::Law::kAudit1);
  EXPECT_EQ(outcome.phase, Phase::kAudit);
  EXPECT_FALSE(outcome.marking_hole);
  EXPECT_EQ(outcome.step.raw(), 5u);
}

TEST(Run, AnAuditOnTheWaySeesAnUnmarkedChangeSooner) {
  FakeSystem system(Lie::kUnmarkedChange, "pages_free", 1);
  Runner runner(system);
  RunOptions options;
  options.audit_every = 2;
  options.locate = false;
  const RunOutcome outcome = runner.run(program_of("tiny", kSomePages), options);
  EXPECT_EQ(outcome.step.raw(), 4u);
  EXPECT_EQ(outcome.audits, 2u);
}

TEST(Run, WithoutAuditsAnUnmarkedChangeStaysUnseen) {
  FakeSystem system(Lie::kUnmarkedChange, "pages_free", 1);
  Runner runner(system);
  RunOptions options;
  options.audit_at_end = false;
  options.rest = false;
  EXPECT_EQ(runner.run(program_of("tiny", kSomePages), options).verdict, Verdict::kAgreed);
}

TEST(Run, AnObserverHearsEveryStepInOrder) {
  struct Listener final : StepObserver {
    void on_step(const StepView& view) override {
      steps.push_back(view.step.raw());
      skips += view.skip != model::Skip::kNone;
      events += view.events.size();
    }
    std::vector<std::uint64_t> steps;
    unsigned skips = 0;
    std::size_t events = 0;
  } listener;
  FakeSystem system;
  Runner runner(system);
  RunOptions options;
  options.observer = &listener;
  options.rest = false;
  runner.run(program_of("tiny", {"pages_alloc -> b1", "pages_free block=b7", "pages_free block=b1"}), options);
  EXPECT_EQ(listener.steps, (std::vector<std::uint64_t>{0, 1, 2, 3}));
  EXPECT_EQ(listener.skips, 1u);
  EXPECT_GT(listener.events, 3u);
}

TEST(Divergence, TheReportSaysAllThatIsNeededToReplay) {
  FakeSystem system(Lie::kWrongFrame, "pages_alloc", 2);
  Runner runner(system);
  const Program program = program_of("tiny", kSomePages);
  const RunOutcome outcome = runner.run(program);
  const Divergence divergence = describe_failure(runner, program, outcome, "corpora/regressions/x.mmt");
  const std::string text = divergence.print();
  EXPECT_NE(text.find("2 cpu=0 pages_alloc order=3"), std::string::npos) << text;
  EXPECT_NE(text.find("law FRAME-1"), std::string::npos) << text;
  EXPECT_NE(text.find("frame_taken"), std::string::npos) << text;
  EXPECT_NE(text.find("replay: mmtwin replay corpora/regressions/x.mmt"), std::string::npos) << text;
  EXPECT_EQ(divergence.signature.operation, "pages_alloc");
}

}  // namespace
}  // namespace mmtwin::lockstep
