// Appending operations and recorded answers to a program, and dealing out the handles and file numbers it needs.
//
// Laws: none. Context: one thread. Cost: amortised constant a step. Handle numbers are reused after their object is
// gone, so that long logs stay below the highest number that text can say. It deliberately knows no log format.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/handles.h"
#include "vocab/program.h"

namespace mmtwin {
struct SpaceAssume;  // vocab/operations.h
}  // namespace mmtwin

namespace mmtwin::tools {

// Why something is assumed that a log does show.
inline constexpr std::string_view kNotJudged = "the machine has no such call or mapping, so it is not judged";

// Numbers 1 to kMaxHandle; the lowest free one is taken first.
class HandlePool {
 public:
  std::optional<unsigned> take();
  void give_back(unsigned number) { free_.push_back(number); }

 private:
  unsigned next_ = 1;
  std::vector<unsigned> free_;
};

class ProgramWriter {
 public:
  explicit ProgramWriter(Program& program) : program_(program) {}

  // False: the program would be longer than kMaxLogOperations.
  [[nodiscard]] bool add(const Operation& operation);
  // What the recorded system said at the step that was added last.
  void answered(const Response& response);
  void expect(std::vector<RangeObservation> ranges);
  // Nobody recorded the step that was added last; it is supposed to have been done.
  void assumed(std::string_view why);
  // What is added from now on comes from that line of the log, and is noted so.
  void at_line(std::size_t line) { line_ = line; }

  // nullopt: more than 65535 at once.
  std::optional<SpaceHandle> new_space();
  void space_is_gone(SpaceHandle space) { spaces_.give_back(space.number()); }
  std::optional<BlockHandle> new_block();
  void block_is_gone(BlockHandle block) { blocks_.give_back(block.number()); }

  // The same name has the same number. nullopt: more than 65535.
  std::optional<FileId> file(std::string_view name);
  // A file that nothing else maps: shared anonymous memory, a special mapping.
  std::optional<FileId> own_file();

 private:
  Program& program_;
  HandlePool spaces_, blocks_;
  std::map<std::string, FileId, std::less<>> files_;
  std::uint64_t next_file_ = 1;
  std::size_t line_ = 0;  // 0: of none
};

// What removes [start, end) from a space, whatever was there.
SpaceAssume range_gone(CpuId cpu, SpaceHandle space, std::uint64_t start, std::uint64_t end);

// The refusal that stands for an error of a system call, by name ("ENOMEM") or Linux number; nullopt: the machine never
// answers so.
std::optional<Refusal> refusal_of_errno(std::string_view name);
std::optional<Refusal> refusal_of_errno(std::uint64_t number);

// One node, real x86-64 geometry, `frames` frames from 0 on: what recordings of programs run on.
MachineDescription recording_machine(std::uint64_t frames, unsigned cpus);

constexpr std::uint64_t page_up(std::uint64_t bytes) { return (bytes + kPageBytes - 1) & ~(kPageBytes - 1); }
constexpr std::uint64_t page_down(std::uint64_t bytes) { return bytes & ~(kPageBytes - 1); }

}  // namespace mmtwin::tools
