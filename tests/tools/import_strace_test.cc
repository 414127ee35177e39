#include "tools/import/import_strace.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "lockstep/run/run.h"
#include "lockstep/suts/recorded.h"
#include "tools/import/log_scanner.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

const std::string kStart =
    "P1 execve(\"a\", [\"a, b)\", \" = 1\"], ENVP) = 0\n"
    "P1 brk(NULL)                         = 0x6b3b000\n";

Imported imported(const std::string& text, bool adds_accesses = false) {
  ImportResult result = import_strace(text, "log", {.adds_accesses = adds_accesses});
  EXPECT_TRUE(result.imported) << result.problem;
  return result.imported ? std::move(*result.imported) : Imported{};
}

std::string problem_of(const std::string& text) {
  ImportResult result = import_strace(text, "log");
  EXPECT_FALSE(result.imported);
  return result.problem;
}

std::string words(const Imported& log) {
  std::string text;
  for (const Operation& operation : log.program.operations) text += print(operation) + "\n";
  return text;
}

TEST(ImportStrace, AnAddressThatTheKernelChoseBecomesTheHint) {
  Imported log = imported(
      kStart + "P1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f81af4cd000\n");
  const auto& map = std::get<RangeMapAnon>(log.program.operations.back());
  EXPECT_EQ(map.at.value().offset, 0x7f81af4cd000u);
  EXPECT_FALSE(map.flags.value().has(kMapFixed));
  EXPECT_EQ(log.program.recorded.rbegin()->second.response.value, 0x7f81af4cd000u);
}

TEST(ImportStrace, TheHeapStartsAtTheFirstBreak) {
  Imported log = imported(kStart);
  EXPECT_EQ(std::get<SpaceCreate>(log.program.operations[0]).brk.value(), Address(0x6b3b000));
}

TEST(ImportStrace, AFailingCallKeepsItsErrorIfTheMachineHasIt) {
  Imported log = imported(
      kStart +
      "P1 munmap(0x1, 4096) = -1 EINVAL (Invalid argument)\n"
      "P1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3<f>, 0) = -1 EACCES (Permission denied)\n"
      "P1 mmap(NULL, 1073741824, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = -1 ENOMEM (Cannot allocate memory)\n");
  EXPECT_EQ(log.program.recorded.rbegin()->second.response.refusal, Refusal::kInvalid);
  EXPECT_EQ(log.counts.ignored.at("mmap: EACCES"), 1u);
  EXPECT_EQ(log.counts.ignored.at("mmap: ENOMEM"), 1u);
}

TEST(ImportStrace, AVforkChildSharesTheSpaceUntilItExecs) {
  Imported log = imported(kStart +
                          "P1 vfork( <unfinished ...>\n"
                          "P2 execve(\"b\", [\"b\"], ENVP <unfinished ...>\n"
                          "P1 <... vfork resumed>)              = 19956\n"
                          "P2 <... execve resumed>)             = 0\n"
                          "P2 brk(NULL) = 0x1000000\n"
                          "P2 exit_group(0) = ?\n"
                          "P2 +++ exited with 0 +++\n"
                          "P1 exit_group(0) = ?\n");
  EXPECT_EQ(words(log),
            "cpu=0 space_create brk=0x6b3b000 -> p1\n"
            "cpu=0 range_brk space=p1\n"
            "cpu=1 space_create brk=0x1000000 -> p2\n"
            "cpu=1 range_brk space=p2\n"
            "cpu=1 space_exit space=p2\n"
            "cpu=0 space_exit space=p1\n");
}

TEST(ImportStrace, AForkedChildMayShowItselfBeforeTheForkReturns) {
  Imported log =
      imported(kStart +
               "P1 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f0 <unfinished ...>\n"
               "P2 munmap(0x10000, 4096) = 0\n"
               "P1 <... clone resumed>) = 77\n"
               "P2 exit_group(0) = ?\n");
  EXPECT_EQ(words(log),
            "cpu=0 space_create brk=0x6b3b000 -> p1\n"
            "cpu=0 range_brk space=p1\n"
            "cpu=0 space_fork space=p1 -> p2\n"
            "cpu=1 range_unmap space=p2 at=0x10000 length=0x1000\n"
            "cpu=1 space_exit space=p2\n");
  EXPECT_EQ(log.counts.calls["clone"].imported, 1u);
}

