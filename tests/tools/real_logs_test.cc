// Every log of corpora/real: nearly all calls are imported, both systems answer as the real kernel did.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "lockstep/reports/divergence.h"
#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"
#include "lockstep/suts/recorded.h"
#include "tests/tools/logs.h"
#include "tools/import/import_kmem_pages.h"
#include "tools/import/import_strace.h"
#include "tools/import/import_vmadelta.h"
#include "tools/reports/recorded_comparison.h"
#include "vocab/kinds.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

std::vector<std::string> log_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator("corpora/real")) {
    if (entry.path().extension() == ".xz") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_of(const std::string& name, const char* format) { return name.find(format) != std::string::npos; }

ImportResult import_by_name(const std::string& name) {
  std::string text = real_log(name);
  if (is_of(name, ".strace.")) return import_strace(text, name);
  return is_of(name, ".vmadelta.") ? import_vmadelta(text, name) : import_kmem_pages(text, name);
}

class RealLog : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ImportResult result = import_by_name(GetParam());
    ASSERT_TRUE(result.imported) << result.problem;
    imported_ = std::move(*result.imported);
  }
  lockstep::RunOutcome run(lockstep::System& system, lockstep::StepObserver* observer = nullptr) {
    lockstep::Runner runner(system);
    lockstep::RunOptions options;
    options.observer = observer;
    lockstep::RunOutcome outcome = runner.run(imported_.program, options);
    EXPECT_EQ(outcome.verdict, lockstep::Verdict::kAgreed)
        << lockstep::describe_failure(runner, imported_.program, outcome, GetParam()).print();
    EXPECT_GT(outcome.executed, 0u);
    return outcome;
  }

  Imported imported_;
};

TEST_P(RealLog, IsAProgramThatTextCanSay) {
  ASSERT_TRUE(in_bounds(imported_.program));
  auto again = parse_program(print(imported_.program));
  ASSERT_TRUE(again.ok()) << print(again.error());
  EXPECT_TRUE(same(imported_.program, again.value()));
}

TEST_P(RealLog, ImportsNinetyNinePercentOfTheCallsThatTheMachineHas) {
  std::uint64_t seen = 0, imported = 0;
  for (const char* call :
       {"mmap", "munmap", "mprotect", "brk", "fork", "vfork", "clone", "clone_vm", "exit", "exit_group"}) {
    auto found = imported_.counts.calls.find(call);
    if (found == imported_.counts.calls.end()) continue;
    seen += found->second.seen;
    imported += found->second.imported;
  }
  if (is_of(GetParam(), ".kmem-pages.")) {
    seen = imported_.counts.calls["A"].seen;
    imported = imported_.counts.calls["A"].imported;
  }
  ASSERT_GT(seen, 0u);
  EXPECT_GE(imported * 100, seen * 99);
}

TEST_P(RealLog, IsWhatTheModelAllows) {
  lockstep::RecordedSystem recorded;
  run(recorded);
}

TEST_P(RealLog, IsAnsweredByOurSystemAsByTheRealKernel) {
  auto ours = lockstep::make_ours();
  MismatchCounts mismatches;
  RecordedComparison comparison(imported_.program, *ours, mismatches);
  run(*ours, &comparison);
  EXPECT_GT(mismatches.compared, 0u);
  EXPECT_EQ(mismatches.mismatches, 0u) << mismatches.text;
}

INSTANTIATE_TEST_SUITE_P(Corpora, RealLog, testing::ValuesIn(log_names()), [](const auto& log) {
  std::string name = log.param;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

TEST(RealLogs, StraceCallsAreCountedAsGrepCountsThem) {
  for (const std::string& name : log_names()) {
    if (!is_of(name, ".strace.")) continue;
    std::string text = real_log(name);
    ImportResult result = import_strace(text, name);
    ASSERT_TRUE(result.imported) << result.problem;
    auto& calls = result.imported->counts.calls;
    for (const char* call :
         {"mmap", "munmap", "mprotect", "brk", "mremap", "openat", "execve", "exit_group", "vfork", "clone"}) {
      std::uint64_t lines = lines_with(text, "^P[0-9]+ " + std::string(call) + "\\(");
      EXPECT_EQ(calls[call].seen, lines) << name << " " << call;
    }
  }
}

TEST(RealLogs, VmadeltaCallsAreCountedAsGrepCountsThem) {
  for (const std::string& name : log_names()) {
    if (!is_of(name, ".vmadelta.")) continue;
    std::string text = real_log(name);
    ImportResult result = import_vmadelta(text, name);
    ASSERT_TRUE(result.imported) << result.problem;
    auto& calls = result.imported->counts.calls;
    for (const char* call : {"mmap", "munmap", "mprotect", "brk", "mremap", "exec", "fork", "clone_vm"}) {
      std::uint64_t lines = lines_with(text, "^P[0-9]+ M[0-9]+ " + std::string(call) + " ");
      EXPECT_EQ(calls[call].seen, lines) << name << " " << call;
    }
    EXPECT_EQ(calls["exit"].seen, lines_with(text, "^P[0-9]+ exited"));
    EXPECT_EQ(result.imported->counts.additions.count("unexplained"), 0u) << name;
  }
}

TEST(RealLogs, EveryPageEventIsImportedOrCountedByName) {
  std::string text = real_log("gcc_c.kmem-pages.txt");
  ImportResult result = import_kmem_pages(text, "gcc_c.kmem-pages.txt");
  ASSERT_TRUE(result.imported) << result.problem;
  ImportCounts& counts = result.imported->counts;
  std::uint64_t ignored = 0;
  for (const auto& [name, count] : counts.ignored) ignored += count;
  EXPECT_EQ(counts.calls["A"].seen, lines_with(text, " A 0x"));
  EXPECT_EQ(counts.seen(), lines_with(text, "."));
  EXPECT_EQ(counts.seen(), counts.imported() + ignored);
}

}  // namespace
}  // namespace mmtwin::tools
