#include "tools/import/program_writer.h"

#include "tools/import/log_scanner.h"
#include "vocab/bounds.h"
#include "vocab/operations.h"

namespace mmtwin::tools {

std::optional<unsigned> HandlePool::take() {
  if (!free_.empty()) {
    unsigned number = free_.back();
    free_.pop_back();
    return number;
  }
  if (next_ > kMaxHandle) return std::nullopt;
  return next_++;
}

bool ProgramWriter::add(const Operation& operation) {
  if (program_.operations.size() >= kMaxLogOperations) return false;
  program_.operations.push_back(operation);
  if (line_ != 0) program_.notes[program_.operations.size()] = "line " + std::to_string(line_);
  return true;
}

void ProgramWriter::assumed(std::string_view why) {
  program_.recorded[program_.operations.size()].is_assumed = true;
  std::string& note = program_.notes[program_.operations.size()];
  note.append(note.empty() ? "" : ": ").append(why);
}

void ProgramWriter::answered(const Response& response) {
  RecordedAnswer& answer = program_.recorded[program_.operations.size()];
  answer.has_response = true;
  answer.response = response;
}

void ProgramWriter::expect(std::vector<RangeObservation> ranges) {
  RecordedAnswer& answer = program_.recorded[program_.operations.size()];
  answer.has_ranges = true;
  answer.ranges = std::move(ranges);
}

std::optional<SpaceHandle> ProgramWriter::new_space() {
  auto number = spaces_.take();
  return number ? std::optional(SpaceHandle(*number)) : std::nullopt;
}

std::optional<BlockHandle> ProgramWriter::new_block() {
  auto number = blocks_.take();
  return number ? std::optional(BlockHandle(*number)) : std::nullopt;
}

std::optional<FileId> ProgramWriter::own_file() {
  if (next_file_ > kMaxFile) return std::nullopt;
  return FileId(next_file_++);
}

std::optional<FileId> ProgramWriter::file(std::string_view name) {
  if (auto known = files_.find(name); known != files_.end()) return known->second;
  auto id = own_file();
  if (id) files_.emplace(name, *id);
  return id;
}

SpaceAssume range_gone(CpuId cpu, SpaceHandle space, std::uint64_t start, std::uint64_t end) {
  SpaceAssume step;
  step.cpu = cpu;
  step.space = space;
  step.at = Place{{}, start};
  step.length = ByteCount(end - start);
  step.gone = Switch(1);
  return step;
}

std::optional<Refusal> refusal_of_errno(std::string_view name) {
  for (Refusal r : {Refusal::kNoMemory, Refusal::kInvalid, Refusal::kExists, Refusal::kPermission}) {
    if (name_of(r) == name) return r;
  }
  return std::nullopt;
}

std::optional<Refusal> refusal_of_errno(std::uint64_t number) {
  switch (number) {
    case 1:
      return Refusal::kPermission;
    case 12:
      return Refusal::kNoMemory;
    case 17:
      return Refusal::kExists;
    case 22:
      return Refusal::kInvalid;
    default:
      return std::nullopt;
  }
}

MachineDescription recording_machine(std::uint64_t frames, unsigned cpus) {
  MachineDescription m;
  m.geometry = GeometryName::kX86;
  m.cpus = static_cast<std::uint8_t>(cpus);
  m.node[0].zones[static_cast<unsigned>(ZoneKind::kNormal)] = {Pfn(0), PageCount(frames)};
  m.distance[0][0] = 10;
  m.tlb_entries = 64;
  m.range_cap = 65530;
  m.reference_cap = 0x7fffffff;
  return m;
}

}  // namespace mmtwin::tools
