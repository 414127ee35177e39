#include "lockstep/traces/whole_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <set>

namespace mmtwin::lockstep {
namespace {

namespace fs = std::filesystem;

class WholeFile : public testing::Test {
 protected:
  WholeFile() {
    folder_ = fs::path(testing::TempDir()) / ("mmtwin_whole_file_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  ~WholeFile() override { fs::remove_all(folder_); }

  static std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder_)) found.insert(entry.path().filename().string());
    return found;
  }
  fs::path folder_;
};

TEST_F(WholeFile, ANameThatIsTakenGetsANumber) {
  for (const char* text : {"one", "two", "three"}) EXPECT_EQ(create_file(folder_ / "A-1.mmt", text).problem, "");
  EXPECT_EQ(names(), (std::set<std::string>{"A-1.mmt", "A-1-2.mmt", "A-1-3.mmt"}));
  EXPECT_EQ(content(folder_ / "A-1.mmt"), "one");
  EXPECT_EQ(content(folder_ / "A-1-3.mmt"), "three");
}

TEST_F(WholeFile, ReplacingLeavesNothingBeside) {
  EXPECT_EQ(replace_file(folder_ / "a", "one"), std::nullopt);
  EXPECT_EQ(replace_file(folder_ / "a", "two"), std::nullopt);
  EXPECT_EQ(names(), std::set<std::string>{"a"});
  EXPECT_EQ(content(folder_ / "a"), "two");
}

TEST_F(WholeFile, AFileWithoutAFolderIsInThisOne) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  EXPECT_EQ(create_file("a.mmt", "one").name, "a.mmt");
  EXPECT_EQ(create_file("a.mmt", "two").name, "a-2.mmt");
  EXPECT_EQ(replace_file("a.mmt", "three"), std::nullopt);
  fs::current_path(before);
  EXPECT_EQ(content(folder_ / "a.mmt"), "three");
}

TEST_F(WholeFile, ManyWritersOfOneNameLoseNothing) {
  constexpr unsigned kWriters = 8, kEach = 20;
  for (unsigned writer = 0; writer < kWriters; ++writer) {
    if (::fork() != 0) continue;
    for (unsigned i = 0; i < kEach; ++i) create_file(folder_ / "a.mmt", std::to_string(writer * kEach + i));
    ::_exit(0);
  }
  while (::wait(nullptr) > 0) continue;
  std::set<std::string> contents;
  for (const std::string& name : names()) contents.insert(content(folder_ / name));
  EXPECT_EQ(names().size(), kWriters * kEach);
  EXPECT_EQ(contents.size(), kWriters * kEach);
}

// Ended at any moment: what has a name is whole. Only a replacement that was about to happen may leave its file beside.
TEST_F(WholeFile, WhoIsKilledLeavesNoHalfFile) {
  const std::string text(1 << 20, 'x');
  for (unsigned round = 0; round < 20; ++round) {
    const pid_t writer = ::fork();
    if (writer == 0) {
      for (;;) create_file(folder_ / "a.mmt", text);
    }
    ::usleep(1000 + round * 500);
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    for (const std::string& name : names()) {
      EXPECT_TRUE(name.starts_with("a") && name.ends_with(".mmt")) << name;
      EXPECT_EQ(fs::file_size(folder_ / name), text.size()) << name;
      fs::remove(folder_ / name);
    }
  }
}

TEST_F(WholeFile, WhatCannotBeWrittenIsSaidInASentence) {
  ASSERT_EQ(replace_file(folder_ / "file", "x"), std::nullopt);
  EXPECT_EQ(folder_problem(folder_), std::nullopt);
  EXPECT_EQ(names(), std::set<std::string>{"file"}) << "the probe is seen by nobody";
  for (const fs::path& bad : {folder_ / "file", folder_ / "missing", fs::path("/proc"), fs::path("/proc/self/fd")}) {
    ASSERT_TRUE(folder_problem(bad)) << bad;
    EXPECT_TRUE(folder_problem(bad)->starts_with(bad.string() + ": ")) << *folder_problem(bad);
    EXPECT_NE(create_file(bad / "a.mmt", "x").problem, "");
    EXPECT_NE(replace_file(bad / "a.mmt", "x"), std::nullopt);
  }
}

}  // namespace
}  // namespace mmtwin::lockstep
