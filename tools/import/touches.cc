#include "tools/import/touches.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "tools/import/program_writer.h"
#include "tools/import/touched_play.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

constexpr std::uint64_t kStepBudget = 10'000'000;  // of the model's rules, altogether
constexpr std::uint64_t kStepsPerDifference = 400'000;
constexpr std::uint64_t kStepsWhenDoubtful = 20'000;
constexpr std::size_t kPagesTried = 16, kMomentsTried = 24, kMomentsPaired = 4;

// A space from the step that made it on, and where it came from.
struct Life {
  SpaceHandle space;
  std::uint64_t made_at = 0;
  SpaceHandle parent;  // of a fork
};

class Explainer {
 public:
  Explainer(Imported& imported, const std::set<std::uint64_t>& beyond)
      : program_(imported.program), counts_(imported.counts), beyond_(beyond), play_(program_, touches_) {}

  void run() {
    std::uint64_t last = program_.operations.size();
    // What was found to agree stays so: a guess is kept only if nothing before the difference breaks.
    for (std::uint64_t step = 1;;) {
      step = play_.first_difference(step, last, unexplained_);
      if (step == 0) break;
      if (play_.steps_run() > kStepBudget || !explain(step)) unexplained_.insert(step);
    }
    if (!touches_.empty() || !unexplained_.empty()) rebuild();
  }

 private:
  bool explain(std::uint64_t step);
  bool is_about_offsets(std::uint64_t step) const;
  bool helps(std::uint64_t step, const std::vector<std::pair<std::uint64_t, Touch>>& guess);
  std::vector<std::uint64_t> boundaries_in_question(std::uint64_t step) const;
  std::vector<std::uint64_t> edges_of(std::uint64_t step) const;
  std::vector<std::pair<std::uint64_t, Touch>> candidates(std::uint64_t step, std::uint64_t page) const;
  void add_candidate(std::vector<std::pair<std::uint64_t, Touch>>& found, std::uint64_t step, SpaceHandle space,
                     std::uint64_t page) const;
  Life life_of(SpaceHandle space, std::uint64_t step) const;
  void assume(Program& whole, const Operation& operation, std::uint64_t step, const std::string& why) const;
  void rebuild();

  Program& program_;
  ImportCounts& counts_;
  const std::set<std::uint64_t>& beyond_;
  Touches touches_;
  std::set<std::uint64_t> unexplained_;
  TouchedPlay play_;
};

// The space's maker: the last step before `step` that gave its handle to a space.
Life Explainer::life_of(SpaceHandle space, std::uint64_t step) const {
  Life life{space, 0, {}};
  for (std::uint64_t at = step; at-- > 1;) {
    const Operation& operation = program_.operations[at - 1];
    if (const auto* create = std::get_if<SpaceCreate>(&operation); create && create->result.handle() == space) {
      life.made_at = at;
      return life;
    }
    if (const auto* fork = std::get_if<SpaceFork>(&operation); fork && fork->result.handle() == space) {
      life.made_at = at;
      life.parent = fork->space;
      return life;
    }
  }
  return life;
}

// Where one list has a boundary and the other has none. The play stands right after `step`.
std::vector<std::uint64_t> Explainer::boundaries_in_question(std::uint64_t step) const {
  std::set<std::uint64_t> own, recorded, different;
  const model::Ranges* space = play_.space(space_of(program_.operations[step - 1]));
  if (!space) return {};
  for (const auto& [start, range] : space->all()) own.insert({range.start, range.end});
  for (const RangeObservation& seen : program_.recorded.at(step).ranges) {
    recorded.insert({seen.start.raw(), seen.end.raw()});
  }
  std::set_symmetric_difference(own.begin(), own.end(), recorded.begin(), recorded.end(),
                                std::inserter(different, different.end()));
  return {different.begin(), different.end()};
}

// First byte and one past the last of what the operation was about; nothing if it has no place.
std::vector<std::uint64_t> Explainer::edges_of(std::uint64_t step) const {
  std::uint64_t answer = program_.recorded.at(step).response.value;
  return std::visit(
      [answer](const auto& op) -> std::vector<std::uint64_t> {
        if constexpr (requires { op.at, op.length; }) {
          std::uint64_t start = answer != 0 ? answer : op.at.offset;
          return {start, start + page_up(op.length.raw())};
        } else {
          return {};
        }
      },
      program_.operations[step - 1]);
}

void Explainer::add_candidate(std::vector<std::pair<std::uint64_t, Touch>>& found, std::uint64_t step,
                              SpaceHandle space, std::uint64_t page) const {
  std::pair<std::uint64_t, Touch> candidate{step, {space, page}};
  if (std::find(found.begin(), found.end(), candidate) == found.end()) found.push_back(candidate);
}

// Right before the step; before each fork that this space made or was made by, latest first, up the line of parents;
// right after the operation that last covered the page.
std::vector<std::pair<std::uint64_t, Touch>> Explainer::candidates(std::uint64_t step, std::uint64_t page) const {
  std::vector<std::pair<std::uint64_t, Touch>> found;
  SpaceHandle space = space_of(program_.operations[step - 1]);
  std::uint64_t until = step;
  for (unsigned generation = 0; generation < 8 && !space.is_none(); ++generation) {
    add_candidate(found, until, space, page);
    Life life = life_of(space, until);
    std::optional<std::uint64_t> covered;
    for (std::uint64_t at = until; --at > life.made_at;) {
      const Operation& operation = program_.operations[at - 1];
      if (space_of(operation) != space) continue;
      if (std::holds_alternative<SpaceFork>(operation)) add_candidate(found, at, space, page);
      bool maps = std::holds_alternative<RangeMapAnon>(operation) || std::holds_alternative<RangeBrk>(operation) ||
                  std::holds_alternative<RangeProtect>(operation);
      // The earliest moment at which the page can have been stored to, and each one before its rights changed.
      if (maps && found.size() < kMomentsTried) add_candidate(found, at, space, page);
      if (maps) covered = at + 1;
    }
    if (covered) add_candidate(found, *covered, space, page);
    if (life.parent.is_none()) break;
    space = life.parent;
    until = life.made_at;
  }
  return found;
}

