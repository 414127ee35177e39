#include "tools/host/subprocess.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "lockstep/children/child_process.h"
#include "tools/host/interrupt.h"

namespace mmtwin::tools {
namespace {

bool is_alive(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::size_t name_end = text.rfind(')');
  return name_end != std::string::npos && text[name_end + 2] != 'Z';
}

TEST(Subprocess, WhatTheChildStartedEndsWithItWhenTheTimeIsOver) {
  const std::string file = testing::TempDir() + "mmtwin_subprocess_" + std::to_string(::getpid());
  const CommandResult result =
      run_command({.words = {"sh", "-c", "sleep 1000 & echo $!; wait"}, .output_file = file, .seconds = 1});
  EXPECT_TRUE(result.timed_out);
  EXPECT_FALSE(result.succeeded());
  pid_t grandchild = 0;
  std::ifstream(file) >> grandchild;
  ASSERT_GT(grandchild, 0);
  for (int i = 0; i < 1000 && is_alive(grandchild); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(is_alive(grandchild));
  std::filesystem::remove(file);
}

TEST(Subprocess, AnInterruptionEndsTheWait) {
  const pid_t child = lockstep::fork_child();
  if (child == 0) {
    catch_interrupts();
    ::raise(SIGTERM);
    ::_exit(run_command({.words = {"sleep", "1000"}}).timed_out ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace mmtwin::tools
