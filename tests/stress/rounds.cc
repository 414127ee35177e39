#include "tests/stress/rounds.h"

#include <algorithm>
#include <thread>
#include <vector>

#include "tests/stress/blocks.h"
#include "tests/stress/shared_space.h"
#include "version/asymmetric_barrier.h"

namespace mmtwin::stress {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostSpaces = 3;

constexpr FrameSpan span_of(std::uint64_t first, std::uint64_t count) { return {Pfn(first), PageCount(count)}; }

// What a thread may do next. In each round a thread prefers some of it, so that things meet that seldom do, and so that
// threads now and then leave each other's locks alone, which otherwise order them all.
enum class Deed : std::uint8_t {
  kStoreLedger, kLoadLedger, kSend, kReceive, kUseSlot, kChangeSlot, kFork, kForkBriefly,  // in a shared space
  kProcessor, kIdle, kBlocks, kSpoil, kBegin, kHandOver, kEnd, kForkOwn, kStepOwn,  // elsewhere
  kCount
};
constexpr std::size_t kDeeds = static_cast<std::size_t>(Deed::kCount);
constexpr std::size_t kSharedDeeds = static_cast<std::size_t>(Deed::kProcessor);
constexpr std::array<unsigned, kDeeds> kUsualWeights = {24, 10, 4, 8, 40, 10, 1, 2, 2, 2, 5, 1, 1, 2, 1, 1, 20};
using Weights = std::array<unsigned, kDeeds>;

void expect_whole(const char* complaint) { expect(complaint == nullptr, complaint, 0); }

Weights draw_weights(Runner& runner) {
  Weights weights = kUsualWeights;
  for (unsigned& weight : weights) {
    const std::uint64_t what = runner.draw(8);
    weight = what < 2 ? 0 : what == 2 ? weight * 16 : weight;
  }
  weights[static_cast<std::size_t>(Deed::kStepOwn)] += 1;
  return weights;
}

// What the threads of a round have in common.
struct Round {
  RoundKind kind;
  Clock::time_point end;
  std::vector<std::unique_ptr<SharedSpace>> shared{};
  bool has_messages = false;  // they order threads that else are ordered by the memory manager alone
  bool last_exits = false;  // the last thread in a shared space exits it, while others still run
  Exchange<PrivateSpace> spaces{};
  Exchange<Block> blocks{};
};

// One thread's part of a round.
class Work {
 public:
  Work(Round& round, Mm& mm, unsigned cpu, std::uint64_t seed)
      : round_(round), runner_(mm, cpu, seed, round.kind == RoundKind::kMemoryEnds), blocks_(runner_, round.blocks),
        weights_(draw_weights(runner_)) {
    for (const auto& space : round.shared) {
      if (space->is_used_by(cpu)) shared_ = space.get();
    }
    if (!round.has_messages) weight(Deed::kSend) = weight(Deed::kReceive) = 0;
  }

  void run() {
    unsigned steps = 0;
    while (++steps % 16 != 0 || Clock::now() < round_.end) step();
    if (shared_ != nullptr && shared_->leave() && round_.last_exits) runner_.exit(shared_->id());
    for (unsigned i = 0; i < 64; ++i) step_alone();
  }
  // All threads are joined.
  void audit() {
    for (const PrivateSpace& space : spaces_) expect_whole(runner_.mm().audit(space.id()));
  }
  void finish() {
    while (!spaces_.empty()) end(spaces_.size() - 1);
    while (std::optional<PrivateSpace> space = round_.spaces.take()) space->exit(runner_);
    blocks_.free_all();
  }
  Runner& runner() { return runner_; }

 private:
  Deed draw_deed(std::size_t first) {
    unsigned sum = 0;
    for (std::size_t i = first; i < kDeeds; ++i) sum += weights_[i];
    std::uint64_t left = runner_.draw(sum);
    std::size_t deed = first;
    for (; left >= weights_[deed]; ++deed) left -= weights_[deed];
    return static_cast<Deed>(deed);
  }
  void step() { act(draw_deed(shared_ == nullptr ? kSharedDeeds : 0)); }
  void step_alone() { act(draw_deed(kSharedDeeds)); }

