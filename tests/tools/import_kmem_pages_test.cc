#include "tools/import/import_kmem_pages.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "lockstep/run/run.h"
#include "lockstep/suts/recorded.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

Imported imported(const std::string& text) {
  ImportResult result = import_kmem_pages(text, "log");
  EXPECT_TRUE(result.imported) << result.problem;
  return result.imported ? std::move(*result.imported) : Imported{};
}

std::string problem_of(const std::string& text) {
  ImportResult result = import_kmem_pages(text, "log");
  EXPECT_FALSE(result.imported);
  return result.problem;
}

lockstep::Verdict verdict_of(const Imported& log) {
  lockstep::RecordedSystem recorded;
  return lockstep::Runner(recorded).run(log.program).verdict;
}

TEST(ImportKmemPages, AnAllocationKeepsOrderFlagsCpuAndFrame) {
  Imported log = imported("0 c1 t1 A 0x134a10 o2 m0 GFP_KERNEL|__GFP_ZERO|__GFP_COMP\n");
  const auto& alloc = std::get<PagesAlloc>(log.program.operations.at(0));
  EXPECT_EQ(alloc.order.value(), Order(2));
  EXPECT_EQ(alloc.gfp.value(), kGfpWait | kGfpZero);
  EXPECT_EQ(alloc.cpu.value(), CpuId(1));
  EXPECT_EQ(alloc.node.value(), NodeId(0));
  EXPECT_EQ(log.program.recorded.at(1).response.value, 0x134a10u);
  EXPECT_EQ(log.counts.attributes.at("__GFP_COMP"), 1u);
  EXPECT_FALSE(problem_with(log.program.machine));
  EXPECT_GT(log.program.machine.frame_limit(), 0x134a13u);
}

TEST(ImportKmemPages, TheNamesOfFlagsMeanWhatTheKernelSays) {
  auto gfp = [](const std::string& words) {
    return std::get<PagesAlloc>(imported("0 c0 t1 A 0x10 o0 m0 " + words + "\n").program.operations.at(0)).gfp.value();
  };
  EXPECT_EQ(gfp("GFP_ATOMIC"), kGfpHigh);
  EXPECT_EQ(gfp("GFP_NOWAIT"), Gfp{});
  EXPECT_EQ(gfp("GFP_NOFS|__GFP_NOFAIL"), kGfpWait | kGfpNofail);
  EXPECT_EQ(gfp("GFP_DMA|__GFP_THISNODE"), kGfpDma | kGfpThisNode);
}

TEST(ImportKmemPages, OneFreeIsReportedTwiceAndImportedOnce) {
  Imported log = imported("0 c0 t1 A 0x10 o0 m0 GFP_KERNEL\n1 c0 t1 F 0x10 o0\n2 c0 t1 B 0x10 o0\n");
  EXPECT_EQ(log.program.operations.size(), 2u);
  EXPECT_EQ(log.counts.ignored.at("B: reported by F already"), 1u);
}

TEST(ImportKmemPages, FreesWithoutTheirAllocationAreCounted) {
  Imported log = imported("0 c0 t1 F 0x10 o0\n1 c0 t1 F 0x20 o3\n2 c0 t1 A 0x10 o0 m0 GFP_KERNEL\n");
  EXPECT_EQ(log.counts.ignored.at("F: allocation not seen"), 2u);
  EXPECT_EQ(log.program.operations.size(), 1u);
}

// AAAA, a part freed, then that part handed out again: the whole block must have gone in between.
TEST(ImportKmemPages, ABlockThatWasFreedInPiecesIsSupposedToBeGone) {
  Imported log = imported("0 c0 t1 A 0x10 o2 m0 GFP_KERNEL\n1 c0 t1 F 0x11 o0\n2 c0 t1 A 0x11 o0 m0 GFP_KERNEL\n");
  EXPECT_EQ(log.counts.ignored.at("F: part of a block"), 1u);
  EXPECT_EQ(log.counts.additions.at("free not seen"), 1u);
  EXPECT_TRUE(std::holds_alternative<PagesFree>(log.program.operations.at(1)));
  EXPECT_TRUE(log.program.recorded.at(2).is_assumed);
  EXPECT_EQ(verdict_of(log), lockstep::Verdict::kAgreed);
}

TEST(ImportKmemPages, AFrameHandedOutTwiceIsJudged) {
  for (const char* again : {"A 0x10 o0", "A 0x10 o2", "A 0x12 o0"}) {
    const Imported log = imported("0 c0 t1 A 0x10 o2 m0 GFP_KERNEL\n1 c0 t1 F 0x11 o0\n2 c0 t1 " + std::string(again) +
                                  " m0 GFP_KERNEL\n");
    EXPECT_EQ(log.counts.additions.size(), 0u) << again;
    EXPECT_EQ(log.program.notes.at(2), "line 3") << again;
    EXPECT_EQ(verdict_of(log), lockstep::Verdict::kDiverged) << again;
  }
}

TEST(ImportKmemPages, WhatARequestMayHaveIsJudged) {
  EXPECT_EQ(verdict_of(imported("0 c0 t1 A 0x200000 o0 m0 GFP_DMA32\n")), lockstep::Verdict::kDiverged);
  EXPECT_EQ(verdict_of(imported("0 c0 t1 A 0x20000 o0 m0 GFP_DMA32\n1 c0 t1 A 0x200000 o0 m0 GFP_KERNEL\n")),
            lockstep::Verdict::kAgreed);
  const std::string never = "0 c0 t1 A 0x10 o0 m0 GFP_KERNEL\n1 c0 t1 A 0x0 o0 m0 GFP_KERNEL";
  EXPECT_EQ(verdict_of(imported(never + "|__GFP_NOFAIL\n")), lockstep::Verdict::kDiverged);
  EXPECT_EQ(verdict_of(imported(never + "\n")), lockstep::Verdict::kAgreed);
}

TEST(ImportKmemPages, HandlesAreUsedAgain) {
  std::string text;
  for (int i = 0; i < 70000; ++i) text += "0 c0 t1 A 0x10 o0 m0 GFP_KERNEL\n0 c0 t1 F 0x10 o0\n";
  EXPECT_EQ(imported(text).program.operations.size(), 140000u);
}

TEST(ImportKmemPages, EveryMistakeIsNamedWithItsPlace) {
  EXPECT_EQ(problem_of(""), "log:1:1: the log holds no event");
  EXPECT_EQ(problem_of("0 c0 t1 X 0x10 o0\n"), "log:1:9: expected A, F or B, not 'X 0x10 o0'");
  EXPECT_EQ(problem_of("0 c0 t1 A 0x10 o11 m0 GFP_KERNEL\n"), "log:1:19: the order is above 10");
  EXPECT_EQ(problem_of("0 c0 t1 A 0x10 o0\n").substr(0, 6), "log:1:");
  EXPECT_EQ(problem_of("0 c0 t1 A 0xffffffffffff o0 m0 GFP_KERNEL\n").substr(0, 6), "log:1:");
  EXPECT_EQ(problem_of("0 c0 t1 F 0x10 o0 more\n").substr(0, 6), "log:1:");
  EXPECT_EQ(problem_of("K 1 2\n").substr(0, 8), "log:1:1:");
}

}  // namespace
}  // namespace mmtwin::tools
