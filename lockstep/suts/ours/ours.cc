#include "lockstep/suts/ours/ours.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "impl/mm.h"
#include "lockstep/suts/ours/decoder.h"
#include "lockstep/suts/ours/in_flight.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {

namespace {

using impl::Done;
using impl::SpaceId;

// What a handle of pages_alloc or pages_alloc_exact stands for.
struct Block {
  Pfn first;
  PageCount pages;
  Order order;
  bool is_exact = false;
};

// Values by handle number. Programs use few and small numbers, so that an array is both small and fast.
template <class T>
class ByHandle {
 public:
  void clear() { values_.clear(); }
  T& at(unsigned number) {
    if (number >= values_.size()) values_.resize(number + 1);
    return values_[number];
  }
  T get(unsigned number) const { return number < values_.size() ? values_[number] : T{}; }
  std::size_t size() const { return values_.size(); }

 private:
  std::vector<T> values_;
};

// Boot happens once per machine; what it narrated is told again at every start.
class BootEvents final : public EventSink {
 public:
  void on_event(const Event& event) override { events.push_back(event); }
  std::vector<Event> events;
};

template <class T>
constexpr std::uint16_t objects_in_frame() {
  return static_cast<std::uint16_t>(impl::slab_shape(sizeof(T)).capacity);
}

// A machine as it was built, and what its boot narrated.
struct World {
  explicit World(const MachineDescription& description) : machine(description) {}
  // Boots it, or takes it back to where it had booted.
  void get_ready() {
    if (mm) return mm->reset();
    if (machine.geometry == GeometryName::kX86) {
      mm = std::make_unique<impl::MmOf<impl::X86Geometry>>(machine, &boot);
    } else {
      mm = std::make_unique<impl::MmOf<impl::SmallGeometry>>(machine, &boot);
    }
    decoder.emplace(mm->hardware(), mm->pages(), mm->slab());
  }

  MachineDescription machine;
  BootEvents boot;
  std::unique_ptr<impl::Mm> mm;
  std::optional<Decoder> decoder;
};

// Fuzzers go to and fro between machines; large ones are not worth their memory.
constexpr std::size_t kMostWorlds = 8;
constexpr std::uint64_t kMostKeptFrames = 4096;

class Ours final : public System {
 public:
  std::string_view name() const override { return "ours"; }
  Claims claims() const override {
    using enum Claim;
    Claims claims{kRequests, kCpuLists, kTables,   kTranslations,   kLocks,     kObjects, kEffects,
                  kFrames,   kRanges,   kCounters, kExactAddresses, kExactZones};
    claims.objects_per_frame = {objects_in_frame<impl::Space>(), objects_in_frame<impl::Range>(),
                                objects_in_frame<impl::Family>(), objects_in_frame<impl::FamilyLink>()};
    return claims;
  }

  void start(const MachineDescription& machine, EventSink& sink) override {
    if (in_flight_.has_broken_machine()) worlds_.erase(worlds_.begin());
    in_flight_.abandon();
    in_flight_.schedule().set_stops_everywhere(Everywhere::kNo);
    in_flight_.connect(&sink);
    in_flight_.set_task({[](void* self, unsigned seat) { static_cast<Ours*>(self)->run_task(seat); },
                         [](void* self, unsigned seat) { static_cast<Ours*>(self)->return_to_cpu(seat); }, this});
    in_flight_.schedule().set_most_edges(most_edges_ = impl::most_edges(machine));
    if (!choose_world(machine)) return;
    mm_ = world_->mm.get();
    decoder_ = &*world_->decoder;
    mm_->connect(&sink);
    for (const Event& event : world_->boot.events) sink.on_event(event);
    blocks_.clear();
    spaces_.clear();
    addresses_.clear();
    changes_.clear();
    named_ = SpaceHandle();
    made_ = SpaceHandle();
  }

