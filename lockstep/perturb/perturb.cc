#include "lockstep/perturb/perturb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "lockstep/minimise/reductions.h"
#include "lockstep/perturb/altered.h"
#include "lockstep/perturb/event_fields.h"
#include "lockstep/random.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {

namespace {

// Everything that can be altered falls into one of these, so that rare kinds are drawn as often as common ones.
constexpr std::size_t kEventBuckets = kEventNames.size();
constexpr std::size_t kFirstResponse = kEventBuckets;
constexpr std::size_t kFirstFrame = kFirstResponse + kOperationKinds;
constexpr std::size_t kFrameBuckets = 4 + kRoleNames.size();  // by state; used frames by role
constexpr std::size_t kRanges = kFirstFrame + kFrameBuckets;
constexpr std::size_t kSpace = kRanges + 1;
constexpr std::size_t kRecount = kSpace + 1;
constexpr std::size_t kZone = kRecount + 1;
constexpr std::size_t kCache = kZone + 1;
constexpr std::size_t kEntry = kCache + 1;
constexpr std::size_t kBytes = kEntry + 1;
constexpr std::size_t kBuckets = kBytes + 1;

std::size_t bucket_of(const Event& event) { return static_cast<std::size_t>(event.kind); }
std::size_t bucket_of(const Operation& operation) { return kFirstResponse + operation.index(); }
std::size_t bucket_of(const FrameObservation& seen) {
  if (seen.state == FrameState::kUsed) return kFirstFrame + 4 + static_cast<std::size_t>(seen.role);
  return kFirstFrame + static_cast<std::size_t>(seen.state);
}
std::string name_of_frame(const FrameObservation& seen) {
  std::string name = "frame " + std::string(kFrameStateNames[static_cast<std::size_t>(seen.state)]);
  if (seen.state == FrameState::kUsed) name += "/" + std::string(name_of(seen.role));
  return name;
}

enum class Way { kField, kDropped, kTwice, kSwapped };

// What to alter: the nth thing of a bucket.
struct Plan {
  std::size_t bucket = kBuckets;  // kBuckets: nothing, only count
  std::uint64_t nth = 0;
  Way way = Way::kField;            // of an event
  std::optional<EventField> field;  // of an event; none: drawn
};
// A response that the judge accepts changes what handles mean: what follows would be another program.
bool ends_there(const Plan& plan) { return plan.bucket >= kFirstResponse && plan.bucket < kFirstFrame; }

}  // namespace

// Stands between the runner and the system and passes everything on, but for the one thing that the plan names.
struct Perturber::Machine final : public System, public EventSink {
  explicit Machine(System& system) : inner(system), runner(*this) {}

  std::string_view name() const override { return inner.name(); }
  Claims claims() const override { return inner.claims(); }
  void prepare(const Program& program) override { inner.prepare(program); }
  void start(const MachineDescription& description, EventSink& to) override {
    machine = description;
    sink = &to;
    seen.fill(0);
    responses.clear();
    held.reset();
    kind.clear();
    example.clear();
    step = StepNumber(0);
    inner.start(description, *this);
    let_go();
  }
  void at(StepNumber number) override {
    step = number;
    inner.at(number);
  }
  Response apply(const Operation& operation) override {
    Response response = inner.apply(operation);
    let_go();
    if (step.raw() > program_steps) return response;  // tidying up is no part of the program
    if (inner.is_in_flight(step)) return response;    // it has not answered yet
    const std::size_t bucket = bucket_of(operation);
    if (counting()) responses.emplace_back(bucket, step);
    if (is_due(bucket)) {
      const Response before = response;
      const std::string field = alter(response, random);
      note("response " + std::string(name_of(operation)) + "." + field, print(before), print(response));
    }
    return response;
  }
  bool is_in_flight(StepNumber number) const override { return inner.is_in_flight(number); }
  bool has_room(CpuId cpu) const override { return inner.has_room(cpu); }
  bool may_run(StepNumber number) const override { return inner.may_run(number); }
  void go_on(StepNumber number, Pause pause) override {
    inner.go_on(number, pause);
    let_go();
  }
  const Changes& changes() override { return inner.changes(); }

