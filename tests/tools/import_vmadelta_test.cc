#include "tools/import/import_vmadelta.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "lockstep/run/run.h"
#include "lockstep/suts/recorded.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

const std::string kStart =
    "P1 M2 exec demo\n"
    "F f0 4096 demo\n"
    " +400000-401000 r-xp 0 f0\n"
    " +7ffff7fc2000-7ffff7fc6000 r--p 0 [vvar]\n"
    " +7ffffffde000-7ffffffff000 rw-p 0 [stack]\n"
    " +ffffffffff600000-ffffffffff601000 --xp 0 [vsyscall]\n"
    "P1 M2 brk 0 = 555000\n";

std::string problem_of(const std::string& text) {
  ImportResult result = import_vmadelta(text, "log");
  EXPECT_FALSE(result.imported);
  return result.problem;
}

Imported imported(const std::string& text) {
  ImportResult result = import_vmadelta(text, "log");
  EXPECT_TRUE(result.imported) << result.problem;
  return result.imported ? std::move(*result.imported) : Imported{};
}

template <class Op>
unsigned operations_of(const Program& program) {
  unsigned count = 0;
  for (const Operation& operation : program.operations) count += std::holds_alternative<Op>(operation);
  return count;
}

TEST(ImportVmadelta, ExecMakesASpaceWithItsHeapStartAndRecordedRangesButNoVsyscallPage) {
  Imported log = imported(kStart);
  ASSERT_EQ(log.program.operations.size(), 5u);
  const auto* create = std::get_if<SpaceCreate>(&log.program.operations[0]);
  ASSERT_TRUE(create);
  EXPECT_EQ(create->brk.value(), Address(0x555000));
  EXPECT_EQ(create->top.value(), Address(0x7ffff7fff000));
  EXPECT_EQ(log.program.recorded.at(4).ranges.size(), 3u);
}

TEST(ImportVmadelta, SpecialMappingsAreFilesOfTheirOwnAndTheStackIsMemory) {
  Imported log = imported(kStart);
  const auto& ranges = log.program.recorded.at(4).ranges;
  EXPECT_NE(ranges[0].file, ranges[1].file);
  EXPECT_NE(ranges[1].file, FileId(0));
  EXPECT_EQ(ranges[2].file, FileId(0));
}

TEST(ImportVmadelta, SharedAnonymousMemoryIsAFileThatNothingElseMaps) {
  Imported log = imported(kStart +
                          "P1 M2 mmap 0 1000 rw- SHARED|ANON - 0 = 7ffff7fc1000\n"
                          "F f1 4096 zero\n"
                          " +7ffff7fc1000-7ffff7fc2000 rw-s 0 f1\n"
                          "P1 M2 mmap 0 1000 rw- SHARED|ANON - 0 = 7ffff7fc0000\n"
                          " +7ffff7fc0000-7ffff7fc1000 rw-s 0 f1\n");
  const auto& first = std::get<RangeMapFile>(log.program.operations[5]);
  const auto& second = std::get<RangeMapFile>(log.program.operations[6]);
  EXPECT_NE(first.file.value(), second.file.value());
  EXPECT_EQ(log.program.recorded.at(7).ranges[1].file, second.file.value());
}

TEST(ImportVmadelta, AddressZeroStaysAndTheAnswerIsRecorded) {
  Imported log = imported(kStart +
                          "P1 M2 mmap 0 1000 rw- PRIVATE|ANON - 0 = 7ffff7fc1000\n"
                          " +7ffff7fc1000-7ffff7fc2000 rw-p 0 -\n");
  EXPECT_EQ(std::get<RangeMapAnon>(log.program.operations[5]).at.value(), Place{});
  EXPECT_EQ(log.program.recorded.at(6).response.value, 0x7ffff7fc1000u);
}

TEST(ImportVmadelta, FailuresKeepTheirErrorAndThoseThatTheMachineLacksAreCounted) {
  Imported log = imported(kStart + "P1 M2 munmap 1 1000 = E22\nP1 M2 mprotect 400000 1000 rwx = E13\n");
  EXPECT_EQ(log.program.recorded.at(6).response.refusal, Refusal::kInvalid);
  EXPECT_EQ(log.counts.ignored.at("mprotect: error 13"), 1u);
}

TEST(ImportVmadelta, CallsThatTheMachineLacksAreCountedAndWhatTheyChangedIsAssumed) {
  Imported log = imported(kStart +
                          "P1 M2 madvise 7ffffffde000 1000 10 0 0 = 0\n"
                          " -7ffffffde000-7ffffffff000\n"
                          " +7ffffffde000-7ffffffdf000 rw-p 0 [stack]\n"
                          " +7ffffffdf000-7ffffffff000 rw-p 0 [stack]\n"
                          "P1 M2 madvise 400000 1000 4 0 0 = 0\n");
  EXPECT_EQ(log.counts.ignored.at("madvise"), 2u);
  EXPECT_EQ(log.counts.additions.at("assumed"), 2u);
  EXPECT_EQ(log.program.recorded.at(log.program.operations.size()).ranges.size(), 4u);
}

TEST(ImportVmadelta, ForkCopiesTheListAndTheSpaceLivesUntilItsLastTaskLeaves) {
  Imported log = imported(kStart +
                          "P1 M2 fork -> P2 M3\n"
                          "P2 M3 clone_vm -> P3 M3\n"
                          "P2 exited 0\n"
                          "P3 M3 munmap 400000 1000 = 0\n"
                          " -400000-401000\n"
                          "P3 exited 0\n"
                          "P1 M2 munmap 400000 1000 = 0\n"
                          " -400000-401000\n"
                          "P1 exited 0\n");
  EXPECT_EQ(operations_of<SpaceFork>(log.program), 1u);
  EXPECT_EQ(operations_of<SpaceExit>(log.program), 2u);
  EXPECT_EQ(log.counts.calls["exit"].imported, 3u);
}

