#include "model/model.h"

#include "model/answer_judge.h"
#include "model/state.h"

namespace mmtwin::model {

Model::Model() : state_(std::make_unique<State>()), answers_(std::make_unique<AnswerJudge>()) {}
Model::~Model() = default;

// A system that narrates is judged by the machine that its events tell of, any other one by its answers.
void Model::start(const MachineDescription& machine, const Claims& claims) {
  narrates_ = claims.narrates();
  if (narrates_)
    state_->start(machine, claims);
  else
    answers_->start(machine, claims);
}
void Model::booted() {
  if (narrates_) state_->booted();
}
Skip Model::inapplicable(const Operation& operation) const {
  return narrates_ ? state_->inapplicable(operation) : answers_->inapplicable(operation);
}
void Model::begin(const Operation& operation, StepNumber step) {
  if (narrates_)
    state_->begin(operation, step);
  else
    answers_->begin(operation);
}
bool Model::gave_up() const { return narrates_ ? state_->gave_up : answers_->gave_up(); }
void Model::on_event(const Event& event) {
  if (narrates_) state_->on_event(event);
}
void Model::end(const Response& response) {
  if (narrates_)
    state_->end(response);
  else
    answers_->end(response);
}
void Model::judge_ended(StepNumber step) {
  if (narrates_) state_->judge_ended(step);
}
const std::optional<Finding>& Model::finding() const { return narrates_ ? state_->finding : answers_->finding(); }
const Changes& Model::changes() const {
  static const Changes kNothing;
  return narrates_ ? state_->changes : kNothing;
}

void Model::judge_frame(Pfn at, const FrameObservation& seen) { state_->judge_frame(at, seen); }
void Model::judge_ranges(SpaceHandle space, const std::vector<RangeObservation>& seen) {
  if (narrates_)
    state_->judge_ranges(space, seen);
  else
    answers_->judge_ranges(space, seen);
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

void Model::judge_blocks(const BlocksObservation& seen) {
  if (!narrates_) answers_->judge_blocks(seen);
}
void Model::judge_complaint(std::string_view complaint) { state_->judge_complaint(complaint); }

std::vector<SpaceHandle> Model::spaces() const {
  return narrates_ ? state_->contract.spaces() : answers_->contract().spaces();
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

void Model::audit_self() const {
  if (narrates_) state_->audit_self();
}
void Model::judge_rest() {
  if (narrates_) state_->judge_rest();
}
const LawCounts& Model::exercised() const { return narrates_ ? state_->exercised : answers_->exercised(); }
std::uint64_t Model::items_judged() const { return narrates_ ? state_->items : answers_->items_judged(); }

}  // namespace mmtwin::model
