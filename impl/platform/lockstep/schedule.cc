#include "version/schedule.h"

#include <boost/context/detail/fcontext.hpp>
#include <csetjmp>
#include <cstdlib>

#include "impl/base/check.h"
#include "impl/platform/host_memory.h"
#include "version/hostile.h"

#if defined(__SANITIZE_ADDRESS__)
#define MMTWIN_TELLS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MMTWIN_TELLS_SANITIZER 1
#endif
#endif
#ifdef MMTWIN_TELLS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace mmtwin::impl {
namespace {

namespace context = boost::context::detail;

constexpr std::size_t kStackBytes = std::size_t{256} << 10;

// Where run_alone() goes on when what it runs is endless.
thread_local constinit std::jmp_buf* alone = nullptr;

// Before and after every switch of stacks.
void leave_stack([[maybe_unused]] void** fake, [[maybe_unused]] const void* to, [[maybe_unused]] std::size_t bytes) {
#ifdef MMTWIN_TELLS_SANITIZER
  __sanitizer_start_switch_fiber(fake, to, bytes);
#endif
}
void arrive_on_stack([[maybe_unused]] void* fake, [[maybe_unused]] const void** from,
                     [[maybe_unused]] std::size_t* bytes) {
#ifdef MMTWIN_TELLS_SANITIZER
  __sanitizer_finish_switch_fiber(fake, from, bytes);
#endif
}

}  // namespace

struct Schedule::Fiber {
  Fiber() : stack(kStackBytes) {}

  // Whether it pauses at this passing.
  bool counts_down(Point p) {
    if (pause.point != p || --pause.nth != 0) return false;
    pause = Pause{};
    return true;
  }

  HostMemory stack;
  void* context = nullptr;  // null: nothing in flight
  void* fake_stack = nullptr;
  Schedule* schedule = nullptr;
  Body body = nullptr;
  void* argument = nullptr;
  Pause pause;
  Stop why = Stop::kEnded;
  Point stands_at = Point::kNone;
  bool lost_cpu = false;  // another one has run on its CPU since it stopped
  unsigned wanted = kAnybody;
  std::uint64_t passed = 0;  // points
  std::uint64_t edges_left = 0;
};

Schedule::Schedule() {
  for (unsigned cpu = 0; cpu < kMaxCpus; ++cpu) last_[cpu] = cpu * kSeats;
}
Schedule::~Schedule() { abandon(); }

// Frames that are left this way own nothing: all that operations have lies in the machine.
Schedule::Stop Schedule::run_alone(Body body, void* argument, std::uint64_t most_edges) {
  std::jmp_buf here;
  if (_setjmp(here) != 0) return Stop::kEndless;
  alone = &here;
  edges_left = most_edges;
  body(argument);
  note_edge_share(most_edges);
  edges_left = kNoEdgeLimit;
  alone = nullptr;
  return Stop::kEnded;
}

Schedule::Stop Schedule::start(unsigned seat, Body body, void* argument, Pause pause) {
  std::unique_ptr<Fiber>& slot = fibers_[seat];
  if (!slot) slot = std::make_unique<Fiber>();
  check(slot->context == nullptr, "a seat has one operation in flight");
  unpoison(slot->stack.data(), kStackBytes);
  slot->schedule = this;
  slot->body = body;
  slot->argument = argument;
  slot->pause = pause;
  slot->passed = 0;
  slot->edges_left = most_edges_;
  slot->why = Stop::kEnded;
  slot->stands_at = Point::kNone;
  slot->lost_cpu = false;
  const auto entry = [](context::transfer_t from) {
    Fiber& self = *static_cast<Fiber*>(from.data);
    self.schedule->harness_ = from.fctx;
    enter(&self);
  };
  slot->context = context::make_fcontext(slot->stack.data() + kStackBytes, kStackBytes, entry);
  return run(seat);
}

Schedule::Stop Schedule::go_on(unsigned seat) {
  check(is_in_flight(seat), "only what is in flight goes on");
  return run(seat);
}
Schedule::Stop Schedule::go_on(unsigned seat, Pause pause) {
  fibers_[seat]->pause = pause;
  return go_on(seat);
}

Schedule::Stop Schedule::run(unsigned seat) {
  check(may_run(seat), "a CPU runs one operation at a time");
  Fiber& fiber = *fibers_[seat];
  unsigned& last = last_[cpu_of_seat(seat)];
  if (last != seat && is_in_flight(last)) fibers_[last]->lost_cpu = true;
  last = seat;
  current_ = seat;
  touched_.clear();
  remember(&last, true);
  running_schedule = this;
  leave_stack(&harness_fake_stack_, fiber.stack.data(), kStackBytes);
  edges_left = fiber.edges_left;
  const context::transfer_t back = context::jump_fcontext(fiber.context, &fiber);
  fiber.edges_left = edges_left;
  edges_left = kNoEdgeLimit;
  arrive_on_stack(harness_fake_stack_, nullptr, nullptr);
  running_schedule = nullptr;
  fiber.context = fiber.why == Stop::kEnded ? nullptr : back.fctx;
  return fiber.why;
}

