// Findings on disk: on a system with one planted lie, since ours has none to find.
#include "tools/campaign/finding_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>

#include "fuzz/lying_system.h"
#include "lockstep/suts/ours/ours.h"
#include "lockstep/traces/trace.h"
#include "tools/commands/commands.h"
#include "vocab/kinds.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNeeded = 3;  // allocations until the lie

class Findings : public testing::Test {
 protected:
  Findings() : folder_(fs::path(testing::TempDir()) / ("mmtwin_findings_" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~Findings() override { fs::remove_all(folder_); }

  static Program program(std::size_t allocations) {
    std::string text = "mmtwin 1\nmachine tiny\n";
    for (std::size_t i = 1; i <= allocations; ++i) {
      text += std::to_string(i) + " cpu=0 pages_alloc order=0 gfp=wait -> b" + std::to_string(i) + "\n";
    }
    return parse_program(text).value();
  }
  CampaignFinding finding() {
    CampaignFinding found;
    found.program = program(8);
    found.outcome = lockstep::Runner(system_).run(found.program);
    EXPECT_TRUE(found.outcome.finding);
    return found;
  }
  FindingFile store(const std::string& folder) { return store_finding(system_, finding(), folder, 20); }
  MinimiseOptions minimise_options(const char* output) const {
    EXPECT_EQ(lockstep::write_trace(folder_ / "raw.mmt", program(8)), std::nullopt);
    MinimiseOptions options;
    options.file = (folder_ / "raw.mmt").string();
    options.output = (folder_ / output).string();
    options.seconds = 20;
    options.json = true;
    return options;
  }
  std::string content(const fs::path& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::size_t operations_in(const fs::path& name) const {
    const auto read = lockstep::read_trace(folder_ / name);
    EXPECT_TRUE(std::holds_alternative<lockstep::Trace>(read)) << name;
    return std::get<lockstep::Trace>(read).program.length();
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.insert(entry.path().filename().string());
    return found;
  }

  fs::path folder_;
  fuzz::LyingSystem system_{lockstep::make_ours()};
};

TEST_F(Findings, AreMinimisedInTheirPlaceAndNeverOverwriteOthers) {
  for (int i = 0; i < 3; ++i) {
    const FindingFile file = store(folder_);
    EXPECT_EQ(file.problem, "");
    EXPECT_EQ(file.operations, kNeeded);
    EXPECT_NE(file.description.find("mmtwin replay " + file.name), std::string::npos) << file.description;
    EXPECT_NE(file.description.find("minimised: 8 to 3 operations"), std::string::npos) << file.description;
  }
  EXPECT_EQ(names(), (std::set<std::string>{"FRAME-1.mmt", "FRAME-1-2.mmt", "FRAME-1-3.mmt"}));
  for (const std::string& name : names()) EXPECT_EQ(operations_in(name), kNeeded);
}

TEST_F(Findings, TheMinimisedFormLeavesAloneWhatIsNotTheCampaignsOwn) {
  bool done = false;
  const auto put_another_there = [&] {
    if (done) return false;
    done = true;
    std::ofstream(folder_ / "FRAME-1.mmt") << "somebody else's";
    return false;
  };
  const FindingFile file = store_finding(system_, finding(), folder_, 20, put_another_there);
  ASSERT_TRUE(done);
  EXPECT_EQ(content("FRAME-1.mmt"), "somebody else's");
  EXPECT_EQ(fs::path(file.name).filename(), "FRAME-1-2.mmt");
  EXPECT_EQ(operations_in("FRAME-1-2.mmt"), kNeeded);
}

TEST_F(Findings, WhatCannotBeKeptIsHandedBackWhole) {
  std::ofstream(folder_ / "file") << "x";
  for (const fs::path& at : {folder_ / "file", folder_ / "file/below", fs::path("/proc")}) {
    const std::string bad = at.string();
    EXPECT_TRUE(prepare_folder(bad)) << bad;
    const FindingFile file = store(bad);
    EXPECT_NE(file.problem, "") << bad;
    const auto trace = parse_program(file.unsaved);
    ASSERT_TRUE(trace) << bad;
    EXPECT_TRUE(same(trace.value(), program(8)));
  }
  EXPECT_EQ(prepare_folder((folder_ / "new/below").string()), std::nullopt);
}

TEST_F(Findings, AProgramThatShowsNothingAloneIsKeptAsItWasFound) {
  CampaignFinding crash;
  crash.program = program(2);
  crash.outcome.verdict = lockstep::Verdict::kCrashed;
  crash.how = "exit 3";
  const FindingFile file = store_finding(system_, crash, folder_, 5);
  EXPECT_EQ(file.problem, "");
  EXPECT_TRUE(file.name.ends_with("crash-exit-3.mmt")) << file.name;
  EXPECT_EQ(content("crash-exit-3.mmt"), lockstep::print_trace(crash.program));
}

TEST_F(Findings, MinimiseWritesItsResult) {
  EXPECT_EQ(minimise_on(system_, minimise_options("min.mmt")), ExitCode::kAgreed);
  EXPECT_EQ(operations_in("min.mmt"), kNeeded);
  EXPECT_NE(content("min.mmt").find("# verdict="), std::string::npos);
  MinimiseOptions in_place = minimise_options("raw.mmt");
  EXPECT_EQ(minimise_on(system_, in_place), ExitCode::kAgreed);
  EXPECT_EQ(operations_in("raw.mmt"), kNeeded);
  EXPECT_EQ(names(), (std::set<std::string>{"min.mmt", "raw.mmt"}));
}

TEST_F(Findings, MinimiseKeepsAProgramThatIsAsGood) {
  const std::string good = "# mine\n" + print(program(kNeeded));
  std::ofstream(folder_ / "good.mmt") << good;
  EXPECT_EQ(minimise_on(system_, minimise_options("good.mmt")), ExitCode::kAgreed);
  EXPECT_EQ(content("good.mmt"), good);
}

TEST_F(Findings, MinimiseReplacesWhatIsLongerOrDoesNotFailSo) {
  for (const std::string& worse : {print(program(kNeeded + 1)), print(program(kNeeded - 1)), std::string("text")}) {
    std::ofstream(folder_ / "out.mmt", std::ios::trunc) << worse;
    EXPECT_EQ(minimise_on(system_, minimise_options("out.mmt")), ExitCode::kAgreed);
    EXPECT_EQ(operations_in("out.mmt"), kNeeded) << worse;
    EXPECT_NE(content("out.mmt").find("# verdict="), std::string::npos);
  }
}

TEST_F(Findings, MinimiseSaysAtOnceWhereItCannotWrite) {
  for (const char* bad : {"raw.mmt/below.mmt", "missing/a.mmt"}) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(minimise_on(system_, minimise_options(bad)), ExitCode::kUsage) << bad;
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(15));
  }
}

TEST_F(Findings, MinimiseThatIsInterruptedWritesTheBestSoFar) {
  class Slow final : public fuzz::ForwardingSystem {
   public:
    Slow() : ForwardingSystem(std::make_unique<fuzz::LyingSystem>(lockstep::make_ours())) {}
    void start(const MachineDescription& machine, EventSink& sink) override {
      ::usleep(100'000);
      ForwardingSystem::start(machine, sink);
    }
  } slow;
  MinimiseOptions options = minimise_options("min.mmt");
  options.seconds = 120;
  const pid_t user = ::fork();
  if (user == 0) {
    ::usleep(1'500'000);
    ::kill(::getppid(), SIGINT);
    ::_exit(0);
  }
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(minimise_on(slow, options), ExitCode::kBudget);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  ::waitpid(user, nullptr, 0);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::signal(signal, SIG_DFL);
  EXPECT_LE(operations_in("min.mmt"), 8u);
}

}  // namespace
}  // namespace mmtwin::tools
