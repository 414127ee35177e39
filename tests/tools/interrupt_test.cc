#include "tools/host/interrupt.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "lockstep/children/child_process.h"

namespace mmtwin::tools {
namespace {

// How a child ends that does this.
int status_of_child(const std::function<int()>& what) {
  const pid_t child = lockstep::fork_child();
  if (child == 0) ::_exit(what());
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(Interrupt, EachOfTheThreeSignalsIsNoted) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const int status = status_of_child([signal] {
      catch_interrupts();
      const bool before = interrupted();
      ::raise(signal);
      return !before && interrupted() ? 0 : 1;
    });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << signal;
  }
}

TEST(Interrupt, TwoSignalsAtOnceAreOneRequest) {
  const int status = status_of_child([] {
    catch_interrupts();
    ::raise(SIGTERM);
    ::raise(SIGTERM);
    return interrupted() ? 0 : 1;
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(Interrupt, ALaterSecondSignalEndsAtOnce) {
  const int status = status_of_child([] {
    catch_interrupts();
    ::raise(SIGINT);
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    ::raise(SIGTERM);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST(Interrupt, WhatIsIgnoredStaysIgnored) {
  const int status = status_of_child([] {
    ::signal(SIGHUP, SIG_IGN);
    catch_interrupts();
    ::raise(SIGHUP);
    return interrupted() ? 1 : 0;
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace mmtwin::tools
