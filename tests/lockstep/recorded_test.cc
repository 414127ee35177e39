#include "lockstep/suts/recorded.h"

#include <gtest/gtest.h>

#include "lockstep/reports/divergence.h"
#include "lockstep/run/run.h"
#include "lockstep/traces/recorded_play.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

Program parsed(const std::string& text) {
  const Parsed<Program> program = parse_program(text);
  EXPECT_TRUE(program.ok()) << print(program.error());
  return program.ok() ? program.value() : Program{};
}

RunOutcome judged(const std::string& text) {
  const Program program = parsed(text);
  RecordedSystem system;
  Runner runner(system);
  RunOutcome outcome = runner.run(program);
  if (outcome.finding) SCOPED_TRACE(describe_failure(runner, program, outcome, "x").print());
  return outcome;
}

const std::string kRecording =
    "mmtwin 1\n"
    "machine small-x86\n"
    "1 cpu=0 space_create -> p1\n"
    "2 cpu=0 range_map_anon space=p1 at=0x10000 length=0x4000 prot=rw flags=fixed = 0x10000\n"
    "3 cpu=0 range_unmap space=p1 at=0x11000 length=0x1000 = ok\n"
    "expect ranges 0x10000-0x11000:rw-, 0x12000-0x14000:rw-\n"
    "4 cpu=0 range_unmap space=p1 at=0x11800 length=0x1000 = EINVAL\n";

TEST(Recorded, WhatARealKernelAnsweredIsJudged) {
  const RunOutcome outcome = judged(kRecording);
  EXPECT_EQ(outcome.verdict, Verdict::kAgreed) << (outcome.finding ? outcome.finding->actual : "");
  EXPECT_EQ(outcome.executed, 4u);
}

TEST(Recorded, ItClaimsOnlyWhatItHolds) {
  const Program program = parsed(kRecording);
  RecordedSystem system;
  system.prepare(program);
  EXPECT_FALSE(system.claims().narrates());
  EXPECT_FALSE(system.claims().has(Claim::kFrames));
  EXPECT_TRUE(system.claims().has(Claim::kRanges));
  const Program silent = parsed("mmtwin 1\nmachine small-x86\n1 cpu=0 space_create -> p1\n");
  RecordedSystem quiet;
  quiet.prepare(silent);
  EXPECT_FALSE(quiet.claims().has(Claim::kRanges));
  EXPECT_FALSE(quiet.claims().has(Claim::kExactAddresses));
}

// A log of system calls does not say what loads read.
TEST(Recorded, LoadsAreJudgedOnlyWhereAllAreTold) {
  const std::string stored = kRecording + "5 cpu=0 memory_store space=p1 at=0x10000 width=1 value=0x7 = ok\n";
  EXPECT_EQ(judged(stored + "6 cpu=0 memory_load space=p1 at=0x10000 width=1\n").verdict, Verdict::kAgreed);
  EXPECT_EQ(judged(stored + "6 cpu=0 memory_load space=p1 at=0x10000 width=1 = 0x7\n").verdict, Verdict::kAgreed);
  EXPECT_EQ(judged(stored + "6 cpu=0 memory_load space=p1 at=0x10000 width=1 = 0x8\n").verdict, Verdict::kDiverged);
}

TEST(Recorded, AWrongAnswerInTheRecordingIsFoundAtItsStep) {
  std::string wrong = kRecording;
  wrong.replace(wrong.find("EINVAL"), 6, "ok");
  const RunOutcome outcome = judged(wrong);
  EXPECT_EQ(outcome.verdict, Verdict::kDiverged);
  EXPECT_EQ(outcome.step.raw(), 4u);
}

TEST(Recorded, AWrongRangeListIsFoundAtItsStep) {
  std::string wrong = kRecording;
  wrong.replace(wrong.find("0x12000-0x14000"), 15, "0x13000-0x14000");
  const RunOutcome outcome = judged(wrong);
  EXPECT_EQ(outcome.verdict, Verdict::kDiverged);
  EXPECT_EQ(outcome.step.raw(), 3u);
}