TEST(ImportStrace, RealProcessIdsTellWhoIsWhoseChild) {
  Imported log = imported(
      "10 execve(\"a\", [], 0x7ffd /* 9 vars */) = 0\n"
      "10 clone(child_stack=NULL, flags=SIGCHLD) = 11\n"
      "10 clone(child_stack=0x7f0, flags=CLONE_VM|CLONE_THREAD) = 12\n"
      "12 munmap(0x20000, 4096) = 0\n"
      "11 munmap(0x30000, 4096) = 0\n");
  EXPECT_NE(words(log).find("cpu=1 range_unmap space=p1 at=0x20000"), std::string::npos) << words(log);
  EXPECT_NE(words(log).find("range_unmap space=p2 at=0x30000"), std::string::npos) << words(log);
}

TEST(ImportStrace, WhatExecveMappedIsAssumedWhenACallNamesIt) {
  Imported log = imported(kStart + "P1 mprotect(0x539000, 12288, PROT_READ) = 0\n");
  EXPECT_EQ(log.counts.additions["assumed"], 1u);
  EXPECT_TRUE(std::holds_alternative<SpaceAssume>(log.program.operations[2]));
}

// Of what the log answered, the step that the contract cannot explain; 0: none.
std::uint64_t step_refuted(const Imported& log) {
  lockstep::RecordedSystem recorded;
  lockstep::Runner runner(recorded);
  const lockstep::RunOutcome outcome = runner.run(log.program);
  return outcome.verdict == lockstep::Verdict::kAgreed ? 0 : outcome.step.raw();
}

const std::string kMapped = kStart +
                            "P1 mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
                            "0x7f0000010000\n";

TEST(ImportStrace, WhatTheLogItselfRefutesIsNotAssumedAway) {
  const std::string lies[] = {
      "P1 munmap(0x7f0000011000, 4096) = 0\n"
      "P1 mprotect(0x7f0000010000, 12288, PROT_READ) = 0\n",
      "P1 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000012000\n",
      "P1 mmap(0x7f0000012000, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE, -1, 0) = "
      "0x7f0000012000\n",
      "P1 munmap(0x7f0000010000, 16384) = 0\n"
      "P1 mmap(0x7f0000010000, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE, -1, 0) = "
      "-1 EEXIST (x)\n",
      "P1 mprotect(0x7f0000010000, 4096, PROT_READ) = -1 ENOMEM (Cannot allocate memory)\n",
  };
  for (const std::string& lie : lies) {
    const Imported log = imported(kMapped + lie);
    EXPECT_EQ(log.counts.additions.count("assumed"), 0u) << lie;
    EXPECT_EQ(step_refuted(log), log.program.operations.size()) << lie << words(log);
  }
}

// A thread of its own does what another one is about at the same time: who came first is not in the log.
TEST(ImportStrace, CallsThatOverlapMayHaveComeInEitherOrder) {
  const std::string thread = "P1 clone(child_stack=0x7f0, flags=CLONE_VM|CLONE_FS|CLONE_THREAD) = 12\n";
  const std::string honest[] = {
      "P1 mprotect(0x7f0000010000, 4096, PROT_READ <unfinished ...>\n"
      "P2 munmap(0x7f0000010000, 16384) = 0\n"
      "P1 <... mprotect resumed>) = 0\n",
      "P1 munmap(0x7f0000010000, 16384 <unfinished ...>\n"
      "P2 mprotect(0x7f0000010000, 4096, PROT_READ) = 0\n"
      "P1 <... munmap resumed>) = 0\n",
      "P1 munmap(0x7f0000010000, 16384 <unfinished ...>\n"
      "P2 mmap(0x7f0000010000, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE, -1, 0) = -1 EEXIST (x)\n"
      "P1 <... munmap resumed>) = 0\n",
  };
  for (const std::string& calls : honest) {
    const Imported log = imported(kMapped + thread + calls);
    EXPECT_EQ(step_refuted(log), 0u) << calls << words(log);
    EXPECT_EQ(log.counts.additions.count("assumed"), 1u) << calls << words(log);
  }
  // What they are not both about stays known.
  const Imported log = imported(kMapped + thread +
                                "P1 munmap(0x7f0000010000, 4096 <unfinished ...>\n"
                                "P2 mprotect(0x7f0000011000, 4096, PROT_READ) = -1 ENOMEM (x)\n"
                                "P1 <... munmap resumed>) = 0\n");
  EXPECT_NE(step_refuted(log), 0u) << words(log);
}

