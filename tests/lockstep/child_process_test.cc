#include "lockstep/children/child_process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace mmtwin::lockstep {
namespace {

using std::chrono::milliseconds;

bool is_over_within(ChildWatch& watch, double seconds, milliseconds most) {
  for (const auto end = std::chrono::steady_clock::now() + most; std::chrono::steady_clock::now() < end;) {
    if (watch.is_over(seconds)) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return false;
}

[[noreturn]] void spin() {
  for (volatile bool goes_on = true; goes_on;) continue;
  ::_exit(0);
}

// The grandchild holds the pipe open as long as it lives.
TEST(ChildProcess, AChildEndsWithItsParentHoweverThatEnds) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t parent = fork_child();
  if (parent == 0) {
    if (fork_child() == 0) {
      static_cast<void>(!::write(ends[1], "x", 1));
      spin();
    }
    for (;;) ::pause();
  }
  ::close(ends[1]);
  char byte = 0;
  ASSERT_EQ(::read(ends[0], &byte, 1), 1);
  EXPECT_TRUE(WIFSIGNALED(end_child(parent)));
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);  // waits for ever while the grandchild lives
  ::close(ends[0]);
}

TEST(ChildWatch, WhoUsesItsCpuTimeIsOver) {
  const pid_t child = fork_child();
  if (child == 0) spin();
  ChildWatch watch(child);
  EXPECT_FALSE(watch.is_over(0.1));
  EXPECT_TRUE(is_over_within(watch, 0.1, milliseconds(20000)));
  watch.got_further();
  EXPECT_FALSE(watch.is_over(0.1));
  EXPECT_EQ(WTERMSIG(end_child(child)), SIGKILL);
}

TEST(ChildWatch, WhoSleepsForNothingIsOver) {
  const pid_t child = fork_child();
  if (child == 0) {
    for (;;) ::pause();
  }
  ChildWatch watch(child);
  EXPECT_TRUE(is_over_within(watch, 0.1, milliseconds(20000)));
  end_child(child);
}

// As if the host had no time for it.
TEST(ChildWatch, WhoIsKeptFromRunningIsNot) {
  const pid_t child = fork_child();
  if (child == 0) spin();
  ::kill(child, SIGSTOP);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  ChildWatch watch(child);
  EXPECT_FALSE(is_over_within(watch, 0.05, milliseconds(500)));
  end_child(child);
}

}  // namespace
}  // namespace mmtwin::lockstep