bool Explainer::helps(std::uint64_t step, const std::vector<std::pair<std::uint64_t, Touch>>& guess) {
  Touches before = touches_;
  std::uint64_t first = step;
  for (const auto& [at, touch] : guess) {
    touches_[at].push_back(touch);
    first = std::min(first, at);
  }
  std::uint64_t now = play_.first_difference(first, step, unexplained_);
  if (now == 0) return true;
  touches_ = std::move(before);
  return false;
}

// Memory that mremap moved keeps its offset, which keeps it apart whatever was stored, and no step can give it that
// offset: such a boundary is worth a short search only.
bool Explainer::is_about_offsets(std::uint64_t step) const {
  const RangeObservation* last = nullptr;
  std::vector<std::uint64_t> boundaries = boundaries_in_question(step);
  for (const RangeObservation& seen : program_.recorded.at(step).ranges) {
    bool touch = last && last->end == seen.start && last->file == FileId(0) && seen.file == FileId(0);
    bool is_in_question = std::binary_search(boundaries.begin(), boundaries.end(), seen.start.raw());
    if (touch && is_in_question && seen.offset != last->offset + (last->end - last->start).raw()) return true;
    last = &seen;
  }
  return false;
}

bool Explainer::explain(std::uint64_t step) {
  bool is_doubtful = is_about_offsets(step);
  std::vector<std::uint64_t> pages;
  auto consider = [&](std::uint64_t boundary) {
    for (std::uint64_t page : {boundary, boundary - kPageBytes}) {
      if (std::find(pages.begin(), pages.end(), page) == pages.end()) pages.push_back(page);
    }
  };
  for (std::uint64_t boundary : boundaries_in_question(step)) consider(boundary);
  // What joins two neighbours depends on both, and only one of them meets the boundary.
  for (std::uint64_t edge : edges_of(step)) consider(edge);
  if (pages.size() > kPagesTried) pages.resize(kPagesTried);
  std::uint64_t end =
      std::min(kStepBudget, play_.steps_run() + (is_doubtful ? kStepsWhenDoubtful : kStepsPerDifference));
  std::vector<std::pair<std::uint64_t, Touch>> paired;
  for (std::uint64_t page : pages) {
    std::size_t moments = 0;
    for (const auto& candidate : candidates(step, page)) {
      if (play_.steps_run() > end) return false;
      if (helps(step, {candidate})) return true;
      if (moments++ < kMomentsPaired) paired.push_back(candidate);
    }
  }
  if (is_doubtful) return false;
  for (std::size_t a = 0; a < paired.size(); ++a) {
    for (std::size_t b = a + 1; b < paired.size(); ++b) {
      if (play_.steps_run() > end) return false;
      if (paired[a].second.at != paired[b].second.at && helps(step, {paired[a], paired[b]})) return true;
    }
  }
  return false;
}

void Explainer::assume(Program& whole, const Operation& operation, std::uint64_t step, const std::string& why) const {
  whole.operations.push_back(operation);
  whole.recorded[whole.operations.size()].is_assumed = true;
  const auto note = program_.notes.find(step);
  whole.notes[whole.operations.size()] = note == program_.notes.end() ? why : note->second + ": " + why;
}

// Writes the touches into the program as stores. What stays unexplained is adopted: beyond the machine's attributes
// that is all that can be said, elsewhere the step keeps its expectation and will count as a mismatch, once.
void Explainer::rebuild() {
  Program whole;
  whole.machine = program_.machine;
  Touches none;
  TouchedPlay now(program_, touches_);
  std::set<std::uint64_t> known;
  for (std::uint64_t step = 1; step <= program_.operations.size(); ++step) {
    if (auto touched = touches_.find(step); touched != touches_.end()) {
      for (const Touch& touch : touched->second) {
        assume(whole, touch.store(), step, "only a store explains how ranges merge");
        ++counts_.additions["touches"];
      }
    }
    const Operation& operation = program_.operations[step - 1];
    whole.operations.push_back(operation);
    if (auto note = program_.notes.find(step); note != program_.notes.end())
      whole.notes[whole.operations.size()] = note->second;
    auto recorded = program_.recorded.find(step);
    if (recorded == program_.recorded.end()) continue;
    RecordedAnswer& answer = whole.recorded[whole.operations.size()] = recorded->second;
    if (!unexplained_.contains(step)) continue;
    SpaceHandle space = space_of(operation);
    known.insert(unexplained_.begin(), unexplained_.lower_bound(step));
    now.first_difference(step, step, known);
    bool is_beyond = beyond_.contains(life_of(space, step).made_at);
    if (is_beyond) answer.has_ranges = false;
    if (!is_beyond) ++counts_.additions["unexplained"];
    if (const model::Ranges* own = now.space(space)) {
      for (const SpaceAssume& missing : assumptions(*own, recorded->second.ranges, space, cpu_of(operation))) {
        assume(whole, missing, step, "the list is taken over");
        ++counts_.additions["assumed"];
      }
    }
    RecordedAnswer& settled = whole.recorded[whole.operations.size()];
    settled.has_ranges = true;
    settled.ranges = recorded->second.ranges;
  }
  program_ = std::move(whole);
}

}  // namespace

void explain_by_touches(Imported& imported, const std::set<std::uint64_t>& beyond) {
  Explainer(imported, beyond).run();
}

}  // namespace mmtwin::tools
