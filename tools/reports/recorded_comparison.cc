#include "tools/reports/recorded_comparison.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <variant>

#include "lockstep/run/digest.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

bool matches(const RangeObservation& ours, const RangeObservation& recorded) {
  bool is_file = recorded.file != FileId(0);
  return ours.start == recorded.start && ours.end == recorded.end && ours.prot == recorded.prot &&
         ours.flags == recorded.flags && ours.file == recorded.file && (!is_file || ours.offset == recorded.offset);
}

}  // namespace

SharedMismatches::SharedMismatches() {
  void* memory = ::mmap(nullptr, sizeof(MismatchCounts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  counts_ = new (memory) MismatchCounts;
}

SharedMismatches::~SharedMismatches() { ::munmap(counts_, sizeof(MismatchCounts)); }

void RecordedComparison::on_step(const lockstep::StepView& step) {
  auto found = program_.recorded.find(step.step.raw());
  if (found == program_.recorded.end() || step.operation == nullptr) return;
  const RecordedAnswer& recorded = found->second;
  ++counts_.compared;
  if (step.skip != model::Skip::kNone) {
    return note(step, "skipped (" + std::string(model::kSkipNames[static_cast<unsigned>(step.skip)]) + ")",
                "an answer");
  }
  if (recorded.has_response) {
    bool shows_value = lockstep::answers_with_contract(*step.operation, system_.claims());
    bool same = step.response.refusal == recorded.response.refusal &&
                (!shows_value || step.response.value == recorded.response.value);
    if (!same) return note(step, print(step.response), print(recorded.response));
  }
  if (recorded.has_ranges) compare_ranges(step, recorded.ranges);
}

void RecordedComparison::compare_ranges(const lockstep::StepView& step, const std::vector<RangeObservation>& recorded) {
  const SpaceHandle space = space_of(*step.operation);
  if (space.is_none() || !system_.claims().has(Claim::kRanges)) return;
  ranges_.clear();
  system_.ranges(space, ranges_);
  std::size_t common = std::min(ranges_.size(), recorded.size());
  std::size_t at = 0;
  while (at < common && matches(ranges_[at], recorded[at])) ++at;
  if (at == ranges_.size() && at == recorded.size()) return;
  auto shown = [at](const auto& list) { return at < list.size() ? print(list[at]) : std::string("no further range"); };
  note(step, shown(ranges_), shown(recorded));
}

void RecordedComparison::note(const lockstep::StepView& step, const std::string& ours, const std::string& recorded) {
  if (counts_.mismatches++ == 0) counts_.first_step = step.step.raw();
  std::string line =
      print_step(step.step.raw(), *step.operation) + "\n    ours " + ours + ", recorded " + recorded + "\n";
  std::size_t used = std::strlen(counts_.text);
  if (used + line.size() < MismatchCounts::kTextBytes) std::memcpy(counts_.text + used, line.c_str(), line.size() + 1);
}

}  // namespace mmtwin::tools
