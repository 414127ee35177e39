#include "fuzz/features.h"

#include <algorithm>
#include <cstring>

#include "vocab/operations.h"

// External linkage and `used`: a static array that is only written would be deleted without a word.
extern "C" {
extern std::uint8_t mmtwin_features[mmtwin::fuzz::kFeatureBytes];
__attribute__((used, section("__libfuzzer_extra_counters"))) std::uint8_t mmtwin_features[mmtwin::fuzz::kFeatureBytes];
}

namespace mmtwin::fuzz {
namespace {

// Where each group of counters begins; what does not fit its group is folded into it.
struct Group {
  std::size_t first, size;
};
constexpr Group kLawGroup{0, 48};         // by law: how often exercised
constexpr Group kEventGroup{48, 32};      // by event kind: how often
constexpr Group kAnswerGroup{80, 256};    // by operation kind and refusal
constexpr Group kPressureGroup{336, 32};  // by 32nds of the frames in use
constexpr Group kFollowsGroup{368, 144};  // by operation kind and the kind before it
constexpr Group kOverlapGroup{512, kFeatureBytes - 512};  // by the point where one stands and the kind that runs

void count(Group group, std::size_t which, std::uint64_t times = 1) {
  std::uint8_t& counter = mmtwin_features[group.first + which % group.size];
  counter = static_cast<std::uint8_t>(std::min<std::uint64_t>(counter + times, 255));
}

}  // namespace

void FeatureSystem::start(const MachineDescription& machine, EventSink& sink) {
  frames_ = std::max<std::uint64_t>(machine.frames_present(), 1);
  frames_used_ = 0;
  last_kind_ = 0;
  standing_.clear();
  ForwardingSystem::start(machine, sink);
}

void FeatureSystem::at(StepNumber step) {
  step_ = step;
  ForwardingSystem::at(step);
}

Response FeatureSystem::apply(const Operation& operation) {
  const std::size_t kind = operation.index();
  std::erase_if(standing_, [this](const Standing& one) { return !is_in_flight(one.step); });
  for (const Standing& one : standing_)
    count(kOverlapGroup, static_cast<std::size_t>(one.at) * kOperationKinds + kind);
  const Response response = ForwardingSystem::apply(operation);
  const Pause pause = pause_of(operation);
  if (!pause.is_none() && is_in_flight(step_)) standing_.push_back({step_, pause.point});
  count(kAnswerGroup, kind * kRefusalNames.size() + static_cast<std::size_t>(response.refusal));
  count(kFollowsGroup, last_kind_ * kOperationKinds + kind);
  count(kPressureGroup, std::min<std::uint64_t>(frames_used_ * kPressureGroup.size / frames_, kPressureGroup.size - 1));
  last_kind_ = kind;
  return response;
}

void FeatureSystem::go_on(StepNumber step, Pause pause) {
  ForwardingSystem::go_on(step, pause);
  for (Standing& one : standing_)
    if (one.step == step) one.at = pause.point;
}

void FeatureSystem::on_event(const Event& event) {
  count(kEventGroup, static_cast<std::size_t>(event.kind));
  if (event.kind == EventKind::kFrameTaken) frames_used_ += pages_in(event.order).raw();
  if (event.kind == EventKind::kFrameReturned) frames_used_ -= std::min(frames_used_, pages_in(event.order).raw());
  ForwardingSystem::on_event(event);
}

void count_laws(const model::LawCounts& before, const model::LawCounts& after) {
  for (std::size_t law = 0; law < after.size(); ++law) count(kLawGroup, law, after[law] - before[law]);
}

const std::uint8_t* features() { return mmtwin_features; }
void clear_features() { std::memset(mmtwin_features, 0, kFeatureBytes); }

}  // namespace mmtwin::fuzz
