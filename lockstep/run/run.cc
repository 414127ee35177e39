#include "lockstep/run/run.h"

#include <algorithm>

#include "vocab/operations.h"

namespace mmtwin::lockstep {

std::uint64_t audit_interval(const MachineDescription& machine) {
  return std::max<std::uint64_t>(machine.frame_limit(), 4096);
}

Runner::Runner(System& system) : system_(system), tap_(model_) {}

void Runner::Tap::on_event(const Event& event) {
  if (hashes) digest.add(event);
  if (hashes && event.kind == EventKind::kEnded)
    answers->add(StepNumber(event.place), {static_cast<Refusal>(event.index), 0}, true);
  if (keeps) kept.push_back(event);
  model_.on_event(event);
}

RunOutcome Runner::run(const Program& program, const RunOptions& options) {
  options_ = options;
  RunOutcome first = run_once(program, StepNumber(program.operations.size()));
  if (first.phase == Phase::kAudit && options.locate) return locate(program, first);
  first.marking_hole = false;
  return first;
}

RunOutcome Runner::run_once(const Program& program, StepNumber limit) {
  outcome_ = RunOutcome{};
  last_good_audit_ = StepNumber(0);
  resting_ = false;
  system_.prepare(program);
  claims_ = system_.claims();
  offered_ = system_.offered();
  tapped_ = options_.digests || options_.observer != nullptr || options_.chooser != nullptr;
  const std::uint64_t items_before = model_.items_judged();
  flights_.clear();
  if (boot(program.machine) && run_steps(program, limit) && !outcome_.gave_up) {
    const bool agreed = (!options_.audit_at_end || audited(limit, program)) && (!options_.rest || rest(program));
    static_cast<void>(agreed);
  }
  outcome_.items = model_.items_judged() - items_before;
  if (options_.digests) {
    outcome_.answers = answers_.value();
    outcome_.events = tap_.digest.value();
  }
  return outcome_;
}

bool Runner::boot(const MachineDescription& machine) {
  machine_ = machine;
  tap_.hashes = options_.digests;
  tap_.answers = &answers_;
  tap_.keeps = options_.observer != nullptr || options_.chooser != nullptr;
  tap_.kept.clear();
  if (options_.digests) {
    answers_.reset();
    tap_.digest.reset();
  }
  if (options_.progress) options_.progress->store(0, std::memory_order_relaxed);
  model_.start(machine, claims_);
  system_.start(machine, tapped_ ? static_cast<EventSink&>(tap_) : model_);
  model_.booted();
  if (!is_alive(Phase::kBoot, StepNumber(0), nullptr)) return false;
  const bool ok = !model_.finding() || failed(Phase::kBoot, StepNumber(0), nullptr);
  if (tapped_) tell(StepNumber(0), nullptr, model::Skip::kNone, Response{});
  return ok;
}

bool Runner::run_steps(const Program& program, StepNumber limit) {
  return tapped_ ? run_steps<true>(program, limit) : run_steps<false>(program, limit);
}

template <bool kTapped>
bool Runner::run_steps(const Program& program, StepNumber limit) {
  const std::uint64_t every = options_.audit_every != 0 ? options_.audit_every : ~std::uint64_t{0};
  std::uint64_t until_audit = every;
  const Operation* operation = program.operations.data();
  for (std::uint64_t step = 1; step <= limit.raw(); ++step, ++operation) {
    if constexpr (kTapped) {
      tap_.kept.clear();
      if (options_.chooser != nullptr && StepNumber(step) == options_.race_from) return race(program, limit);
    }
    if (!flights_.empty() && !make_room(StepNumber(step), *operation)) return false;
    const model::Skip skip = why_skipped(*operation);
    if (skip != model::Skip::kNone) {
      ++outcome_.skipped[static_cast<unsigned>(skip)];
      if constexpr (kTapped) tell(StepNumber(step), operation, skip, Response{});
      continue;
    }
    ++outcome_.executed;
    if (options_.progress) options_.progress->store(step, std::memory_order_relaxed);
    if (!execute<kTapped>(StepNumber(step), *operation)) return false;
    if (model_.gave_up()) {
      outcome_.gave_up = true;
      return true;
    }
    if (until_audit != 0) --until_audit;
    if (until_audit == 0 && flights_.empty()) {
      until_audit = every;
      if (!audited(StepNumber(step), program)) return false;
    }
  }
  return settle(limit);
}

template <bool kTapped>
bool Runner::execute(StepNumber step, const Operation& operation) {
  if (kTapped && resting_) tap_.kept.clear();
  Response response;
  const auto* resumes = std::get_if<Resume>(&operation);
  acting_ = resumes != nullptr ? resumed(*resumes)->step : step;
  const bool ok = resumes != nullptr ? resume(step, *resumes) : apply(step, operation, response);
  if constexpr (kTapped) {
    const bool in_program = !resting_;
    const bool is_over = !system_.is_in_flight(acting_);
    if (options_.digests && in_program && is_over)
      answers_.add(step, response, answers_with_contract(operation, claims_));
    tell(step, &operation, model::Skip::kNone, response);
  }
  return ok;
}

model::Skip Runner::why_skipped(const Operation& operation) const {
  if ((offered_ >> operation.index() & 1) == 0) return model::Skip::kUnsupported;
  if (!std::holds_alternative<Resume>(operation)) return model_.inapplicable(operation);
  return resumed(std::get<Resume>(operation)) != nullptr ? model::Skip::kNone : model::Skip::kNothingInFlight;
}

bool Runner::apply(StepNumber step, const Operation& operation, Response& response) {
  model_.begin(operation, step);
  system_.at(step);
  response = system_.apply(operation);
  if (!is_alive(Phase::kEvents, step, &operation)) return false;
  if (model_.finding()) return failed(Phase::kEvents, step, &operation);
  const bool overlaps = !flights_.empty() || !pause_of(operation).is_none();
  const bool is_in_flight = overlaps && system_.is_in_flight(step);
  if (is_in_flight) {
    flights_.push_back({step, cpu_of(operation), space_of(operation)});
  } else {
    model_.end(response);
    if (model_.finding()) return failed(Phase::kAnswer, step, &operation);
  }
  if (overlaps) return landed(step, &operation);
  return compare() || failed(Phase::kComparison, step, &operation);
}

bool Runner::resume(StepNumber step, const Resume& operation) {
  const Operation as_operation(operation);
  return go_on(*resumed(operation), operation.pause, step, &as_operation);
}

// Flights stand in the order in which they began.
const Runner::Flight* Runner::resumed(const Resume& operation) const {
  const Flight* found = nullptr;
  for (const Flight& flight : flights_) {
    if (flight.cpu != operation.cpu.value()) continue;
    found = &flight;
    if (operation.first.raw() != 0) break;
  }
  return found;
}

bool Runner::go_on(const Flight& flight, Pause pause, StepNumber step, const Operation* operation) {
  system_.go_on(flight.step, pause);
  if (model_.finding()) return failed(Phase::kEvents, step, operation);
  return landed(step, operation);
}

bool Runner::make_room(StepNumber step, const Operation& operation) {
  if (std::holds_alternative<Resume>(operation)) return true;
  while (const Flight* flight = in_the_way(operation))
    if (!go_on(*flight, Pause{}, step, &operation)) return false;
  return true;
}

// A space ends when nobody runs in it any more; a CPU is left where that is possible, by as many as may wait for it.
const Runner::Flight* Runner::in_the_way(const Operation& operation) const {
  const CpuId cpu = cpu_of(operation);
  const bool ends_space = std::holds_alternative<SpaceExit>(operation);
  const bool has_room = system_.has_room(cpu);
  for (const Flight& flight : flights_) {
    if (ends_space && flight.space == space_of(operation)) return &flight;
    if (!has_room && flight.cpu == cpu && system_.may_run(flight.step)) return &flight;
  }
  return nullptr;
}

// Everything comes to its end, the lowest step first.
bool Runner::settle(StepNumber step) {
  while (!flights_.empty()) {
    tap_.kept.clear();
    const Operation goes_on(Resume{flights_.front().cpu});
    acting_ = flights_.front().step;
    const bool ok = go_on(flights_.front(), Pause{}, step, nullptr);
    if (tapped_) tell(StepNumber(step.raw() + 1), &goes_on, model::Skip::kNone, Response{});
    if (!ok) return false;
  }
  return true;
}

// Some operations may be over. What they left behind is compared when none is in flight any more; the spaces as a
// whole, since several may have changed each.
bool Runner::landed(StepNumber step, const Operation* operation) {
  for (const Flight& flight : flights_)
    if (!system_.is_in_flight(flight.step) && !model_.gave_up()) model_.judge_ended(flight.step);
  if (model_.finding()) return failed(Phase::kEvents, step, operation);
  std::erase_if(flights_, [this](const Flight& flight) { return !system_.is_in_flight(flight.step); });
  if (!flights_.empty() || model_.gave_up()) return true;
  if (!compare()) return failed(Phase::kComparison, step, operation);
  const std::vector<SpaceHandle> spaces = model_.spaces();
  const bool agree = std::all_of(spaces.begin(), spaces.end(), [this](SpaceHandle s) { return compare_space(s); });
  return agree || failed(Phase::kComparison, step, operation);
}

// Both sides' marks are without duplicates, and mostly the same few frames: what the model alone marked is found by
// looking through the system's list while that is short, else by sorting.
bool Runner::compare() {
  static constexpr std::size_t kShort = 16;
  const Changes& seen = system_.changes();
  if (claims_.has(Claim::kFrames)) {
    const Changes& expected = model_.changes();
    if (seen.frames.size() > kShort && expected.frames.size() > kShort) {
      if (!compare_sorted(seen.frames, expected.frames)) return false;
    } else {
      for (const Pfn at : seen.frames) {
        if (!compare_frame(at)) return false;
      }
      for (const Pfn at : expected.frames) {
        const bool done = std::find(seen.frames.begin(), seen.frames.end(), at) != seen.frames.end();
        if (!done && !compare_frame(at)) return false;
      }
    }
  }
  for (const SpaceHandle space : seen.spaces) {
    if (!compare_space(space)) return false;
  }
  // A system that does not narrate shows what it marks, and is not asked for more.
  if (!claims_.narrates()) return resting_ || judge_blocks();
  for (const SpaceHandle space : model_.changes().spaces) {
    const bool done = std::find(seen.spaces.begin(), seen.spaces.end(), space) != seen.spaces.end();
    if (!done && !compare_space(space)) return false;
  }
  return true;
}

bool Runner::judge_blocks() {
  if (claims_.has(Claim::kBlocks)) model_.judge_blocks(system_.blocks());
  return !model_.finding();
}

bool Runner::compare_sorted(const std::vector<Pfn>& a, const std::vector<Pfn>& b) {
  frames_.assign(a.begin(), a.end());
  frames_.insert(frames_.end(), b.begin(), b.end());
  std::sort(frames_.begin(), frames_.end());
  frames_.erase(std::unique(frames_.begin(), frames_.end()), frames_.end());
  return std::all_of(frames_.begin(), frames_.end(), [this](Pfn at) { return compare_frame(at); });
}

bool Runner::compare_frame(Pfn at) { return judge_frame(at, system_.frame(at)); }

bool Runner::judge_frame(Pfn at, const FrameObservation& seen) {
  model_.judge_frame(at, seen);
  if (seen.state == FrameState::kUsed && seen.role == Role::kAnon) model_.judge_bytes(at, system_.bytes(at));
  return !model_.finding();
}

bool Runner::compare_space(SpaceHandle space) {
  if (claims_.has(Claim::kRanges)) {
    ranges_.clear();
    system_.ranges(space, ranges_);
    model_.judge_ranges(space, ranges_);
    if (model_.finding()) return false;
  }
  if (claims_.has(Claim::kCounters)) model_.judge_space(space, system_.space(space));
  return !model_.finding();
}

bool Runner::audited(StepNumber after, const Program& program) {
  if (audit()) {
    last_good_audit_ = after;
    return true;
  }
  return failed(Phase::kAudit, after, after.raw() == 0 ? nullptr : &program.operations[after.raw() - 1]);
}

bool Runner::audit() {
  ++outcome_.audits;
  model_.audit_self();
  if (!claims_.narrates()) return true;
  marks_cover_ = true;
  const bool shows_frames = claims_.has(Claim::kFrames);
  if (shows_frames && !audit_frames()) return false;
  if (!audit_spaces()) return false;
  if (claims_.has(Claim::kCounters) && !(audit_zones() && audit_caches())) return false;
  if (shows_frames && !audit_entries()) return false;
  return hear_complaint();
}

// Every frame is observed. One that shows just the block that was judged at its head needs no judgement of its own: the
// model agreed that this block covers it.
bool Runner::audit_frames() {
  const std::uint64_t limit = machine_.frame_limit();
  FrameObservation block;
  std::uint64_t block_end = 0;
  for (std::uint64_t at = 0; at < limit; ++at) {
    const FrameObservation seen = system_.frame(Pfn(at));
    if (at < block_end && seen == block) continue;
    if (!judge_frame(Pfn(at), seen)) return false;
    const bool is_head = (seen.state == FrameState::kFree || seen.state == FrameState::kUsed) && seen.head == Pfn(at);
    block = seen;
    block_end = is_head ? at + pages_in(seen.order).raw() : 0;
  }
  return true;
}

bool Runner::audit_spaces() {
  for (const SpaceHandle space : model_.spaces()) {
    if (!compare_space(space)) return false;
    if (claims_.has(Claim::kCounters)) model_.judge_space(space, system_.recounted(space));
    if (model_.finding()) return false;
  }
  return true;
}

bool Runner::audit_zones() {
  marks_cover_ = false;
  for (unsigned node = 0; node < machine_.nodes; ++node) {
    for (unsigned kind = 0; kind < kZoneKinds; ++kind) {
      if (machine_.node[node].zones[kind].count.raw() == 0) continue;
      const auto zone = static_cast<ZoneKind>(kind);
      model_.judge_zone(NodeId(node), zone, system_.zone(NodeId(node), zone));
      if (model_.finding()) return false;
    }
  }
  return true;
}

bool Runner::audit_caches() {
  for (unsigned number = 0; number < kCacheNames.size(); ++number) {
    const auto cache = static_cast<CacheName>(number);
    if (const std::optional<CacheObservation> seen = system_.cache(cache)) model_.judge_cache(cache, *seen);
    if (model_.finding()) return false;
  }
  return true;
}

bool Runner::audit_entries() {
  marks_cover_ = false;
  for (const SpaceHandle space : model_.spaces()) {
    for (const Vpn page : model_.mapped_pages(space)) {
      model_.judge_entry(space, page, system_.entry(space, page));
      if (model_.finding()) return false;
    }
  }
  return true;
}

// Last: what the model can see for itself needs no confession.
bool Runner::hear_complaint() {
  marks_cover_ = false;
  if (const std::optional<std::string_view> complaint = system_.complaint()) model_.judge_complaint(*complaint);
  return !model_.finding();
}

bool Runner::rest(const Program& program) {
  resting_ = true;
  if (options_.progress) options_.progress->store(program.operations.size() + 1, std::memory_order_relaxed);
  const StepNumber after(program.operations.size() + 1);
  if (!empty_machine(program)) return false;
  system_.at(after);
  if (!is_alive(Phase::kRest, after, nullptr)) return false;
  model_.judge_rest();
  return (!model_.finding() && judge_blocks()) || failed(Phase::kRest, after, nullptr);
}

// Spaces first, since their frames go back then; every handle that the program names is tried once, and those that hold
// nothing are inapplicable.
bool Runner::empty_machine(const Program& program) {
  const StepNumber after(program.operations.size() + 1);
  const auto run_one = [&](const Operation& operation) {
    if (why_skipped(operation) != model::Skip::kNone) return true;
    return tapped_ ? execute<true>(after, operation) : execute<false>(after, operation);
  };
  const CpuId cpu{};
  if (!run_one(FailNext{.cpu = cpu, .n = Count(0)})) return false;
  const auto give_back = [&](auto operation_of) {
    handles_done_.assign((kMaxHandle + 1) / 64, 0);
    for (const Operation& made : program.operations) {
      const std::optional<Operation> operation = operation_of(made);
      if (operation && !run_one(*operation)) return false;
    }
    return true;
  };
  const auto fresh = [&](unsigned handle) {
    std::uint64_t& word = handles_done_[handle / 64];
    const std::uint64_t bit = std::uint64_t{1} << handle % 64;
    const bool is_fresh = (word & bit) == 0;
    word |= bit;
    return is_fresh;
  };
  const bool spaces_gone = give_back([&](const Operation& made) -> std::optional<Operation> {
    unsigned handle = 0;
    if (const auto* create = std::get_if<SpaceCreate>(&made)) handle = create->result.number();
    if (const auto* fork = std::get_if<SpaceFork>(&made)) handle = fork->result.number();
    if (handle == 0 || !fresh(handle)) return std::nullopt;
    return SpaceExit{.cpu = cpu, .space = SpaceHandle(handle)};
  });
  if (!spaces_gone) return false;
  const bool blocks_gone = give_back([&](const Operation& made) -> std::optional<Operation> {
    unsigned handle = 0;
    if (const auto* alloc = std::get_if<PagesAlloc>(&made)) handle = alloc->result.number();
    if (const auto* exact = std::get_if<PagesAllocExact>(&made)) handle = exact->result.number();
    if (handle == 0 || !fresh(handle)) return std::nullopt;
    return PagesFree{.cpu = cpu, .block = BlockHandle(handle)};
  });
  if (!blocks_gone || !run_one(SlabShrink{.cpu = cpu})) return false;
  for (unsigned target = 0; target < machine_.cpus; ++target) {
    if (!run_one(PagesDrainCpu{.cpu = cpu, .target = CpuId(target)})) return false;
  }
  return true;
}

// One that narrates lives in this process.
bool Runner::is_alive(Phase phase, StepNumber step, const Operation* operation) {
  if (claims_.narrates()) return true;
  const std::string_view death = system_.death();
  if (death.empty()) return true;
  outcome_.verdict = Verdict::kCrashed;
  outcome_.phase = resting_ ? Phase::kRest : phase;
  outcome_.step = step;
  outcome_.how = death;
  if (operation) outcome_.set_operation(*operation);
  return false;
}

bool Runner::failed(Phase phase, StepNumber step, const Operation* operation) {
  outcome_.phase = resting_ ? Phase::kRest : phase;
  const bool is_event = phase == Phase::kBoot || phase == Phase::kEvents || phase == Phase::kRest;
  outcome_.verdict = is_event ? Verdict::kViolated : Verdict::kDiverged;
  outcome_.step = step;
  outcome_.finding = model_.finding();
  if (operation) outcome_.set_operation(*operation);
  outcome_.marking_hole = phase == Phase::kAudit && marks_cover_;
  return false;
}

// The audit passed after step `good` and failed after step `bad`: halving the distance costs one run of a prefix each.
RunOutcome Runner::locate(const Program& program, const RunOutcome& first) {
  std::uint64_t good = last_good_audit_.raw();
  std::uint64_t bad = first.step.raw();
  RunOutcome best = first;
  const RunOptions asked = options_;
  options_.observer = nullptr;
  options_.audit_every = 0;
  options_.audit_at_end = true;
  options_.rest = false;
  const auto fails_at = [&](std::uint64_t step) {
    const RunOutcome outcome = run_once(program, StepNumber(step));
    if (outcome.finding) best = outcome;
    return outcome.finding.has_value();
  };
  while (bad - good > 1) {
    const std::uint64_t middle = good + (bad - good) / 2;
    (fails_at(middle) ? bad : good) = middle;
  }
  options_ = asked;
  return best;
}

void Runner::tell(StepNumber step, const Operation* operation, model::Skip skip, const Response& response) {
  if (!options_.observer) return;
  static const Changes kNothing;
  const bool ran = operation && skip == model::Skip::kNone;
  const std::span<const Event> events = skip == model::Skip::kNone ? std::span<const Event>(tap_.kept)
                                                                   : std::span<const Event>();
  options_.observer->on_step(StepView{.step = step,
                                      .operation = operation,
                                      .skip = skip,
                                      .response = response,
                                      .is_in_flight = ran && system_.is_in_flight(acting_),
                                      .events = events,
                                      .system_changes = ran ? system_.changes() : kNothing,
                                      .model_changes = ran ? model_.changes() : kNothing,
                                      .finding = model_.finding() ? &*model_.finding() : nullptr});
}

}  // namespace mmtwin::lockstep
