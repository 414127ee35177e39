// Schedule: operations in flight, each in a seat of its CPU and on a stack of its own, of which one runs at a time.
//
// Laws: LOCK-1: who waits for whom is known here. Context: the thread of the harness; operations run inside start() and
// go_on(). Cost: about 20 ns a switch (ten times that under ASan); a stack of 256 KiB for each seat that was ever
// taken. It deliberately decides nothing: the harness says who runs next and where that one pauses. A CPU goes from one
// operation to another only where the one stands at a preemptible point.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "version/edges.h"
#include "version/point.h"
#include "vocab/machine.h"
#include "vocab/points.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class Schedule {
 public:
  enum class Stop : std::uint8_t { kEnded, kPaused, kBlocked, kEndless };
  using Body = void (*)(void* argument);
  // Runs on the stack of an operation that goes on after another one had its CPU.
  using Returned = void (*)(void* owner, unsigned seat);

  static constexpr unsigned kSeats = 2;  // a CPU's: that many operations may be in flight on it
  static constexpr unsigned kAllSeats = kMaxCpus * kSeats;
  static constexpr unsigned cpu_of_seat(unsigned seat) { return seat / kSeats; }

  Schedule();
  ~Schedule();
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;

  void when_returned(Returned returned, void* owner) {
    returned_ = returned;
    returned_owner_ = owner;
  }
  // How many edges each operation may take.
  void set_most_edges(std::uint64_t most) { most_edges_ = most; }
  // Runs body(argument) to its end on the stack of the caller: nobody else is in flight, and nobody pauses. kEndless:
  // it took more edges than it may, and was left where it stood; the machine is good for nothing, not even a reset.
  static Stop run_alone(Body body, void* argument, std::uint64_t most_edges);
  // Runs body(argument) in an empty seat whose CPU is to be had, until it ends, pauses or must wait; kEndless: it has
  // passed more points or taken more edges than any operation may.
  Stop start(unsigned seat, Body body, void* argument, Pause pause);
  // An operation that paused or had to wait, and may run, runs on, to its next pause or to another one.
  Stop go_on(unsigned seat);
  Stop go_on(unsigned seat, Pause pause);
  // What is in flight is forgotten where it stands; the machine is good for nothing but a reset.
  void abandon();

  bool is_in_flight(unsigned seat) const;
  // An empty seat; kAnybody: there is none.
  unsigned empty_seat(CpuId cpu) const;
  // The seat that had the CPU last, if that may not lose it now; kAnybody: whoever wants the CPU may have it.
  unsigned holder_of_cpu(CpuId cpu) const;
  bool may_run(unsigned seat) const;
  // Of an operation that must wait: the seat whose operation holds what it wants, or kAnybody.
  unsigned wanted(unsigned seat) const;
  // Grows whenever an operation gets further.
  std::uint64_t moves() const { return moves_; }
  // Every point is a pause, or every touch as well, and what a step touches is remembered.
  void set_stops_everywhere(Everywhere where) { everywhere_ = where; }
  bool stops_everywhere() const { return everywhere_ != Everywhere::kNo; }
  // By the last step: twice an address, plus 1 where it was written; unsorted, with repetitions.
  std::span<const std::uint64_t> touched() const { return touched_; }

  // ---- inside an operation ----
  void pass(Point p);
  void wait(unsigned holder);
  [[noreturn]] void leave_endless();
  void touch(const void* what, bool writes, Point kind);
  unsigned seat() const { return current_; }

 private:
  struct Fiber;
  Stop run(unsigned seat);
  void stop(Stop why);
  void remember(const void* what, bool writes) {
    if (stops_everywhere()) touched_.push_back(reinterpret_cast<std::uint64_t>(what) * 2 + (writes ? 1 : 0));
  }
  static void enter(void* fiber);

  std::array<std::unique_ptr<Fiber>, kAllSeats> fibers_;
  std::array<unsigned, kMaxCpus> last_{};  // seat that had the CPU last
  Returned returned_ = nullptr;
  void* returned_owner_ = nullptr;
  unsigned current_ = 0;
  Everywhere everywhere_ = Everywhere::kNo;
  std::uint64_t moves_ = 0;
  std::uint64_t most_edges_ = kNoEdgeLimit;
  std::vector<std::uint64_t> touched_;
  void* harness_ = nullptr;  // its context while an operation runs
  // What address sanitizers want to know of the harness's stack.
  const void* harness_stack_ = nullptr;
  std::size_t harness_stack_bytes_ = 0;
  void* harness_fake_stack_ = nullptr;
};

// No edge is left for what runs now: it is left for whoever started it.
[[noreturn]] void leave_endless();

}  // namespace mmtwin::impl