  void act(Deed deed) {
    switch (deed) {
      case Deed::kStoreLedger:
        return shared_->store_ledger(runner_);
      case Deed::kLoadLedger:
        return shared_->load_ledger(runner_);
      case Deed::kSend:
        return shared_->send_message(runner_);
      case Deed::kReceive:
        return shared_->read_message(runner_);
      case Deed::kUseSlot:
        return shared_->use_slot(runner_);
      case Deed::kChangeSlot:
        return shared_->change_slot(runner_);
      case Deed::kFork:
        return keep(shared_->fork(runner_));
      case Deed::kForkBriefly:
        return shared_->fork_briefly(runner_);
      case Deed::kProcessor:
        return runner_.step_processor(any_address());
      case Deed::kIdle:
        return idle();
      case Deed::kBlocks:
        return blocks_.step();
      case Deed::kSpoil:
        return runner_.memory_may_end() ? spoil() : void();
      case Deed::kBegin:
        return begin();
      case Deed::kHandOver:
        return hand_over();
      case Deed::kEnd:
        return spaces_.empty() ? void() : end(runner_.draw(spaces_.size()));
      case Deed::kForkOwn:
        return spaces_.empty() ? begin() : fork(runner_.draw(spaces_.size()));
      case Deed::kStepOwn:
        return spaces_.empty() ? void() : step_own(runner_.draw(spaces_.size()));
      case Deed::kCount:
        return;
    }
  }
  unsigned& weight(Deed deed) { return weights_[static_cast<std::size_t>(deed)]; }
  void step_own(std::size_t index) {
    if (!spaces_[index].step(runner_)) lose(index);
  }
  // No user code for a while, at most that of the kernel.
  void idle() {
    runner_.become_lazy();
    const std::uint64_t moments = runner_.draw(64);
    for (std::uint64_t i = 0; i < moments; ++i) impl::wait_a_moment();
    if (runner_.one_in(2)) blocks_.step();
  }

  std::uint64_t any_address() {
    if (shared_ != nullptr) return line_at(shared_->any_page(runner_), runner_.cpu());
    return spaces_.empty() ? kHeapStart : spaces_.front().any_address(runner_);
  }

  // Requests fail, or memory is short for a while.
  void spoil() {
    if (runner_.one_in(3)) {
      runner_.count(Verb::kFailNext);
      return runner_.mm().fail_next(1 + runner_.draw(30));
    }
    if (runner_.cpu() != 0 || !runner_.one_in(4)) return;
    blocks_.hog();
    for (unsigned i = 0; i < 40; ++i) {
      if (spaces_.empty())
        begin();
      else
        step_own(runner_.draw(spaces_.size()));
    }
    blocks_.free_all();
  }

  void begin() {
    if (std::optional<PrivateSpace> space = PrivateSpace::create(runner_)) keep(std::move(*space));
  }
  void fork(std::size_t index) {
    if (std::optional<PrivateSpace> child = spaces_[index].fork(runner_)) keep(std::move(*child));
  }
  void keep(PrivateSpace space) {
    spaces_.push_back(std::move(space));
    if (spaces_.size() > kMostSpaces) end(runner_.draw(spaces_.size()));
  }
  // Checked from time to time: a program may as well exit with its memory unread.
  void end(std::size_t index) {
    if (runner_.one_in(2)) (void)spaces_[index].verify(runner_);
    lose(index);
  }
  void lose(std::size_t index) {
    spaces_[index].exit(runner_);
    spaces_[index] = std::move(spaces_.back());
    spaces_.pop_back();
  }
  // A space goes to whoever comes next, also while it is still loaded here.
  void hand_over() {
    if (std::optional<PrivateSpace> space = round_.spaces.take()) return keep(std::move(*space));
    if (spaces_.empty()) return;
    runner_.count(Verb::kHandOver);
    round_.spaces.put(std::move(spaces_.back()));
    spaces_.pop_back();
  }