  FrameObservation frame(Pfn at) override {
    FrameObservation observed = inner.frame(at);
    if (is_due(bucket_of(observed))) {
      const std::string name = name_of_frame(observed);
      note(name + "." + alter(observed, machine, random), "frame " + std::to_string(at.raw()), "");
    }
    return observed;
  }
  void ranges(SpaceHandle space_handle, std::vector<RangeObservation>& into) override {
    inner.ranges(space_handle, into);
    if (into.empty() || !is_due(kRanges)) return;
    note("ranges " + alter(into, random), "space p" + std::to_string(space_handle.number()), "");
  }
  SpaceObservation space(SpaceHandle space_handle) override {
    return altered(inner.space(space_handle), kSpace, "space ", space_handle);
  }
  SpaceObservation recounted(SpaceHandle space_handle) override {
    return altered(inner.recounted(space_handle), kRecount, "recount ", space_handle);
  }
  ZoneObservation zone(NodeId node, ZoneKind zone_kind) override {
    ZoneObservation observed = inner.zone(node, zone_kind);
    if (is_due(kZone)) note("zone " + alter(observed, random), "node " + std::to_string(node.raw()), "");
    return observed;
  }
  std::optional<CacheObservation> cache(CacheName name) override {
    std::optional<CacheObservation> observed = inner.cache(name);
    if (observed && is_due(kCache)) note("cache " + alter(*observed, random), std::string(name_of(name)), "");
    return observed;
  }
  EntryObservation entry(SpaceHandle space_handle, Vpn page) override {
    EntryObservation observed = inner.entry(space_handle, page);
    if (is_due(kEntry)) note("entry " + alter(observed, machine, random), "page " + std::to_string(page.raw()), "");
    return observed;
  }
  std::span<const std::uint8_t> bytes(Pfn at) override {
    const std::span<const std::uint8_t> original = inner.bytes(at);
    if (original.empty() || !is_due(kBytes)) return original;
    copy.assign(original.begin(), original.end());
    const std::size_t index = random.below(copy.size());
    copy[index] = static_cast<std::uint8_t>(copy[index] ^ (1u << random.below(8)));
    note("bytes", "frame " + std::to_string(at.raw()) + " byte " + std::to_string(index), "");
    return copy;
  }

  SpaceObservation altered(SpaceObservation observed, std::size_t bucket, const char* what, SpaceHandle space_handle) {
    if (is_due(bucket)) note(what + alter(observed, random), "space p" + std::to_string(space_handle.number()), "");
    return observed;
  }

  void on_event(const Event& event) override {
    if (held) {
      const Event first = *std::exchange(held, std::nullopt);
      if (!same(first, event)) {
        note("events swapped " + std::string(name_of(first.kind)) + ", " + std::string(name_of(event.kind)),
             describe(first), describe(event));
        sink->on_event(event);
        sink->on_event(first);
        return;
      }
      sink->on_event(first);
    }
    if (is_due(bucket_of(event))) return pass_altered(event);
    sink->on_event(event);
  }
  void pass_altered(const Event& event) {
    const std::string name = "event " + std::string(name_of(event.kind));
    switch (plan.way) {
      case Way::kField: {
        Event other = event;
        const std::string field =
            plan.field ? alter(other, *plan.field, machine, random) : alter(other, machine, random);
        if (!field.empty()) note(name + "." + field, describe(event), describe(other));
        return sink->on_event(other);
      }
      case Way::kDropped: return note(name + " dropped", describe(event), "");
      case Way::kTwice:
        note(name + " twice", describe(event), "");
        sink->on_event(event);
        return sink->on_event(event);
      case Way::kSwapped: held = event; return;
    }
  }
  // An event held for a swap with one that never came.
  void let_go() {
    if (held) sink->on_event(*std::exchange(held, std::nullopt));
  }

  // Runs the program as it is, to learn what there is to alter; false: it is not to be altered.
  bool is_legal(const Program& program, PerturbReport& into) {
    plan = Plan{};
    program_steps = program.operations.size();
    ++into.programs;
    const RunOutcome outcome = runner.run(program);
    if (outcome.verdict != Verdict::kAgreed) ++into.disagreed;
    if (outcome.gave_up) ++into.gave_up;
    return outcome.verdict == Verdict::kAgreed && !outcome.gave_up;
  }
  void measure(const Program& program, const Plan& what, std::uint64_t seed, PerturbReport& into) {
    plan = what;
    random = Random(seed);
    RunOptions options;
    options.locate = false;
    options.rest = !ends_there(plan);
    const bool is_rejected = runner.run(program, options).verdict != Verdict::kAgreed;
    if (kind.empty()) {
      ++into.unchanged;
      return;
    }
    Tightness& tightness = into.kinds[kind];
    ++(is_rejected ? tightness.rejected : tightness.accepted);
    ++(is_rejected ? into.rejected : into.accepted);
    if (!is_rejected && tightness.example.empty()) tightness.example = example;
  }

  bool counting() const { return plan.bucket == kBuckets; }
  bool is_due(std::size_t bucket) {
    const std::uint64_t number = seen[bucket]++;
    return bucket == plan.bucket && number == plan.nth;
  }
  void note(std::string what, const std::string& before, const std::string& after) {
    kind = std::move(what);
    example = "step " + std::to_string(step.raw()) + ": " + before + (after.empty() ? "" : " -> " + after);
  }