// Zones meet at frame 12.
TEST(Recorded, ABlockLiesInOneZoneAndIsFree) {
  const auto block_at = [](const std::string& frame) {
    return judged("mmtwin 1\nmachine tiny node0.dma=0+12 node0.normal=12+52 min=0\n"
                  "1 cpu=0 pages_alloc order=3 -> b1 = 0\n"
                  "2 cpu=0 pages_alloc_exact pages=3 -> b2 = 0x10\n"
                  "3 cpu=0 pages_alloc order=3 -> b3 = " + frame + "\n"
                  "4 cpu=0 pages_free block=b2\n"
                  "5 cpu=0 pages_alloc order=2 -> b4 = 0x10\n");
  };
  EXPECT_EQ(block_at("0x18").verdict, Verdict::kAgreed) << block_at("0x18").finding->actual;
  for (const char* wrong : {"8", "0", "0x10", "0x1c", "0x40"}) {
    const RunOutcome outcome = block_at(wrong);
    EXPECT_EQ(outcome.verdict, Verdict::kDiverged) << wrong;
    EXPECT_EQ(outcome.step.raw(), 3u) << wrong;
  }
}

constexpr const char* kAssuming =
    "mmtwin 2\nmachine small-x86\n1 cpu=0 space_create -> p1\n"
    "2 cpu=0 space_assume space=p1 at=0x400000 length=0x2000 prot=rx file=1 = ok\n"
    "3 cpu=0 space_assume space=p1 at=0x402000 length=0x2000 prot=rw\n"
    "4 cpu=0 range_unmap space=p1 at=0x402000 length=0x1000 = ok\n"
    "5 cpu=0 memory_store space=p1 at=0x403000 = assumed\n"
    "6 cpu=0 memory_store space=p1 at=0x403000\n";

// The second and the fifth: of neither the recording says a word. A store more or less is no assumption.
TEST(Recorded, AnswersThatNobodyRecordedAreCounted) {
  EXPECT_EQ(answers_assumed(parsed(kAssuming)), 2u);
  EXPECT_EQ(answers_assumed(parsed(kRecording)), 0u);
}

TEST(Recorded, WhatWasAnsweredIsTheAnswerAndWhatLiesThere) {
  Program program = parsed(kAssuming);
  const auto shown = [&](std::uint64_t step) { return what_was_answered(program, step); };
  EXPECT_EQ(shown(4),
            "cpu=0 range_unmap space=p1 at=0x402000 length=0x1000 = ok\n"
            "0x400000-0x402000:r-x file=1\n0x402000-0x404000:rw-a");
  EXPECT_EQ(shown(5),
            "cpu=0 memory_store space=p1 at=0x403000\n"
            "0x403000-0x404000:rw-a offset=0x1000\nemptied 4202496-4206592");
  const Program twice = parsed(
      "mmtwin 2\nmachine small-x86\n1 cpu=0 space_create -> p1\n"
      "2 cpu=0 range_unmap space=p1 at=0x10000 length=0x3000 = ok\n"
      "3 cpu=0 range_map_anon space=p1 at=0x11000 length=0x1000 prot=r flags=fixed = 0x11000\n"
      "4 cpu=0 range_protect space=p1 at=0x10000 length=0x3000 prot=rw = ok\n");
  EXPECT_EQ(what_was_answered(twice, 4),
            "cpu=0 range_protect space=p1 at=0x10000 length=0x3000 prot=rw = ok\n"
            "0x11000-0x12000:r-- offset=0x11000\nemptied 65536-69632\nemptied 73728-77824")
      << "that nothing is there the recording says";
  program.recorded[4].response = {Refusal::kInvalid, 0};
  EXPECT_NE(shown(5), what_was_answered(parsed(kAssuming), 5)) << "it was not unmapped";
  EXPECT_EQ(shown(0), "");
  EXPECT_EQ(shown(7), "");
}

TEST(Recorded, StepsWithoutAnAnswerAreDone) {
  const RunOutcome outcome = judged(
      "mmtwin 1\nmachine small-x86\n1 cpu=0 space_create -> p1\n"
      "2 cpu=0 space_assume space=p1 at=0x400000 length=0x2000 prot=rx file=1\n"
      "3 cpu=0 range_unmap space=p1 at=0x400000 length=0x1000 = ok\n"
      "expect ranges 0x401000-0x402000:r-x file=1 offset=0x1000\n");
  EXPECT_EQ(outcome.verdict, Verdict::kAgreed) << (outcome.finding ? outcome.finding->actual : "");
  EXPECT_EQ(outcome.executed, 3u);
}

}  // namespace
}  // namespace mmtwin::lockstep