TEST(ImportStrace, AHintThatTheLogShowsToBeFreeIsTaken) {
  const std::string calls = "P1 munmap(0x7f0000010000, 16384) = 0\n"
                            "P1 mmap(0x7f0000010000, 16384, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = ";
  EXPECT_NE(step_refuted(imported(kMapped + calls + "0x7f0000050000\n")), 0u);
  EXPECT_EQ(step_refuted(imported(kMapped + calls + "0x7f0000010000\n")), 0u);
}

TEST(ImportStrace, InvalidForReasonsThatTheMachineLacksIsNoLie) {
  for (const std::string call :
       {"mprotect(0x7f0000010000, 4096, PROT_READ|PROT_GROWSDOWN)", "mprotect(0x7f0000010000, 4096, PROT_READ|0x40)",
        "mmap(NULL, 4096, PROT_READ, MAP_FILE|MAP_ANONYMOUS, -1, 0)",
        "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x1)",
        "mmap(NULL, 8192, PROT_READ, MAP_SHARED, 5<anon_inode:[perf_event]>, 0)"}) {
    const Imported log = imported(kMapped + "P1 " + call + " = -1 EINVAL (Invalid argument)\n");
    EXPECT_EQ(step_refuted(log), 0u) << call << words(log);
  }
  const Imported lie = imported(kMapped + "P1 mprotect(0x7f0000010000, 4096, PROT_READ) = -1 EINVAL (x)\n");
  EXPECT_NE(step_refuted(lie), 0u);
}

TEST(ImportStrace, TheLargestNumberIsANumber) {
  const Imported log = imported(kMapped +
                                "P1 mmap(NULL, 18446744073709551615, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
                                "-1 ENOMEM (Cannot allocate memory)\n");
  EXPECT_EQ(step_refuted(log), 0u);
}

// Of a call without an answer only what it was about is not known any more.
TEST(ImportStrace, ACallWithoutAnAnswerMayHaveDoneWhatItSays) {
  const std::string cut = "P1 clone(child_stack=0x7f0, flags=CLONE_VM|CLONE_FS|CLONE_THREAD) = 12\n"
                          "P2 munmap(0x7f0000010000, 4096 <unfinished ...>\n";
  const std::string map = " = 0x7f000001", tail = ", 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)";
  EXPECT_EQ(step_refuted(imported(kMapped + cut + "P1 mmap(NULL" + tail + map + "0000\n")), 0u);
  EXPECT_NE(step_refuted(imported(kMapped + cut + "P1 mmap(NULL" + tail + map + "1000\n")), 0u);
  // Where its words are cut off as well, anything.
  const std::string shorter = "P1 munmap(0x7f0000010000,  <unfinished ...>\n";
  EXPECT_EQ(imported(kMapped + shorter).counts.ignored.at("munmap: no answer"), 1u);
}

TEST(ImportStrace, WhatNobodySawMayBeAssumed) {
  const std::string honest[] = {
      // Something that the machine has no words for may have taken it away, or put it there.
      "P1 shmdt(0x7f0000010000) = 0\n"
      "P1 mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000012000\n",
      "P1 munmap(0x7f0000010000, 4096 <unfinished ...>\n"
      "P1 mprotect(0x7f0000008000, 4096, PROT_READ) = 0\n",
      "P1 mmap(0x539000, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE, -1, 0) = -1 EEXIST (x)\n",
  };
  for (const std::string& calls : honest) {
    const Imported log = imported(kMapped + calls);
    EXPECT_EQ(log.counts.additions.count("assumed"), 1u) << calls << words(log);
    EXPECT_EQ(step_refuted(log), 0u) << calls << words(log);
  }
  // A limit that the machine lacks: of what may be written.
  const std::string to_writable = "P1 mprotect(0x7f0000010000, 4096, PROT_READ|PROT_WRITE) = -1 ENOMEM (x)\n";
  const Imported limited = imported(kMapped + to_writable);
  EXPECT_EQ(limited.counts.ignored.at("mprotect: ENOMEM"), 1u);
  EXPECT_EQ(step_refuted(limited), 0u);
}

