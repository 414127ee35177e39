#include "tools/import/import_strace.h"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tools/import/program_writer.h"
#include "tools/import/strace_calls.h"
#include "tools/import/strace_records.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

using Kind = StraceRecord::Kind;
using Outcome = StraceRecord::Outcome;
constexpr std::uint64_t kFrames = 65536;
constexpr unsigned kCpus = 2;
using Spaces = std::map<std::uint64_t, TracedSpace>;

const std::set<std::string_view>& calls_to_read() {
  static const std::set<std::string_view> kCalls = {"mmap",  "munmap", "mprotect", "brk", "mremap",
                                                    "clone", "clone3", "vfork",    "fork"};
  return kCalls;
}

struct Process {
  std::uint64_t space = 0;  // key of its space; 0: none yet
  CpuId cpu;
};

// A fork-like call whose child has not shown itself yet.
struct Birth {
  std::uint64_t pair = 0;    // of the record that began it; 0: printed in one piece
  std::uint64_t parent = 0;  // process
  std::uint64_t space = 0;   // of the child; 0: to be forked
  bool shares = false;
  bool is_answered = false;
  std::uint64_t child = 0;  // process id as the parent saw it
  std::string name;
};

class Importer {
 public:
  Importer(Imported& into, const StraceOptions& options)
      : counts_(into.counts),
        writer_(into.program),
        calls_(into.counts, writer_, recording_machine(kFrames, kCpus), options.adds_accesses) {
    into.program.machine = recording_machine(kFrames, kCpus);
  }

  void run(const std::vector<StraceRecord>& records) {
    learn_breaks(records);
    learn_split_calls(records);
    for (const StraceRecord& record : records) take(record);
    for (const Birth& birth : births_) {
      if (!birth.is_answered) counts_.count_ignored(birth.name, "no answer");
    }
  }

 private:
  void take(const StraceRecord& r);
  void call(const StraceRecord& r);
  void exec(const StraceRecord& r);
  void begin_birth(const StraceRecord& r);
  void end_birth(const StraceRecord& r);
  void deliver(const StraceRecord& r, Birth& birth);
  Process& process_of(const StraceRecord& r);
  void claim_birth(const StraceRecord& r, Process& process);
  void leave(const StraceRecord& r, Process& process);
  TracedSpace& make_space(const StraceRecord& r, Process& process);
  SpaceHandle new_handle(const StraceRecord& r);
  void learn_breaks(const std::vector<StraceRecord>& records);
  void learn_split_calls(const std::vector<StraceRecord>& records);
  std::vector<const StraceRecord*> calls_beside(const StraceRecord& r, std::uint64_t space) const;

  ImportCounts& counts_;
  ProgramWriter writer_;
  CallImporter calls_;
  Spaces spaces_;
  std::uint64_t next_space_ = 1;
  std::map<std::uint64_t, Process> processes_;
  std::map<std::uint64_t, std::vector<const StraceRecord*>> split_calls_;  // by process, in order
  std::list<Birth> births_;                                    // in the order of their calls
  std::map<const StraceRecord*, std::uint64_t> break_;         // execve to the break of its space
  std::map<std::uint64_t, std::uint64_t> break_without_exec_;  // by process
};

// A space's heap starts at its first answer to brk, which comes after the space was made.
void Importer::learn_breaks(const std::vector<StraceRecord>& records) {
  std::map<std::uint64_t, const StraceRecord*> maker;
  std::set<std::uint64_t> known;
  for (const StraceRecord& r : records) {
    if (r.kind != Kind::kCall || r.outcome != Outcome::kDone) continue;
    if (r.name == "execve") {
      maker[r.process] = &r;
      known.erase(r.process);
    } else if (r.name == "brk" && known.insert(r.process).second) {
      if (maker.contains(r.process)) {
        break_[maker[r.process]] = page_up(r.value);
      } else {
        break_without_exec_[r.process] = page_up(r.value);
      }
    }
  }
}

void Importer::take(const StraceRecord& r) {
  writer_.at_line(r.place.line_number());
  switch (r.kind) {
    case Kind::kVoid:
      return;
    case Kind::kEnded:
      if (processes_.contains(r.process)) leave(r, process_of(r));
      return;
    case Kind::kCallBegun:
      return begin_birth(r);
    case Kind::kCall:
      return call(r);
  }
}

void Importer::call(const StraceRecord& r) {
  if (makes_process(r.name)) {
    if (r.pair == 0) begin_birth(r);
    return end_birth(r);
  }
  if (r.name == "execve") {
    if (r.outcome == Outcome::kDone) return exec(r);
    return counts_.count_ignored(r.name, r.error.empty() ? "no answer" : r.error);
  }
  Process& process = process_of(r);
  if (r.name == "exit_group" || r.name == "exit") {
    leave(r, process);
    return counts_.count_imported(r.name);
  }
  if (!CallImporter::concerns_memory(r.name)) return counts_.count_ignored(r.name);
  TracedSpace& space = process.space == 0 ? make_space(r, process) : spaces_.at(process.space);
  calls_.take(r, space, process.cpu, calls_beside(r, process.space));
}