  System& inner;
  Runner runner;
  EventSink* sink = nullptr;
  MachineDescription machine;
  std::uint64_t program_steps = 0;
  std::array<std::uint64_t, kBuckets> seen{};
  std::vector<std::pair<std::size_t, StepNumber>> responses;  // by bucket, in order
  std::optional<Event> held;
  StepNumber step;
  Plan plan;
  Random random{0};
  std::string kind;     // what was altered; empty: nothing
  std::string example;
  std::vector<std::uint8_t> copy;
};

Perturber::Perturber(System& system) : machine_(std::make_unique<Machine>(system)) {}
Perturber::~Perturber() = default;

namespace {

// The step at which the nth response of the bucket was given.
StepNumber step_of(const std::vector<std::pair<std::size_t, StepNumber>>& responses, const Plan& plan) {
  std::uint64_t number = 0;
  for (const auto& [bucket, step] : responses) {
    if (bucket == plan.bucket && number++ == plan.nth) return step;
  }
  return StepNumber(0);
}

// An event is altered in each of its fields, dropped, told twice and swapped with the next; what has no ways of its own
// is altered a few times, each time as drawn.
std::vector<Plan> ways_of(const Plan& thing) {
  constexpr unsigned kDraws = 3;
  if (thing.bucket >= kEventBuckets) return std::vector<Plan>(kDraws, thing);
  std::vector<Plan> plans;
  for (const EventField field : meaningful_fields(static_cast<EventKind>(thing.bucket)))
    plans.push_back({thing.bucket, thing.nth, Way::kField, field});
  for (const Way way : {Way::kDropped, Way::kTwice, Way::kSwapped})
    plans.push_back({thing.bucket, thing.nth, way, std::nullopt});
  return plans;
}

}  // namespace

void Perturber::run(const Program& program, std::uint64_t seed, unsigned alterations, PerturbReport& into) {
  Machine& m = *machine_;
  if (!m.is_legal(program, into)) return;
  const auto counts = m.seen;
  const auto responses = m.responses;
  std::vector<std::size_t> present;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket)
    if (counts[bucket] != 0) present.push_back(bucket);
  if (present.empty()) return;
  Random draw(seed);
  for (unsigned i = 0; i < alterations; ++i) {
    Plan plan;
    plan.bucket = draw.pick_from(present);
    plan.nth = draw.below(counts[plan.bucket]);
    static constexpr Way kWays[] = {Way::kField, Way::kField, Way::kField, Way::kDropped, Way::kTwice, Way::kSwapped};
    plan.way = draw.pick(kWays);
    const Program& altered = ends_there(plan) ? cut_after(program, step_of(responses, plan).raw()) : program;
    m.measure(altered, plan, draw.next(), into);
  }
}

void Perturber::run_all(const Program& program, std::uint64_t most, PerturbReport& into) {
  Machine& m = *machine_;
  if (!m.is_legal(program, into)) return;
  const auto counts = m.seen;
  const auto responses = m.responses;
  Random draw(most);
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    const std::uint64_t chosen = std::min(counts[bucket], most);
    for (std::uint64_t i = 0; i < chosen; ++i) {
      Plan plan;
      plan.bucket = bucket;
      plan.nth = i * counts[bucket] / chosen;  // spread over the run
      const Program& altered = ends_there(plan) ? cut_after(program, step_of(responses, plan).raw()) : program;
      for (const Plan& way : ways_of(plan)) m.measure(altered, way, draw.next(), into);
    }
  }
}

void PerturbReport::add(const PerturbReport& other, std::string_view from) {
  for (const auto& [kind, tightness] : other.kinds) {
    Tightness& mine = kinds[kind];
    mine.rejected += tightness.rejected;
    mine.accepted += tightness.accepted;
    if (mine.example.empty() && !tightness.example.empty())
      mine.example = std::string(from) + ", " + tightness.example;
  }
  rejected += other.rejected;
  accepted += other.accepted;
  unchanged += other.unchanged;
  programs += other.programs;
  disagreed += other.disagreed;
  gave_up += other.gave_up;
}

std::string PerturbReport::print() const {
  std::string text;
  for (const auto& [kind, tightness] : kinds) {
    text += kind + ": rejected " + std::to_string(tightness.rejected) + ", accepted " +
            std::to_string(tightness.accepted) + "\n";
  }
  return text;
}

std::string PerturbReport::print_freedoms(std::string_view prefix) const {
  std::string text;
  for (const auto& [kind, tightness] : kinds) {
    if (tightness.accepted == 0) continue;
    text += std::string(prefix) + kind + ": accepted " + std::to_string(tightness.accepted) + " of " +
            std::to_string(tightness.accepted + tightness.rejected) + "\n";
  }
  return text;
}

}  // namespace mmtwin::lockstep
