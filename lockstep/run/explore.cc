#include "lockstep/run/explore.h"

#include <algorithm>
#include <span>
#include <utility>

#include "vocab/text.h"
#include "vocab/wording.h"

namespace mmtwin::lockstep {

namespace {

using Footprint = std::vector<std::uint64_t>;  // sorted; twice an address, plus 1 where it was written

// What both touch is written by neither.
bool are_independent(const Footprint& a, const Footprint& b) {
  const auto meets = [](const Footprint& written, const Footprint& other) {
    return std::any_of(written.begin(), written.end(), [&](std::uint64_t touch) {
      if ((touch & 1) == 0) return false;
      const auto at = std::lower_bound(other.begin(), other.end(), touch & ~std::uint64_t{1});
      return at != other.end() && *at >> 1 == touch >> 1;
    });
  };
  return !meets(a, b) && !meets(b, a);
}

struct Sleeper {
  std::size_t racer;
  Footprint footprint;
};

// A state on the path that is being explored.
struct Node {
  std::vector<std::size_t> unfinished;
  std::vector<std::size_t> stuck;  // could not get any further from here
  std::vector<Sleeper> asleep;     // were explored from here, or need not be
  std::optional<std::size_t> choice;
  bool is_explored = false;        // the choice was run from here
  Footprint footprint;             // of the choice

  bool may_choose(std::size_t racer) const {
    const auto sleeps = [&](const Sleeper& sleeper) { return sleeper.racer == racer; };
    return std::find(stuck.begin(), stuck.end(), racer) == stuck.end() &&
           std::none_of(asleep.begin(), asleep.end(), sleeps);
  }
  void choose() {
    is_explored = false;
    const auto next = std::find_if(unfinished.begin(), unfinished.end(), [&](std::size_t r) { return may_choose(r); });
    choice = next == unfinished.end() ? std::nullopt : std::optional(*next);
  }
};

// Depth first; each run follows the path so far and then takes the first choice that is left.
class Explorer final : public Chooser {
 public:
  explicit Explorer(bool prunes) : prunes_(prunes) {}

  void restart() {
    depth_ = 0;
    in_vain_.clear();
  }
  std::uint64_t steps() const { return steps_; }
  bool is_repeatable() const { return is_repeatable_; }

  std::optional<std::size_t> choose(const std::vector<std::size_t>& unfinished) override {
    if (depth_ == path_.size()) path_.push_back(below(unfinished));
    if (path_[depth_].unfinished == unfinished) return path_[depth_].choice;
    is_repeatable_ = false;
    return std::nullopt;
  }
  void moved(bool got_further, std::span<const std::uint64_t> touched) override {
    Node& node = path_[depth_];
    if (in_vain_.size() <= *node.choice) in_vain_.resize(*node.choice + 1);
    Footprint& footprint = in_vain_[*node.choice];
    footprint.insert(footprint.end(), touched.begin(), touched.end());
    if (!got_further) {
      // What could go on from here before can do so again, or runs are not what their choices make them.
      if (node.is_explored || depth_ + 1 < path_.size()) is_repeatable_ = false;
      node.stuck.push_back(*node.choice);
      return node.choose();
    }
    ++steps_;
    ++depth_;
    node.is_explored = true;
    std::sort(footprint.begin(), footprint.end());
    footprint.erase(std::unique(footprint.begin(), footprint.end()), footprint.end());
    node.footprint = std::exchange(footprint, {});
  }
  bool is_circle() const override {
    const Node& node = path_[depth_];
    return is_repeatable_ && node.stuck.size() == node.unfinished.size();
  }

  // On to the next path; false: there is none.
  bool backtrack() {
    while (!path_.empty()) {
      Node& node = path_.back();
      if (node.is_explored) node.asleep.push_back({*node.choice, node.footprint});
      node.choose();
      if (node.choice) return true;
      path_.pop_back();
    }
    return false;
  }

 private:
  // What slept above and does not touch what the step from there touched may sleep on.
  Node below(const std::vector<std::size_t>& unfinished) const {
    Node fresh;
    fresh.unfinished = unfinished;
    if (prunes_ && !path_.empty()) {
      const Node& above = path_.back();
      for (const Sleeper& sleeper : above.asleep)
        if (are_independent(sleeper.footprint, above.footprint)) fresh.asleep.push_back(sleeper);
    }
    fresh.choose();
    return fresh;
  }

