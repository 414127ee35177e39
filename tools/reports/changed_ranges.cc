#include "tools/reports/changed_ranges.h"

#include <algorithm>
#include <utility>

#include "tools/reports/words.h"

namespace mmtwin::tools {
namespace {

bool holds(const std::vector<SpaceHandle>& spaces, SpaceHandle space) {
  return std::find(spaces.begin(), spaces.end(), space) != spaces.end();
}

}  // namespace

std::vector<RangeList> ChangedRanges::after(const lockstep::StepView& step) {
  if (!system_.claims().has(Claim::kRanges)) return {};
  const bool overlapped = !in_flight_.empty();
  if (is_in_flight(step)) return {};
  if (step.finding && step.finding->law != model::Law::kVma2) return {};
  const std::vector<SpaceHandle> spaces = model_.spaces();
  std::erase_if(last_, [&spaces](const auto& known) { return !holds(spaces, known.first); });
  std::vector<RangeList> changed;
  for (const SpaceHandle space : spaces) {
    const bool is_named = holds(step.system_changes.spaces, space) || holds(step.model_changes.spaces, space);
    if (!overlapped && !is_named) continue;
    std::vector<std::string> lines = lines_of(space);
    std::vector<std::string>& last = last_[space];
    if (lines == last) continue;
    last = lines;
    changed.push_back({space, std::move(lines)});
  }
  return changed;
}

// Whether anything is, once the step is over.
bool ChangedRanges::is_in_flight(const lockstep::StepView& step) {
  if (step.is_in_flight) in_flight_.push_back(step.step);
  std::erase_if(in_flight_, [this](StepNumber begun) { return !system_.is_in_flight(begun); });
  return !in_flight_.empty();
}

std::vector<std::string> ChangedRanges::lines_of(SpaceHandle space) {
  ranges_.clear();
  system_.ranges(space, ranges_);
  std::vector<std::string> lines;
  for (const RangeObservation& range : ranges_) lines.push_back(maps_line(range));
  return lines;
}

}  // namespace mmtwin::tools
