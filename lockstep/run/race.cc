// Races: operations in flight together, of which a chooser says at every point whose turn it is.
#include "lockstep/run/run.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {

bool Runner::race(const Program& program, StepNumber limit) {
  const std::uint64_t first = options_.race_from.raw();
  racers_.assign(limit.raw() - first + 1, {});
  turns_.clear();
  system_.stop_everywhere(options_.race_at);
  for (;;) {
    std::vector<std::size_t> unfinished;
    for (std::size_t i = 0; i < racers_.size(); ++i)
      if (!racers_[i].has_ended) unfinished.push_back(i);
    if (unfinished.empty()) break;
    const std::optional<std::size_t> racer = options_.chooser->choose(unfinished);
    if (!racer && !options_.chooser->is_circle()) {
      outcome_.gave_up = true;
      return true;
    }
    const std::size_t next = racer.value_or(unfinished.front());
    if (!racer) model_.on_event({.kind = EventKind::kStuck, .place = first + next});
    const std::uint64_t before = system_.moves();
    if (racer && !take_turn(program, *racer)) return false;
    if (model_.finding())
      return failed(Phase::kEvents, StepNumber(first + next), &program.operations[first + next - 1]);
    const bool got_further = system_.moves() != before || racers_[next].has_ended;
    if (got_further) turns_.push_back(StepNumber(first + next));
    options_.chooser->moved(got_further, touched_);
  }
  system_.stop_everywhere(Everywhere::kNo);
  flights_.clear();
  if (!landed(limit, &program.operations[limit.raw() - 1])) return false;
  race_outcome_ = describe_race();
  return true;
}

// A space ends when nobody runs in it any more.
bool Runner::must_wait_to_end(const std::vector<Operation>& operations, const Operation& operation) const {
  if (!std::holds_alternative<SpaceExit>(operation)) return false;
  const Operation* first = &operations[options_.race_from.raw() - 1];
  for (std::size_t i = 0; i < racers_.size(); ++i)
    if (racers_[i].has_begun && !racers_[i].has_ended && space_of(first[i]) == space_of(operation)) return true;
  return false;
}

// From the racer's point to its next one, or to its end.
bool Runner::take_turn(const Program& program, std::size_t racer) {
  const StepNumber step(options_.race_from.raw() + racer);
  const Operation& operation = program.operations[step.raw() - 1];
  Racer& own = racers_[racer];
  touched_ = {};
  tap_.kept.clear();
  if (own.has_begun) {
    if (!system_.may_run(step)) return true;
    system_.go_on(step, Pause{});
    touched_ = system_.touched();
    for (const Event& event : tap_.kept)
      if (event.kind == EventKind::kEnded && event.place == step.raw())
        own.response = {static_cast<Refusal>(event.index), event.after};
    own.has_ended = !system_.is_in_flight(step);
    return true;
  }
  if (!system_.has_room(cpu_of(operation)) || must_wait_to_end(program.operations, operation)) return true;
  own.has_begun = true;
  if (model_.inapplicable(operation) != model::Skip::kNone) {
    ++outcome_.skipped[static_cast<unsigned>(model_.inapplicable(operation))];
    own.has_ended = true;
    return true;
  }
  ++outcome_.executed;
  model_.begin(operation, step);
  system_.at(step);
  own.response = system_.apply(operation);
  touched_ = system_.touched();
  own.has_ended = !system_.is_in_flight(step);
  if (!own.has_ended || model_.finding()) return true;
  model_.end(own.response);
  return !model_.finding() || failed(Phase::kAnswer, step, &operation);
}

// Answers, then what every space has: counters, and of each mapped page its rights and its first byte.
std::string Runner::describe_race() {
  std::string text;
  for (const Racer& racer : racers_) text += print(racer.response) + "; ";
  for (const SpaceHandle space : model_.spaces()) {
    const SpaceObservation seen = system_.space(space);
    text += "p" + std::to_string(space.number()) + ": " + std::to_string(seen.ranges) + " ranges, " +
            std::to_string(seen.resident_anon) + " pages";
    for (const Vpn page : model_.mapped_pages(space)) {
      const EntryObservation entry = system_.entry(space, page);
      const std::span<const std::uint8_t> bytes = system_.bytes(entry.frame);
      text += ", " + std::to_string(page.raw()) + (entry.writable ? "w" : "r") +
              (bytes.empty() ? "?" : std::to_string(bytes.front()));
    }
    text += "; ";
  }
  return text;
}

}  // namespace mmtwin::lockstep