// The child's new memory lies right below memory that it has from its parent, and stays apart: AAABBB, not AAAAAA. Only
// a store by the parent before the fork explains it.
TEST(ImportVmadelta, AStoreIsAddedWhereOnlyAStoreExplainsTheRecordedList) {
  Imported log = imported(kStart +
                          "P1 M2 mmap 0 1000 rw- PRIVATE|ANON - 0 = 7ffff7fc1000\n"
                          " +7ffff7fc1000-7ffff7fc2000 rw-p 0 -\n"
                          "P1 M2 fork -> P2 M3\n"
                          "P2 M3 mmap 0 1000 rw- PRIVATE|ANON - 0 = 7ffff7fc0000\n"
                          " +7ffff7fc0000-7ffff7fc1000 rw-p 0 -\n");
  EXPECT_EQ(log.counts.additions["touches"], 1u);
  EXPECT_EQ(log.counts.additions.count("unexplained"), 0u);
  const auto* store = std::get_if<MemoryStore>(&log.program.operations[6]);
  ASSERT_TRUE(store) << print(log.program.operations[6]);
  EXPECT_EQ(store->at.value().offset, 0x7ffff7fc1000u);
  EXPECT_TRUE(std::holds_alternative<SpaceFork>(log.program.operations[7]));
}

TEST(ImportVmadelta, WhatNothingExplainsIsCountedAndStaysAMismatch) {
  Imported log = imported(kStart +
                          "P1 M2 mmap 0 1000 rw- PRIVATE|ANON - 0 = 7ffff7fc1000\n"
                          " +7ffff7fc1000-7ffff7fc2000 r--p 0 -\n");
  EXPECT_EQ(log.counts.additions["unexplained"], 1u);
  EXPECT_TRUE(log.program.recorded.at(6).has_ranges);
}

// A limit may refuse what becomes writable.
TEST(ImportVmadelta, AnAnswerThatTheListRefutesIsJudged) {
  const std::string mapped = kStart +
                             "P1 M2 mmap 0 2000 rw- PRIVATE|ANON - 0 = 7ffff7ffd000\n"
                             " +7ffff7ffd000-7ffff7fff000 rw-p 0 -\n";
  const auto verdict = [&](const std::string& call) {
    const Imported log = imported(mapped + call);
    lockstep::RecordedSystem recorded;
    return lockstep::Runner(recorded).run(log.program).verdict;
  };
  EXPECT_EQ(verdict("P1 M2 mprotect 7ffff7ffd000 2000 r-- = E12\n"), lockstep::Verdict::kDiverged);
  EXPECT_EQ(verdict("P1 M2 mprotect 7ffff7ffd000 2000 rwx = E12\n"), lockstep::Verdict::kAgreed);
  EXPECT_EQ(verdict("P1 M2 mprotect 7ffff7ffc000 2000 rw- = 0\n"), lockstep::Verdict::kDiverged);
  EXPECT_EQ(verdict("P1 M2 mprotect 7ffff7ffc000 2000 rw- = E12\n"), lockstep::Verdict::kAgreed);
}

TEST(ImportVmadelta, EveryMistakeIsNamedWithItsPlace) {
  EXPECT_EQ(problem_of(""), "log:1:1: the log holds no record");
  EXPECT_EQ(problem_of("P1 M2 mmap 0 1000 rw- PRIVATE|ANON - 0 = 7ffff7fc1000\n").substr(0, 6), "log:1:");
  EXPECT_EQ(problem_of(kStart + "P1 M2 mmap 0 2000 rw- PRI\n").substr(0, 6), "log:8:");
  EXPECT_EQ(problem_of(kStart + "P1 M2 brk zz = 0\n"), "log:8:11: expected break, not 'zz = 0'");
  EXPECT_EQ(problem_of(kStart + " +1000-1000 rw-p 0 -\n"), "log:8:12: the range is empty");
  EXPECT_EQ(problem_of(kStart + " -1000-2000\n"), "log:7:1: a range goes that was not in the list of M2");
  EXPECT_EQ(problem_of(kStart + "P1 M2 exec again\n"), "log:8:1: memory map M2 is in use already");
  EXPECT_EQ(problem_of(" +1000-2000 rw-p 0 -\n"), "log:1:1: a change of ranges before any call");
  EXPECT_EQ(problem_of("hello\n").substr(0, 8), "log:1:1:");
  EXPECT_EQ(problem_of(std::string("P1\0 M2", 6)), "log:1:3: not a text file");
  EXPECT_EQ(problem_of("\xfd"
                       "7zXZ"),
            "log:1:1: this is xz-compressed: give the output of `xz -dc`");
  EXPECT_EQ(problem_of("P99999999999999999999 M2 exec x\n").substr(0, 6), "log:1:");
}

// A log that was cut anywhere is either read or refused with a place; it never breaks the importer.
TEST(ImportVmadelta, ATruncatedLogIsReadOrRefused) {
  for (std::size_t length = 0; length < kStart.size(); ++length) {
    ImportResult result = import_vmadelta(kStart.substr(0, length), "log");
    EXPECT_NE(result.imported.has_value(), !result.problem.empty());
  }
}

}  // namespace
}  // namespace mmtwin::tools
