#include "tests/stress/runner.h"

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

namespace mmtwin::stress {

void failed(const char* sentence, unsigned cpu, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  std::fprintf(stderr, "stress failed: cpu %u: %s (0x%" PRIx64 ", 0x%" PRIx64 ", 0x%" PRIx64 ")\n", cpu, sentence, a, b,
               c);
  std::fflush(nullptr);
  std::_Exit(1);
}

// SplitMix64.
std::uint64_t Runner::draw(std::uint64_t below) {
  std::uint64_t z = random_ += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (z ^ (z >> 31)) % below;
}

void Runner::note(Refusal refusal) {
  switch (refusal) {
    case Refusal::kOom:
      count(Verb::kOom);
      expect(memory_may_end_, "no request is refused while memory is plentiful", cpu_);
      return;
    case Refusal::kKilled:
      count(Verb::kKilled);
      expect(memory_may_end_, "no space is killed while memory is plentiful", cpu_);
      return;
    case Refusal::kSegvMapErr:
      return count(Verb::kSegvMap);
    case Refusal::kSegvAccErr:
      return count(Verb::kSegvAcc);
    case Refusal::kNone:
    case Refusal::kNoMemory:
    case Refusal::kInvalid:
    case Refusal::kExists:
    case Refusal::kPermission:
    case Refusal::kBus:
      return;
  }
}

Outcome<std::uint64_t> Runner::load(SpaceId space, std::uint64_t at) {
  count(Verb::kLoad);
  const Outcome<std::uint64_t> got = mm_.memory_load(id(), space, Address(at), 8);
  note(got.refusal());
  return got;
}

Outcome<std::uint64_t> Runner::fetch(SpaceId space, std::uint64_t at) {
  count(Verb::kFetch);
  const Outcome<std::uint64_t> got = mm_.memory_fetch(id(), space, Address(at), 8);
  note(got.refusal());
  return got;
}

Outcome<Done> Runner::store(SpaceId space, std::uint64_t at, std::uint64_t value) {
  count(Verb::kStore);
  const Outcome<Done> done = mm_.memory_store(id(), space, Address(at), 8, value);
  note(done.refusal());
  return done;
}

Outcome<std::uint64_t> Runner::map(SpaceId space, std::uint64_t at, std::uint64_t pages, Prot prot, MapFlags flags) {
  count(Verb::kMap);
  const Outcome<std::uint64_t> got = mm_.range_map(id(), space, {at, pages * kPage, prot, flags, 0, 0});
  note(got.refusal());
  return got;
}

Outcome<Done> Runner::unmap(SpaceId space, std::uint64_t at, std::uint64_t pages) {
  count(Verb::kUnmap);
  const Outcome<Done> done = mm_.range_unmap(id(), space, Address(at), ByteCount(pages * kPage));
  note(done.refusal());
  return done;
}

Outcome<Done> Runner::protect(SpaceId space, std::uint64_t at, std::uint64_t pages, Prot prot) {
  count(Verb::kProtect);
  const Outcome<Done> done = mm_.range_protect(id(), space, Address(at), ByteCount(pages * kPage), prot);
  note(done.refusal());
  return done;
}

BreakAnswer Runner::brk(SpaceId space, std::uint64_t wanted) {
  count(Verb::kBrk);
  const BreakAnswer answer = mm_.range_brk(id(), space, Address(wanted));
  note(answer.refusal);
  return answer;
}

Outcome<SpaceId> Runner::create(std::uint64_t heap_start) {
  count(Verb::kCreate);
  const Outcome<SpaceId> made = mm_.space_create(id(), Address(heap_start), Address(0));
  note(made.refusal());
  return made;
}

Outcome<SpaceId> Runner::fork(SpaceId space) {
  count(Verb::kFork);
  const Outcome<SpaceId> child = mm_.space_fork(id(), space);
  note(child.refusal());
  return child;
}

void Runner::exit(SpaceId space) {
  count(Verb::kExit);
  mm_.space_exit(id(), space);
}

void Runner::become_lazy() {
  count(Verb::kLazy);
  expect(mm_.cpu_switch(id(), {}).is_ok(), "a CPU may always become lazy", cpu_);
}

void Runner::step_processor(std::uint64_t at) {
  switch (draw(7)) {
    case 0: {
      const unsigned target = static_cast<unsigned>(draw(kCpus));
      count(target == cpu_ ? Verb::kDrainOwn : Verb::kDrainOther);
      return mm_.pages_drain(id(), CpuId(target));
    }
    case 1:
      count(Verb::kShrink);
      return mm_.slab_shrink(id());
    case 2:
      return become_lazy();
    case 3:
      count(Verb::kFlushPage);
      return mm_.cpu_flush_page(id(), Address(at));
    case 4:
      count(Verb::kFlushSpace);
      return mm_.cpu_flush_space(id());
    case 5:
      count(Verb::kSpeculate);
      return mm_.cpu_speculate(id(), Address(at));
    default:
      count(Verb::kEvict);
      return mm_.cpu_evict(id(), Address(at));
  }
}

}  // namespace mmtwin::stress