// Of other processes on the same space, memory calls in two pieces that were under way at some moment of this one; and
// those in one piece, if this one is in two.
std::vector<const StraceRecord*> Importer::calls_beside(const StraceRecord& r, std::uint64_t space) const {
  std::vector<const StraceRecord*> found;
  for (const auto& [process, calls] : split_calls_) {
    const auto other = processes_.find(process);
    if (process == r.process || other == processes_.end() || other->second.space != space) continue;
    auto call = std::partition_point(calls.begin(), calls.end(),
                                     [&](const StraceRecord* one) { return one->ended < r.began; });
    for (; call != calls.end() && (*call)->began < r.ended; ++call) found.push_back(*call);
  }
  return found;
}

void Importer::learn_split_calls(const std::vector<StraceRecord>& records) {
  for (const StraceRecord& r : records) {
    const bool is_split = r.kind == Kind::kCall && r.began != r.ended && r.outcome != Outcome::kUnknown;
    if (is_split && CallImporter::concerns_memory(r.name)) split_calls_[r.process].push_back(&r);
  }
}

void Importer::exec(const StraceRecord& r) {
  Process& process = process_of(r);
  leave(r, process);
  make_space(r, process);
  counts_.count_imported(r.name);
}

SpaceHandle Importer::new_handle(const StraceRecord& r) {
  auto handle = writer_.new_space();
  if (!handle) r.place.fail("more address spaces than a program can name");
  return *handle;
}

TracedSpace& Importer::make_space(const StraceRecord& r, Process& process) {
  process.space = next_space_++;
  TracedSpace& space = spaces_[process.space];
  space.handle = new_handle(r);
  std::uint64_t brk = 0;
  if (auto known = break_.find(&r); known != break_.end()) {
    brk = known->second;
  } else if (r.name != "execve" && break_without_exec_.contains(r.process)) {
    brk = break_without_exec_[r.process];
  }
  calls_.add(r, SpaceCreate{
                    .cpu = process.cpu, .brk = Address(brk), .top = {}, .result = {Fresh<'p'>(space.handle.number())}});
  return space;
}

void Importer::leave(const StraceRecord& r, Process& process) {
  auto space = spaces_.find(process.space);
  process.space = 0;
  if (space == spaces_.end() || --space->second.users != 0) return;
  calls_.add(r, SpaceExit{.cpu = process.cpu, .space = space->second.handle}, {});
  writer_.space_is_gone(space->second.handle);
  spaces_.erase(space);
}

void Importer::begin_birth(const StraceRecord& r) {
  Process& parent = process_of(r);
  if (parent.space == 0) make_space(r, parent);
  Birth birth;
  birth.pair = r.pair;
  birth.parent = r.process;
  birth.name = r.name;
  birth.shares = r.name == "vfork";
  for (const std::string& word : r.arguments) birth.shares |= word.find("CLONE_VM") != std::string::npos;
  if (birth.shares) {
    birth.space = parent.space;
    ++spaces_.at(parent.space).users;
  }
  births_.push_back(std::move(birth));
}

void Importer::end_birth(const StraceRecord& r) {
  auto birth = births_.begin();
  while (birth != births_.end() && (birth->is_answered || birth->parent != r.process || birth->pair != r.pair)) ++birth;
  bool is_claimed = birth == births_.end();
  if (r.outcome == Outcome::kDone) {
    counts_.count_imported(r.name);
    if (is_claimed) return;
    birth->is_answered = true;
    birth->child = r.value;
    if (birth->space == 0) deliver(r, *birth);
    return;
  }
  counts_.count_ignored(r.name, r.error.empty() ? "no answer" : r.error);
  if (is_claimed) return;
  if (birth->shares) --spaces_.at(birth->space).users;
  births_.erase(birth);
}

// Makes the child's copy of the parent's space.
void Importer::deliver(const StraceRecord& r, Birth& birth) {
  Process& parent = processes_.at(birth.parent);
  TracedSpace& original = spaces_.at(parent.space);
  SpaceHandle handle = new_handle(r);
  calls_.add(r, SpaceFork{.cpu = parent.cpu, .space = original.handle, .result = {Fresh<'p'>(handle.number())}}, {});
  birth.space = next_space_++;
  TracedSpace& copy = spaces_[birth.space] = original;
  copy.handle = handle;
  copy.users = 1;
  calls_.touch_after_fork(original, parent.cpu, copy, CpuId((parent.cpu.raw() + 1) % kCpus));
}

Process& Importer::process_of(const StraceRecord& r) {
  auto [found, is_new] = processes_.try_emplace(r.process);
  Process& process = found->second;
  if (is_new) {
    process.cpu = CpuId(static_cast<unsigned>((processes_.size() - 1) % kCpus));
    claim_birth(r, process);
  }
  return process;
}

// A new process is the child that its parent named, else the oldest one that nobody claimed.
void Importer::claim_birth(const StraceRecord& r, Process& process) {
  if (births_.empty()) return;
  auto birth = births_.begin();
  while (birth != births_.end() && (!birth->is_answered || birth->child != r.process)) ++birth;
  if (birth == births_.end()) birth = births_.begin();
  if (birth->space == 0) {
    // Its parent may have gone before anything told that it had been forked.
    if (processes_.at(birth->parent).space == 0) return;
    deliver(r, *birth);
  }
  process.space = birth->space;
  births_.erase(birth);
}

}  // namespace

ImportResult import_strace(std::string_view text, std::string_view file, const StraceOptions& options) {
  ImportResult result;
  try {
    std::vector<StraceRecord> records = read_strace(text, calls_to_read());
    Importer(result.imported.emplace(), options).run(records);
  } catch (const MalformedLog& problem) {
    result.imported.reset();
    result.problem = problem.print(file);
  }
  return result;
}

}  // namespace mmtwin::tools