  void at(StepNumber step) override { step_ = step; }
  Response apply(const Operation& operation) override {
    changes_known_ = false;
    is_access_ = false;
    if (!in_flight_.any()) {
      mm_->begin_operation();
      named_ = SpaceHandle();
      made_ = SpaceHandle();
      const bool is_alone = pause_of(operation).is_none() && !in_flight_.schedule().stops_everywhere();
      if (is_alone) return run_alone(operation);
    }
    const unsigned seat = in_flight_.seat_for(cpu_of(operation));
    operations_[seat] = operation;
    in_flight_.start(seat, step_, pause_of(operation));
    return in_flight_.answer_of(seat);
  }
  bool is_in_flight(StepNumber step) const override { return in_flight_.has(step); }
  bool has_room(CpuId cpu) const override { return in_flight_.has_room(cpu); }
  bool may_run(StepNumber step) const override { return in_flight_.may_run(step); }
  bool stop_everywhere(Everywhere where) override {
    in_flight_.schedule().set_stops_everywhere(where);
    return true;
  }
  std::span<const std::uint64_t> touched() override { return in_flight_.schedule().touched(); }
  std::uint64_t moves() override { return in_flight_.schedule().moves(); }
  void go_on(StepNumber step, Pause pause) override {
    changes_known_ = false;
    is_access_ = false;
    in_flight_.go_on(step, pause);
  }

  const Changes& changes() override {
    if (!changes_known_) {
      changes_known_ = true;
      note_changes();
    }
    return changes_;
  }

  FrameObservation frame(Pfn at) override { return decoder_->frame(at); }
  void ranges(SpaceHandle space, std::vector<RangeObservation>& into) override {
    const SpaceId id = spaces_.get(space.number());
    if (id.offset != 0) decoder_->ranges({id.offset}, into);
  }
  SpaceObservation space(SpaceHandle space) override {
    const SpaceId id = spaces_.get(space.number());
    return id.offset != 0 ? decoder_->space({id.offset}) : SpaceObservation{};
  }
  SpaceObservation recounted(SpaceHandle space) override {
    const SpaceId id = spaces_.get(space.number());
    return id.offset != 0 ? decoder_->recounted({id.offset}) : SpaceObservation{};
  }
  ZoneObservation zone(NodeId node, ZoneKind kind) override { return decoder_->zone(node, kind); }
  std::optional<CacheObservation> cache(CacheName name) override { return decoder_->cache(name); }
  EntryObservation entry(SpaceHandle space, Vpn page) override {
    const SpaceId id = spaces_.get(space.number());
    return id.offset != 0 ? decoder_->entry({id.offset}, page) : EntryObservation{};
  }
  std::span<const std::uint8_t> bytes(Pfn at) override { return decoder_->bytes(at); }
  // A walk over broken structures may go round for ever, which is told as an operation's is.
  std::optional<std::string_view> complaint() override {
    struct Argument {
      Ours& self;
      const char* wrong = nullptr;
    } argument{*this};
    const auto body = [](void* a) {
      auto& own = *static_cast<Argument*>(a);
      own.wrong = own.self.audit();
    };
    in_flight_.run_alone(CpuId(0), step_, body, &argument, most_edges_);
    return argument.wrong != nullptr ? argument.wrong : std::string_view();
  }

 private:
  const char* audit() {
    for (unsigned number = 1; number < spaces_.size(); ++number) {
      const SpaceId id = spaces_.get(number);
      if (id.offset == 0) continue;
      if (const char* wrong = mm_->audit(id)) return wrong;
    }
    return mm_->audit_machine();
  }
  Response run_alone(const Operation& operation) {
    struct Argument {
      Ours& self;
      const Operation& operation;
      Response answer;
    } argument{*this, operation, {}};
    const auto body = [](void* a) {
      auto& own = *static_cast<Argument*>(a);
      own.answer = std::visit([&own](const auto& op) { return own.self.run(op); }, own.operation);
    };
    in_flight_.run_alone(cpu_of(operation), step_, body, &argument, most_edges_);
    return argument.answer;
  }
  // On a stack of its own.
  void run_task(unsigned seat) {
    in_flight_.answer(seat, std::visit([this](const auto& op) { return run(op); }, operations_[seat]));
    is_access_ = false;
  }
  // As a scheduler does before a thread goes on where another one ran.
  void return_to_cpu(unsigned seat) {
    const SpaceHandle space = space_of(operations_[seat]);
    if (!space.is_none()) mm_->cpu_return(cpu_of(operations_[seat]), spaces_.get(space.number()));
  }

