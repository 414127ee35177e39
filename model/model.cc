#include "model/model.h"

#include "model/state.h"

namespace mmtwin::model {

Model::Model() : state_(std::make_unique<State>()) {}
Model::~Model() = default;

void Model::start(const MachineDescription& machine, const Claims& claims) { state_->start(machine, claims); }
void Model::booted() { state_->booted(); }
Skip Model::inapplicable(const Operation& operation) const { return state_->inapplicable(operation); }
void Model::begin(const Operation& operation, StepNumber step) { state_->begin(operation, step); }
bool Model::gave_up() const { return state_->gave_up; }
void Model::on_event(const Event& event) { state_->on_event(event); }
void Model::end(const Response& response) { state_->end(response); }
void Model::judge_ended(StepNumber step) { state_->judge_ended(step); }
const std::optional<Finding>& Model::finding() const { return state_->finding; }
const Changes& Model::changes() const { return state_->changes; }

void Model::judge_frame(Pfn at, const FrameObservation& seen) { state_->judge_frame(at, seen); }
void Model::judge_ranges(SpaceHandle space, const std::vector<RangeObservation>& seen) {
  state_->judge_ranges(space, seen);
}
void Model::judge_space(SpaceHandle space, const SpaceObservation& seen) { state_->judge_space(space, seen); }
void Model::judge_zone(NodeId node, ZoneKind kind, const ZoneObservation& seen) {
  state_->judge_zone(node, kind, seen);
}
void Model::judge_cache(CacheName cache, const CacheObservation& seen) { state_->judge_cache(cache, seen); }
void Model::judge_entry(SpaceHandle space, Vpn page, const EntryObservation& seen) {
  state_->judge_entry(space, page, seen);
}
void Model::judge_bytes(Pfn at, std::span<const std::uint8_t> seen) { state_->judge_bytes(at, seen); }

void Model::judge_complaint(std::string_view complaint) { state_->judge_complaint(complaint); }

std::vector<SpaceHandle> Model::spaces() const {
  std::vector<SpaceHandle> all;
  for (std::uint32_t handle = 1; handle < state_->space_of_handle.size(); ++handle)
    if (state_->space_of_handle[handle] != 0) all.emplace_back(handle);
  return all;
}

std::vector<Vpn> Model::mapped_pages(SpaceHandle space) const {
  std::vector<Vpn> all;
  const std::uint32_t number = state_->space_number(space);
  if (number == 0 || state_->spaces[number].root == 0) return all;
  state_->tables.for_each_leaf(
      state_->spaces[number].root, 0, state_->geometry->user_end / kPage,
      [this](std::uint64_t f) { return state_->table_number(f); },
      [&](std::uint64_t page, std::uint64_t, std::uint32_t, std::uint64_t) { all.emplace_back(page); });
  return all;
}

void Model::audit_self() const { state_->audit_self(); }
void Model::judge_rest() { state_->judge_rest(); }
const LawCounts& Model::exercised() const { return state_->exercised; }
std::uint64_t Model::items_judged() const { return state_->items; }

}  // namespace mmtwin::model
