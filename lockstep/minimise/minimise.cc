#include "lockstep/minimise/minimise.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "lockstep/children/guard.h"
#include "lockstep/minimise/reductions.h"
#include "lockstep/minimise/simplify.h"
#include "vocab/operations.h"
#include "vocab/wording.h"

namespace mmtwin::lockstep {

RunOptions needed_for(const RunOutcome& original) {
  RunOptions options;
  // Where a crash happened may be unknown: it may have needed anything.
  if (original.verdict == Verdict::kCrashed) return options;
  // Audits and rest cost as much as the machine is large: candidates pay only if the original needed them.
  options.audit_at_end = original.phase == Phase::kAudit;
  options.rest = original.phase == Phase::kRest;
  return options;
}

Probe probe_with(Runner& runner, const RunOutcome& original) {
  return [&runner, options = needed_for(original)](const Program& candidate) -> std::optional<Failure> {
    const RunOutcome outcome = runner.run(candidate, options);
    const std::optional<Signature> signature = signature_of(outcome);
    if (!signature) return std::nullopt;
    return Failure{*signature, outcome.step.raw()};
  };
}

Probe probe_in_children(Runner& runner, const RunOptions& options, double watchdog_seconds) {
  GuardOptions guard;
  guard.run = options;
  guard.watchdog_seconds = watchdog_seconds;
  return [&runner, guard](const Program& candidate) -> std::optional<Failure> {
    const GuardedOutcome result = run_guarded(runner, candidate, guard);
    const std::optional<Signature> signature = signature_of(result);
    if (!signature) return std::nullopt;
    return Failure{*signature, result.outcome.step.raw()};
  };
}

namespace {

class Search {
 public:
  Search(const Probe& probe, const MinimiseOptions& options, Minimised& result)
      : probe_(probe), options_(options), result_(result), start_(std::chrono::steady_clock::now()) {}

  bool begin(const Program& program) {
    result_.before = result_.after = program.operations.size();
    result_.program = program;
    ++result_.executions;
    const std::optional<Failure> failure = probe_(program);
    if (!failure) return false;
    result_.fails = true;
    result_.signature = failure->signature;
    accept(program, *failure);
    say("original");
    return true;
  }

  // Runs the candidate; keeps it, cut after its failure, if it fails in the same way.
  bool improve(const Program& candidate) {
    if (exhausted()) return false;
    const std::optional<Failure> failure = fails(candidate);
    if (!failure) return false;
    accept(candidate, *failure);
    return true;
  }

  bool exhausted() {
    if (exhausted_) return true;
    exhausted_ = result_.executions >= options_.executions || elapsed() > options_.seconds ||
                 (options_.is_over && options_.is_over());
    return exhausted_;
  }
  double elapsed() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  const Program& now() const { return result_.program; }

  void say(const std::string& stage) const {
    if (!options_.log) return;
    options_.log(stage + ": " + counted(result_.program.operations.size(), "operation") + " after " +
                 counted(result_.executions, "execution") + ", " + result_.signature.print());
  }

  std::optional<Failure> fails(const Program& candidate) {
    ++result_.executions;
    std::optional<Failure> failure = probe_(candidate);
    if (!failure || failure->signature == result_.signature) return failure;
    auto& others = result_.others;
    if (std::find(others.begin(), others.end(), failure->signature) == others.end()) {
      others.push_back(failure->signature);
    }
    return std::nullopt;
  }

 private:
  void accept(const Program& candidate, const Failure& failure) {
    const bool is_cut = failure.step != 0 && failure.step < candidate.operations.size();
    result_.program = is_cut ? cut_after(candidate, failure.step) : candidate;
    result_.step = failure.step;
    result_.after = result_.program.operations.size();
    if (options_.improved) options_.improved(result_);
  }