  // A machine that was built before is reset; the one that was not used for longest makes room. False: it does not come
  // to its end, which is told.
  bool choose_world(const MachineDescription& machine) {
    const auto is_wanted = [&](const std::unique_ptr<World>& world) { return world->machine == machine; };
    const auto known = std::find_if(worlds_.begin(), worlds_.end(), is_wanted);
    if (known != worlds_.end()) {
      std::rotate(worlds_.begin(), known, known + 1);
    } else {
      std::erase_if(worlds_, [](const auto& world) { return world->machine.frame_limit() > kMostKeptFrames; });
      if (worlds_.size() == kMostWorlds) worlds_.pop_back();
      worlds_.insert(worlds_.begin(), std::make_unique<World>(machine));
    }
    world_ = worlds_.front().get();
    const auto get_ready = [](void* world) { static_cast<World*>(world)->get_ready(); };
    return in_flight_.run_alone(CpuId(0), StepNumber(0), get_ready, world_, impl::most_boot_edges(machine));
  }

  void note_changes() {
    changes_.clear();
    const std::span<const Pfn> frames = mm_->hardware().changed_frames();
    changes_.frames.assign(frames.begin(), frames.end());
    // An access names its space as changed whatever it did. Ranges and counters are slab objects: only if a slab frame
    // was written can they have changed.
    if (is_access_ && std::none_of(frames.begin(), frames.end(), [this](Pfn at) { return is_slab(at); })) return;
    for (const SpaceId id : mm_->changed_spaces()) changes_.spaces.push_back(handle_of(id));
  }
  bool is_slab(Pfn at) const { return decoder_->frame(at).role == Role::kSlab; }
  SpaceHandle handle_of(SpaceId id) const {
    for (const SpaceHandle likely : {named_, made_}) {
      if (spaces_.get(likely.number()) == id) return likely;
    }
    for (unsigned number = 1; number < spaces_.size(); ++number) {
      if (spaces_.get(number) == id) return SpaceHandle(number);
    }
    return SpaceHandle();
  }

  // ---- translation of arguments and answers ----
  SpaceId id_of(SpaceHandle space) {
    named_ = space;
    return spaces_.get(space.number());
  }
  Address address_of_place(const Place& place) const {
    const std::uint64_t base = place.base.is_none() ? 0 : addresses_.get(place.base.number());
    return Address(base + place.offset);
  }
  static Response answer(const impl::Outcome<Done>& outcome) { return {outcome.refusal(), 0}; }
  static Response answer(const impl::Outcome<std::uint64_t>& outcome) {
    return {outcome.refusal(), outcome.is_ok() ? outcome.value() : 0};
  }
  Response answer_block(const impl::Outcome<Pfn>& outcome, Fresh<'b'> result, Block block) {
    if (!outcome) return {outcome.refusal(), 0};
    block.first = *outcome;
    blocks_.at(result.number()) = block;
    return {Refusal::kNone, block.first.raw()};
  }
  Response answer_space(const impl::Outcome<SpaceId>& outcome, Fresh<'p'> result) {
    if (!outcome) return {outcome.refusal(), 0};
    spaces_.at(result.number()) = *outcome;
    made_ = result.handle();
    return {};
  }
  Response answer_mapping(const impl::Outcome<std::uint64_t>& outcome, Fresh<'a'> result) {
    if (outcome.is_ok() && !result.is_none()) addresses_.at(result.number()) = *outcome;
    return answer(outcome);
  }

  // ---- pages_ ----
  Response run(const PagesAlloc& op) {
    const Block block{Pfn(), pages_in(op.order), op.order, false};
    return answer_block(mm_->pages_alloc(op.cpu, op.order, op.gfp, op.node), op.result, block);
  }
  Response run(const PagesAllocExact& op) {
    const Block block{Pfn(), op.pages, Order(0), true};
    return answer_block(mm_->pages_alloc_exact(op.cpu, op.pages, op.gfp, op.node), op.result, block);
  }
  Response run(const PagesFree& op) {
    // A copy: while this operation pauses, another one's handle may make the table grow.
    const Block block = blocks_.get(op.block.number());
    if (block.is_exact) {
      mm_->pages_free_exact(op.cpu, block.first, block.pages);
    } else {
      mm_->pages_free(op.cpu, block.first, block.order);
    }
    blocks_.at(op.block.number()) = Block{};
    return {};
  }
  Response run(const PagesDrainCpu& op) {
    mm_->pages_drain(op.cpu, op.target);
    return {};
  }

  // ---- slab_ ----
  Response run(const SlabShrink& op) {
    mm_->slab_shrink(op.cpu);
    return {};
  }