  bool prunes_;
  bool is_repeatable_ = true;
  std::size_t depth_ = 0;
  std::uint64_t steps_ = 0;
  std::vector<Node> path_;
  std::vector<Footprint> in_vain_;  // by racer: what it touched since it last got further
};

}  // namespace

ExploreReport explore(System& system, const Program& program, StepNumber first, const ExploreOptions& options) {
  ExploreReport report;
  Runner runner(system);
  Explorer explorer(options.prunes);
  RunOptions run;
  run.chooser = &explorer;
  run.race_from = first;
  run.race_at = options.at;
  run.locate = false;
  for (std::uint64_t runs = 0; runs < options.most_runs; ++runs) {
    if (options.is_cancelled && options.is_cancelled()) {
      report.end = ExploreReport::End::kCancelled;
      break;
    }
    explorer.restart();
    const RunOutcome outcome = runner.run(program, run);
    if (outcome.verdict != Verdict::kAgreed) {
      report.end = ExploreReport::End::kFound;
      report.finding = outcome;
      report.schedule = runner.turns();
      break;
    }
    if (outcome.gave_up) {
      ++report.pruned;
    } else {
      ++report.schedules;
      report.outcomes.insert(runner.race_outcome());
    }
    if (explorer.is_repeatable() && explorer.backtrack()) continue;
    report.end = explorer.is_repeatable() ? ExploreReport::End::kComplete : ExploreReport::End::kUnrepeatable;
    break;
  }
  report.steps = explorer.steps();
  return report;
}

std::string ExploreReport::print() const {
  static constexpr std::string_view kEnds[] = {
      "", ", up to the finding", ", not repeatable: runs that chose the same went different ways",
      ", the budget of runs ran out: not all explored", ", interrupted: not all explored"};
  return counted(schedules, "schedule") + ", " + std::to_string(pruned) + " pruned, " +
         counted(outcomes.size(), "outcome") + std::string(kEnds[static_cast<unsigned>(end)]);
}

// ---- the pairs ----

namespace {

// The page is p1's and, since the fork, its child p2's; all CPUs have cached it.
constexpr std::string_view kShared =
    "mmtwin 1\nmachine small\n"
    "1 cpu=0 space_create -> p1\n"
    "2 cpu=0 range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw\n"
    "3 cpu=0 memory_store space=p1 at=0x10000 value=0x1\n"
    "4 cpu=0 space_fork space=p1 -> p2\n"
    "5 cpu=1 memory_load space=p2 at=0x10000\n"
    "6 cpu=0 memory_load space=p1 at=0x10000\n";

// Nobody has touched the page yet.
constexpr std::string_view kUntouched =
    "mmtwin 1\nmachine small\n"
    "1 cpu=0 space_create -> p1\n"
    "2 cpu=0 range_map_anon space=p1 at=0x10000 length=0x1000 prot=rw\n";

std::string operation_text(std::string_view kind, unsigned cpu, std::string_view space, unsigned child) {
  const std::string on = "cpu=" + std::to_string(cpu) + " ", of = " space=" + std::string(space);
  if (kind == "load") return on + "memory_load" + of + " at=0x10000";
  if (kind == "store") return on + "memory_store" + of + " at=0x10000 value=" + std::to_string(child);
  if (kind == "fork") return on + "space_fork" + of + " -> p" + std::to_string(child);
  if (kind == "unmap") return on + "range_unmap" + of + " at=0x10000 length=0x1000";
  if (kind == "protect") return on + "range_protect" + of + " at=0x10000 length=0x1000 prot=r";
  return on + "space_exit" + of;
}

}  // namespace

std::vector<RacingPair> racing_pairs() {
  constexpr std::string_view kKinds[] = {"load", "store", "fork", "unmap", "protect", "exit"};
  std::vector<RacingPair> pairs;
  const auto add = [&](std::string_view before, std::uint64_t first, std::size_t a, std::size_t b,
                       std::string_view rival, unsigned cpu) {
    const std::string one = operation_text(kKinds[a], 0, "p1", 3), other = operation_text(kKinds[b], cpu, rival, 4);
    const std::string text = std::string(before) + std::to_string(first) + " " + one + "\n" +
                             std::to_string(first + 1) + " " + other + "\n";
    const std::string name = std::string(kKinds[a]) + " of p1 against " + std::string(kKinds[b]) + " of " +
                             std::string(rival) + (first == 3 ? ", untouched" : "") + (cpu == 0 ? ", one CPU" : "");
    pairs.push_back({name, parse_program(text).value(), StepNumber(first)});
  };
  for (const std::string_view rival : {"p1", "p2"}) {
    for (std::size_t a = 0; a < std::size(kKinds); ++a) {
      for (std::size_t b = rival == "p1" ? a : 0; b < std::size(kKinds); ++b) {
        // A space ends when nobody runs in it any more.
        if (rival == "p1" && (kKinds[a] == "exit" || kKinds[b] == "exit")) continue;
        for (const unsigned cpu : {1, 0}) add(kShared, 7, a, b, rival, cpu);
        if (rival == "p1") add(kUntouched, 3, a, b, rival, 1);
      }
    }
  }
  return pairs;
}

}  // namespace mmtwin::lockstep