TEST(ImportStrace, MremapIsCountedAndItsEffectAssumed) {
  Imported log =
      imported(kStart +
               "P1 mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000010000\n"
               "P1 mremap(0x7f0000010000, 8192, 16384, MREMAP_MAYMOVE) = 0x7f0000020000\n"
               "P1 munmap(0x7f0000020000, 16384) = 0\n");
  EXPECT_EQ(log.counts.ignored.at("mremap"), 1u);
  EXPECT_EQ(log.counts.additions["assumed"], 2u);
}

TEST(ImportStrace, NewWritableMemoryIsStoredToAtBothEnds) {
  Imported log = imported(
      kStart + "P1 mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000010000\n", true);
  EXPECT_EQ(log.counts.additions["stores"], 2u);
  EXPECT_EQ(std::get<MemoryStore>(log.program.operations.back()).at.value().offset, 0x7f0000013000u);
}

TEST(ImportStrace, PrefixesOfOtherOptionsAreUnderstood) {
  EXPECT_EQ(imported("[pid  12] brk(NULL) = 0x1000\n").counts.calls["brk"].imported, 1u);
  EXPECT_EQ(imported("12:00:01.5 brk(NULL) = 0x1000\n").counts.calls["brk"].imported, 1u);
  EXPECT_EQ(imported("12 1699999.25 brk(NULL) = 0x1000\n").counts.calls["brk"].imported, 1u);
  EXPECT_EQ(imported("brk(NULL) = 0x1000\n").counts.calls["brk"].imported, 1u);
}

TEST(ImportStrace, ACallThatNeverReturnsIsCounted) {
  Imported log = imported(kStart + "P1 munmap(0x10000, 4096 <unfinished ...>\nP1 +++ killed by SIGKILL +++\n");
  EXPECT_EQ(log.counts.ignored.at("munmap: no answer"), 1u);
}

TEST(ImportStrace, ALogMayBeginInsideACall) {
  Imported log = imported("P1 <... munmap resumed>) = 0\n" + kStart);
  EXPECT_EQ(log.counts.ignored.at("munmap: no answer"), 1u);
}

TEST(ImportStrace, AThreadThatExecsGoesOnAsItsProcess) {
  Imported log = imported(
      "10 execve(\"a\", [], 0x7ffd /* 9 vars */) = 0\n"
      "10 clone(child_stack=0x7f0, flags=CLONE_VM|CLONE_THREAD) = 12\n"
      "12 execve(\"b\", [], 0x7ffd /* 9 vars */ <unfinished ...>\n"
      "10 +++ superseded by execve in pid 12 +++\n"
      "10 <... execve resumed>) = 0\n"
      "10 munmap(0x20000, 4096) = 0\n");
  EXPECT_EQ(log.counts.calls["execve"].imported, 2u);
}

TEST(ImportStrace, EveryMistakeIsNamedWithItsPlace) {
  EXPECT_EQ(problem_of(""), "log:1:1: the log holds no system call");
  EXPECT_EQ(problem_of("P1 brk(NULL)\n").substr(0, 6), "log:1:");
  EXPECT_EQ(problem_of(kStart + "P1 mmap(NULL, 1\n").substr(0, 6), "log:3:");
  EXPECT_EQ(problem_of(kStart + "P1 mmap(NULL, x, PROT_READ, MAP_PRIVATE, 3, 0) = 0x1000\n").substr(0, 6), "log:3:");
  EXPECT_EQ(problem_of(kStart + "P1 munmap(0x1000) = 0\n"), "log:3:4: munmap has too few arguments");
  EXPECT_EQ(problem_of("F f0 1 x\n").substr(0, 8), "log:1:2:");
  EXPECT_EQ(problem_of(std::string(kMaxLogLineBytes + 2, 'x')).substr(0, 6), "log:1:");
}

TEST(ImportStrace, ATruncatedLogIsReadOrRefused) {
  std::string text = kStart + "P1 mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3<a, b>, 0x1000) = 0x7f0000010000\n";
  for (std::size_t length = 0; length < text.size(); ++length) {
    ImportResult result = import_strace(text.substr(0, length), "log");
    EXPECT_NE(result.imported.has_value(), !result.problem.empty());
  }
}

}  // namespace
}  // namespace mmtwin::tools
