// A forked child whose words are heard as they come, by a parent that never waits longer than it wants to.
//
// Laws: none. Context: the calling process has no threads. Cost: a fork and a pipe. The child dies with its parent, and
// with this object. It deliberately judges nothing: what a death or a silence means, the caller knows.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace mmtwin::lockstep {

class WatchedChild {
 public:
  // Writes to the parent, all of it or nothing more: a parent that is gone is noticed elsewhere.
  using Say = std::function<void(std::string_view)>;
  // Runs `work` in the child, which then leaves. Without memory for a child it has ended at once.
  explicit WatchedChild(const std::function<void(const Say&)>& work);
  ~WatchedChild();
  WatchedChild(const WatchedChild&) = delete;
  WatchedChild& operator=(const WatchedChild&) = delete;

  enum class Heard { kWords, kNothing, kEnd };
  // Appends what the child said, as soon as it says something; kNothing: it did not within that time.
  Heard listen(double seconds, std::string& into);
  // After kEnd: it came to the end of its work.
  bool finished() const { return finished_; }

 private:
  void end();

  pid_t pid_ = -1;
  int from_child_ = -1;
  bool finished_ = false;
};

// All that `work` answers, if it does so within that time.
std::optional<std::string> answer_in_child(const std::function<std::string()>& work, double seconds);

}  // namespace mmtwin::lockstep