  Round& round_;
  Runner runner_;
  Blocks blocks_;
  Weights weights_;
  SharedSpace* shared_ = nullptr;
  std::vector<PrivateSpace> spaces_;
};

void set_up(Round& round, Runner& runner) {
  if (round.kind == RoundKind::kMemoryEnds) return;
  const bool is_one = round.kind == RoundKind::kOneSpace;
  const unsigned slots = 1 + static_cast<unsigned>(runner.draw(kSlots));
  const Outcome<SpaceId> first = runner.create(kHeapStart);
  expect(first.is_ok(), "a space can be made", runner.cpu());
  round.shared.push_back(std::make_unique<SharedSpace>(*first, 0u, is_one ? kCpus : kCpus / 2, slots));
  round.shared[0]->fill(runner);
  if (is_one) return;
  const Outcome<SpaceId> second = runner.fork(*first);
  expect(second.is_ok(), "a space can be forked", runner.cpu());
  round.shared.push_back(std::make_unique<SharedSpace>(*second, kCpus / 2, kCpus / 2, slots));
  round.shared[1]->take_over(*round.shared[0]);
}

}  // namespace

MachineDescription machine_of(GeometryName geometry) {
  MachineDescription machine = find_preset("numa4", 1)->machine;
  machine.geometry = geometry;
  machine.node[0].zone(ZoneKind::kDma) = span_of(0, 1500);
  machine.node[0].zone(ZoneKind::kNormal) = span_of(1500, 5000);
  machine.node[2].zone(ZoneKind::kNormal) = span_of(6500, 4999);
  machine.node[3].zone(ZoneKind::kNormal) = span_of(11520, 5003);
  machine.hole[0] = span_of(12000, 13);
  machine.range_cap = 128;
  machine.reference_cap = 63;
  machine.tlb_entries = 32;
  machine.walk_cache_entries = 4;
  return machine;
}

Machine::Machine(GeometryName geometry, std::uint64_t seed) : seed_(seed) {
  const MachineDescription machine = machine_of(geometry);
  if (geometry == GeometryName::kX86)
    mm_ = std::make_unique<impl::MmOf<impl::X86Geometry>>(machine);
  else
    mm_ = std::make_unique<impl::MmOf<impl::SmallGeometry>>(machine);
  free_at_boot_ = free_frames();
}

void Machine::run_round(RoundKind kind, std::chrono::milliseconds length) {
  Round round{.kind = kind, .end = Clock::now() + length, .last_exits = ++seed_ % 2 == 0};
  round.has_messages = seed_ / 2 % 2 == 0;
  Runner main(*mm_, static_cast<unsigned>(seed_ % kCpus), seed_, false);
  set_up(round, main);
  std::vector<std::unique_ptr<Work>> works;
  for (unsigned cpu = 0; cpu < kCpus; ++cpu)
    works.push_back(std::make_unique<Work>(round, *mm_, cpu, (seed_ << 8) + cpu));
  {
    std::vector<std::jthread> threads;
    for (const auto& work : works) threads.emplace_back([&work] { work->run(); });
  }
  mm_->fail_next(0);
  for (const auto& work : works) work->audit();
  expect_whole(mm_->audit_machine());
  if (!round.last_exits) {
    for (const auto& space : round.shared) {
      expect_whole(mm_->audit(space->id()));
      main.exit(space->id());
    }
  }
  for (const auto& work : works) {
    work->finish();
    for (std::size_t i = 0; i < tally_.size(); ++i) tally_[i] += work->runner().tally()[i];
  }
  expect_whole(mm_->audit_machine());
}

std::uint64_t Machine::free_frames() {
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) mm_->pages_drain(CpuId(0), CpuId(cpu));
  std::uint64_t free = 0;
  for (unsigned zone = 0; zone < impl::kMaxZones; ++zone) {
    if (const impl::Buddy* buddy = mm_->pages().zone(zone)) free += buddy->zone().free_now();
  }
  return free;
}

void Machine::expect_empty() {
  mm_->slab_shrink(CpuId(0));
  for (unsigned cache = 0; cache < impl::kCaches; ++cache) {
    const auto name = static_cast<CacheName>(cache);
    expect(mm_->slab().objects_used(name) == 0 && mm_->slab().frames_held(name) == 0,
           "no object outlives the spaces", 0, cache, mm_->slab().objects_used(name), mm_->slab().frames_held(name));
  }
  const std::uint64_t free = free_frames();
  expect(free == free_at_boot_, "every frame comes home", 0, free, free_at_boot_);
  expect_whole(mm_->audit_machine());
}

}  // namespace mmtwin::stress
