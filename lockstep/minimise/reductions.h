// What can be cut out of a program: which operations hang on which handles, cycles that cancel out, and the rest.
//
// Laws: none. Context: values. Cost: linear in the program. A handle that nothing defines makes its users inapplicable,
// so every subset of a program is a program; the dependencies only say which cuts are worth trying first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "vocab/program.h"

namespace mmtwin::lockstep {

using Removed = std::vector<bool>;  // by index of an operation

class Dependencies {
 public:
  explicit Dependencies(const Program& program);

  // Also removes what uses the result of something removed.
  void close(Removed& removed) const;

  // Groups whose removal may leave no mark: allocated and freed, created and exited, mapped and unmapped, each with
  // everything between that uses its handle.
  const std::vector<std::vector<std::size_t>>& cycles() const { return cycles_; }

 private:
  static constexpr std::int32_t kNone = -1;
  struct Uses {
    std::int32_t first = kNone, second = kNone;  // who defined what this operation uses: at most a space and a place
  };
  void find_cycles(const Program& program);

  std::vector<Uses> uses_;
  std::vector<std::vector<std::size_t>> cycles_;
};

// The program without what is removed; recorded answers and notes move along with their steps.
Program without(const Program& program, const Removed& removed);
// Which fail_next counts the requests of what is removed: of those that stay, the last one before the last operation
// that goes. Its index in without(program, removed).
std::optional<std::size_t> failure_counted_through(const Program& program, const Removed& removed);
// The first `steps` operations.
Program cut_after(const Program& program, std::uint64_t steps);

}  // namespace mmtwin::lockstep