  // ---- space_ ----
  Response run(const SpaceCreate& op) { return answer_space(mm_->space_create(op.cpu, op.brk, op.top), op.result); }
  Response run(const SpaceFork& op) { return answer_space(mm_->space_fork(op.cpu, id_of(op.space)), op.result); }
  Response run(const SpaceExit& op) {
    mm_->space_exit(op.cpu, id_of(op.space));
    spaces_.at(op.space.number()) = SpaceId{};
    return {};
  }
  Response run(const SpaceAssume& op) {
    impl::MapRequest request = request_of(op.at, op.length, op.prot, op.flags);
    request.file = static_cast<std::uint16_t>(op.file.raw());
    request.offset = op.offset.raw();
    return answer(mm_->space_assume(op.cpu, id_of(op.space), request, op.gone.raw() != 0));
  }

  // ---- range_ ----
  impl::MapRequest request_of(const Place& at, ByteCount length, Prot prot, MapFlags flags) const {
    impl::MapRequest request;
    request.at = address_of_place(at).raw();
    request.length = length.raw();
    request.prot = prot;
    request.flags = flags;
    return request;
  }
  Response run(const RangeMapAnon& op) {
    const impl::MapRequest request = request_of(op.at, op.length, op.prot, op.flags);
    return answer_mapping(mm_->range_map(op.cpu, id_of(op.space), request), op.result);
  }
  Response run(const RangeMapFile& op) {
    impl::MapRequest request = request_of(op.at, op.length, op.prot, op.flags);
    request.file = static_cast<std::uint16_t>(op.file.raw());
    request.offset = op.offset.raw();
    return answer_mapping(mm_->range_map(op.cpu, id_of(op.space), request), op.result);
  }
  Response run(const RangeUnmap& op) {
    return answer(mm_->range_unmap(op.cpu, id_of(op.space), address_of_place(op.at), op.length));
  }
  Response run(const RangeProtect& op) {
    return answer(mm_->range_protect(op.cpu, id_of(op.space), address_of_place(op.at), op.length, op.prot));
  }
  Response run(const RangeBrk& op) {
    const impl::BreakAnswer answer = mm_->range_brk(op.cpu, id_of(op.space), address_of_place(op.at));
    return {answer.refusal, answer.value};
  }

  // ---- memory_ ----
  Response run(const MemoryLoad& op) {
    is_access_ = true;
    return answer(mm_->memory_load(op.cpu, id_of(op.space), address_of_place(op.at), op.width.raw()));
  }
  Response run(const MemoryFetch& op) {
    is_access_ = true;
    return answer(mm_->memory_fetch(op.cpu, id_of(op.space), address_of_place(op.at), op.width.raw()));
  }
  Response run(const MemoryStore& op) {
    is_access_ = true;
    const Address at = address_of_place(op.at);
    return answer(mm_->memory_store(op.cpu, id_of(op.space), at, op.width.raw(), op.value.raw()));
  }

  // ---- cpu_ ----
  Response run(const CpuSwitchSpace& op) { return answer(mm_->cpu_switch(op.cpu, id_of(op.space))); }
  Response run(const CpuFlushPage& op) {
    mm_->cpu_flush_page(op.cpu, address_of_place(op.at));
    return {};
  }
  Response run(const CpuFlushSpace& op) {
    mm_->cpu_flush_space(op.cpu);
    return {};
  }
  Response run(const CpuSpeculate& op) {
    mm_->cpu_speculate(op.cpu, address_of_place(op.at));
    return {};
  }
  Response run(const CpuEvict& op) {
    mm_->cpu_evict(op.cpu, address_of_place(op.at));
    return {};
  }

  // ---- world ----
  Response run(const Resume&) { return {}; }  // the harness's business
  Response run(const FailNext& op) {
    mm_->fail_next(op.n.raw());
    return {};
  }

  std::vector<std::unique_ptr<World>> worlds_;  // last used first
  std::uint64_t most_edges_ = impl::kNoEdgeLimit;
  World* world_ = nullptr;
  impl::Mm* mm_ = nullptr;
  const Decoder* decoder_ = nullptr;
  ByHandle<Block> blocks_;
  ByHandle<SpaceId> spaces_;
  ByHandle<std::uint64_t> addresses_;
  Changes changes_;
  bool changes_known_ = false;
  bool is_access_ = false;
  InFlight in_flight_;
  std::array<Operation, impl::Schedule::kAllSeats> operations_;  // those in flight
  StepNumber step_;
  SpaceHandle named_, made_;  // by the operation: handles that changed spaces are likely to have
};

}  // namespace

std::unique_ptr<System> make_ours() { return std::make_unique<Ours>(); }

}  // namespace mmtwin::lockstep
