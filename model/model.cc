#include "model/model.h"

#include "model/answer_judge.h"
#include "model/court.h"

namespace mmtwin::model {

Model::Model() : court_(std::make_unique<Court>()), answers_(std::make_unique<AnswerJudge>()) {}
Model::~Model() = default;

// A system that narrates is judged by the machine that its events tell of, any other one by its answers.
void Model::start(const MachineDescription& machine, const Claims& claims) {
  narrates_ = claims.narrates();
  if (narrates_)
    court_->start(machine, claims);
  else
    answers_->start(machine, claims);
}
void Model::booted() {
  if (narrates_) court_->booted();
}
Skip Model::inapplicable(const Operation& operation) const {
  return narrates_ ? court_->inapplicable(operation) : answers_->inapplicable(operation);
}
void Model::begin(const Operation& operation, StepNumber step) {
  if (narrates_)
    court_->begin(operation, step);
  else
    answers_->begin(operation);
}
bool Model::gave_up() const { return narrates_ ? court_->report.gave_up() : answers_->gave_up(); }
void Model::on_event(const Event& event) {
  if (narrates_) court_->on_event(event);
}
void Model::end(const Response& response) {
  if (narrates_)
    court_->end(response);
  else
    answers_->end(response);
}
void Model::judge_ended(StepNumber step) {
  if (narrates_) court_->schedule.judge_ended(step);
}
const std::optional<Finding>& Model::finding() const {
  return narrates_ ? court_->report.finding() : answers_->finding();
}
const Changes& Model::changes() const {
  static const Changes kNothing;
  return narrates_ ? court_->report.changes() : kNothing;
}

void Model::judge_frame(Pfn at, const FrameObservation& seen) { court_->observations.judge_frame(at, seen); }
void Model::judge_ranges(SpaceHandle space, const std::vector<RangeObservation>& seen) {
  if (narrates_)
    court_->observations.judge_ranges(space, seen);
  else
    answers_->judge_ranges(space, seen);
}
void Model::judge_space(SpaceHandle space, const SpaceObservation& seen) {
  court_->observations.judge_space(space, seen);
}
void Model::judge_zone(NodeId node, ZoneKind kind, const ZoneObservation& seen) {
  court_->observations.judge_zone(node, kind, seen);
}
void Model::judge_cache(CacheName cache, const CacheObservation& seen) {
  court_->observations.judge_cache(cache, seen);
}
void Model::judge_entry(SpaceHandle space, Vpn page, const EntryObservation& seen) {
  court_->observations.judge_entry(space, page, seen);
}
void Model::judge_bytes(Pfn at, std::span<const std::uint8_t> seen) { court_->observations.judge_bytes(at, seen); }

void Model::judge_blocks(const BlocksObservation& seen) {
  if (!narrates_) answers_->judge_blocks(seen);
}
void Model::judge_complaint(std::string_view complaint) { court_->observations.judge_complaint(complaint); }

std::vector<SpaceHandle> Model::spaces() const {
  return narrates_ ? court_->contract.spaces() : answers_->contract().spaces();
}

std::vector<Vpn> Model::mapped_pages(SpaceHandle space) const {
  std::vector<Vpn> all;
  court_->machine.for_each_leaf(court_->machine.space_number(space), 0, court_->machine.user_pages(),
                                [&](std::uint64_t page, std::uint64_t) { all.emplace_back(page); });
  return all;
}

void Model::audit_self() const {
  if (narrates_) court_->audit_self();
}
void Model::judge_rest() {
  if (narrates_) court_->observations.judge_rest();
}
const LawCounts& Model::exercised() const { return narrates_ ? court_->report.exercised() : answers_->exercised(); }
std::uint64_t Model::items_judged() const { return narrates_ ? court_->report.items() : answers_->items_judged(); }

}  // namespace mmtwin::model