  const Probe& probe_;
  const MinimiseOptions& options_;
  Minimised& result_;
  std::chrono::steady_clock::time_point start_;
  bool exhausted_ = false;
};

using Units = std::vector<std::vector<std::size_t>>;

// What goes takes its requests along, so that a failure that was announced before it hits a later request than it did:
// the removal is offered again with the failure announced for fewer requests. True: taken.
bool offer_failing_sooner(const Program& program, const Removed& removed,
                          const std::function<bool(const Program&)>& take) {
  static constexpr std::uint64_t kMostRequests = 64;  // that one unit is thought to make
  const std::optional<std::size_t> at = failure_counted_through(program, removed);
  if (!at) return false;
  Program candidate = without(program, removed);
  FailNext fail = std::get<FailNext>(candidate.operations[*at]);
  const std::uint64_t announced = fail.n.raw();
  for (std::uint64_t n = announced - 1; n > 0 && announced - n <= kMostRequests; --n) {
    fail.n = Count(n);
    candidate.operations[*at] = fail;
    if (take(candidate)) return true;
  }
  return false;
}

// One sweep over the units with chunks of `chunk`, last units first: later operations hang on earlier ones. After a
// success the indices mean another program, so the sweep carries on in the units that lie before.
bool sweep(Search& search, const std::function<Units(const Program&)>& units_of, std::size_t chunk, bool closed) {
  bool any = false;
  Units units = units_of(search.now());
  std::size_t end = units.size();
  while (end > 0 && !search.exhausted()) {
    const std::size_t begin = end > chunk ? end - chunk : 0;
    Removed removed(search.now().operations.size(), false);
    for (std::size_t unit = begin; unit < end; ++unit) {
      for (const std::size_t index : units[unit]) removed[index] = true;
    }
    if (closed) Dependencies(search.now()).close(removed);
    const auto take = [&](const Program& candidate) { return search.exhausted() || search.improve(candidate); };
    // Large chunks seldom leave the failing request where it was: only single units are worth the tries.
    const bool taken = search.improve(without(search.now(), removed)) ||
                       (chunk == 1 && offer_failing_sooner(search.now(), removed, take));
    if (taken) {
      any = true;
      units = units_of(search.now());
      end = std::min(begin, units.size());
    } else {
      end = begin;
    }
  }
  return any;
}

// Chunks from all units down to single ones, then single ones until none can go.
bool cut_units(Search& search, const std::function<Units(const Program&)>& units_of, bool closed) {
  bool any = false;
  for (std::size_t chunk = units_of(search.now()).size(); chunk > 1; chunk = (chunk + 1) / 2) {
    any |= sweep(search, units_of, chunk, closed);
    if (chunk == 2) break;
  }
  while (!search.exhausted() && sweep(search, units_of, 1, closed)) any = true;
  return any;
}

Units single_operations(const Program& program) {
  Units units(program.operations.size());
  for (std::size_t i = 0; i < units.size(); ++i) units[i] = {i};
  return units;
}
Units cycles_in(const Program& program) { return Dependencies(program).cycles(); }

bool cut_operations(Search& search) {
  bool any = cut_units(search, cycles_in, true);
  any |= cut_units(search, single_operations, true);
  while (!search.exhausted() && sweep(search, single_operations, 1, false)) any = true;
  return any;
}

bool simplify_arguments(Search& search) {
  bool any = false;
  const TakeProposal take = [&](Proposal&& proposal) { return search.exhausted() || search.improve(proposal.program); };
  while (!search.exhausted() && propose_together(search.now(), take)) any = true;
  for (std::size_t i = search.now().operations.size(); i-- > 0;) {
    while (i < search.now().operations.size() && !search.exhausted() && propose_arguments(search.now(), i, take)) {
      any = true;
    }
  }
  return any;
}

bool simplify_machine(Search& search) {
  bool any = false;
  const TakeProposal take = [&](Proposal&& proposal) { return search.exhausted() || search.improve(proposal.program); };
  while (!search.exhausted() && propose_machines(search.now(), take)) any = true;
  return any;
}

// Schedules are the first to go: what fails without them is no race.
void drop_pauses(Search& search) {
  const auto without_pauses = [](Program program, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      std::visit([](auto& op) { op.pause.value() = Pause{}; }, program.operations[i]);
    return program;
  };
  const std::vector<Operation>& all = search.now().operations;
  if (std::all_of(all.begin(), all.end(), [](const Operation& o) { return pause_of(o).is_none(); })) return;
  if (search.improve(without_pauses(search.now(), 0, all.size()))) return;
  for (std::size_t i = 0; i < search.now().operations.size(); ++i) {
    if (!pause_of(search.now().operations[i]).is_none()) search.improve(without_pauses(search.now(), i, i + 1));
  }
}

// What can still go, by trying everything; `fails` answers whether a candidate fails in the same way.
std::optional<std::string> what_can_go(const Program& program, const std::function<bool(const Program&)>& fails,
                                       bool with_machine, bool with_arguments) {
  const Dependencies dependencies(program);
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    Removed removed(program.operations.size(), false);
    removed[i] = true;
    const std::string which = "operation " + std::to_string(i + 1);
    if (fails(without(program, removed))) return which + " can go";
    if (offer_failing_sooner(program, removed, fails)) return which + " can go if the failure comes sooner";
    dependencies.close(removed);
    if (std::count(removed.begin(), removed.end(), true) > 1 && fails(without(program, removed))) {
      return which + " can go with what hangs on it";
    }
  }
  std::optional<std::string> found;
  if (!with_arguments) return found;
  const TakeProposal take = [&](Proposal&& proposal) {
    if (!fails(proposal.program)) return false;
    found = proposal.what;
    return true;
  };
  for (std::size_t i = 0; i < program.operations.size() && !found; ++i) propose_arguments(program, i, take);
  if (!found) propose_together(program, take);
  if (!found && with_machine) propose_machines(program, take);
  return found;
}

}  // namespace

Minimised minimise(const Program& program, const Probe& probe, const MinimiseOptions& options) {
  Minimised result;
  Search search(probe, options, result);
  if (!search.begin(program)) return result;
  if (options.change_operations) {
    drop_pauses(search);
    search.say("pauses dropped");
  }
  bool again = true;
  while (again && !search.exhausted()) {
    again = cut_operations(search);
    search.say("operations cut");
    if (options.change_operations) {
      again |= simplify_arguments(search);
      search.say("arguments simplified");
    }
    if (options.shrink_machine) {
      again |= simplify_machine(search);
      search.say("machine simplified");
    }
  }
  if (!search.exhausted()) {
    const auto fails = [&](const Program& candidate) {
      return search.exhausted() || search.fails(candidate).has_value();
    };
    const bool still_fails = search.fails(result.program).has_value();
    const std::optional<std::string> left =
        what_can_go(result.program, fails, options.shrink_machine, options.change_operations);
    result.minimal = still_fails && !left && !search.exhausted();
    search.say(result.minimal ? "1-minimal, checked" : "not minimal: " + left.value_or("it fails no more"));
  } else {
    search.say("budget used up");
  }
  result.seconds = search.elapsed();
  return result;
}

std::optional<std::string> certificate_problem(const Program& program, const Signature& signature, const Probe& probe,
                                               bool with_machine) {
  const auto fails = [&](const Program& candidate) {
    const std::optional<Failure> failure = probe(candidate);
    return failure && failure->signature == signature;
  };
  if (!fails(program)) return "it does not fail with " + signature.print();
  return what_can_go(program, fails, with_machine, true);
}

}  // namespace mmtwin::lockstep