// The first function on a stack; it does not return.
void Schedule::enter(void* fiber) {
  Fiber& self = *static_cast<Fiber*>(fiber);
  Schedule& schedule = *self.schedule;
  // What an abandoned operation left is used on: nobody could free it from outside.
  arrive_on_stack(self.fake_stack, &schedule.harness_stack_, &schedule.harness_stack_bytes_);
  self.fake_stack = nullptr;
  self.body(self.argument);
  note_edge_share(schedule.most_edges_);
  self.why = Stop::kEnded;
  ++schedule.moves_;
  leave_stack(nullptr, schedule.harness_stack_, schedule.harness_stack_bytes_);
  context::jump_fcontext(schedule.harness_, nullptr);
}

void Schedule::stop(Stop why) {
  Fiber& self = *fibers_[current_];
  self.why = why;
  leave_stack(&self.fake_stack, harness_stack_, harness_stack_bytes_);
  const context::transfer_t back = context::jump_fcontext(harness_, nullptr);
  arrive_on_stack(self.fake_stack, &harness_stack_, &harness_stack_bytes_);
  self.fake_stack = nullptr;
  harness_ = back.fctx;
  if (!self.lost_cpu) return;
  self.lost_cpu = false;
  const Point stood_at = self.stands_at;  // it may have to wait again
  returned_(returned_owner_, current_);
  self.stands_at = stood_at;
}

void Schedule::pass(Point p) {
  Fiber& self = *fibers_[current_];
  self.stands_at = p;
  ++moves_;
  if (++self.passed > kMostPassings) return stop(Stop::kEndless);
  if (stops_everywhere() || self.counts_down(p)) stop(Stop::kPaused);
}

void Schedule::touch(const void* what, bool writes, Point kind) {
  Fiber& self = *fibers_[current_];
  if (kind != Point::kNone && (everywhere_ == Everywhere::kAtTouches || self.counts_down(kind))) {
    self.stands_at = kind;
    ++moves_;
    stop(Stop::kPaused);
  }
  remember(what, writes);
}

// Who waits for a space's lock sleeps at the point before it. All others spin.
void Schedule::wait(unsigned holder) {
  Fiber& self = *fibers_[current_];
  self.wanted = holder;
  // That it waits now is a step of its own: what it let go on its way here, others may have waited for.
  if (self.why != Stop::kBlocked) ++moves_;
  if (holder == kAnybody || self.stands_at != Point::kSpaceTake) self.stands_at = Point::kNone;
  stop(Stop::kBlocked);
}

void Schedule::leave_endless() {
  stop(Stop::kEndless);
  std::abort();  // nobody lets it go on
}

void Schedule::abandon() {
  for (const std::unique_ptr<Fiber>& fiber : fibers_) {
    if (fiber) fiber->context = nullptr;
  }
}

bool Schedule::is_in_flight(unsigned seat) const {
  return fibers_[seat] != nullptr && fibers_[seat]->context != nullptr;
}
unsigned Schedule::empty_seat(CpuId cpu) const {
  for (unsigned seat = cpu.raw() * kSeats; seat < (cpu.raw() + 1) * kSeats; ++seat)
    if (!is_in_flight(seat)) return seat;
  return kAnybody;
}
unsigned Schedule::holder_of_cpu(CpuId cpu) const {
  const unsigned last = last_[cpu.raw()];
  return is_in_flight(last) && !is_preemptible(fibers_[last]->stands_at) ? last : kAnybody;
}
bool Schedule::may_run(unsigned seat) const {
  const unsigned holder = holder_of_cpu(CpuId(cpu_of_seat(seat)));
  return holder == kAnybody || holder == seat;
}
unsigned Schedule::wanted(unsigned seat) const { return fibers_[seat]->wanted; }

void leave_endless() {
  edges_left = kNoEdgeLimit;
  if (running_schedule != nullptr) running_schedule->leave_endless();
  std::jmp_buf* const to = alone;
  alone = nullptr;
  if (to == nullptr) std::abort();  // nothing else is limited
  _longjmp(*to, 1);
}

void pass_point(Schedule& schedule, Point p) { schedule.pass(p); }
void note_touch(Schedule& schedule, const void* what, bool writes, Point kind) { schedule.touch(what, writes, kind); }
unsigned running_seat(const Schedule* schedule) { return schedule != nullptr ? schedule->seat() : 0; }
void wait_for(Schedule* schedule, unsigned holder) {
  if (schedule == nullptr) return check(false, "LOCK-1: who waits waits for another operation in flight");
  schedule->wait(holder);
}

}  // namespace mmtwin::impl
