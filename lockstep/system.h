// The interface of a system under test: apply an operation, narrate events, show what changed.
//
// Laws: none; a binding only translates. Context: one thread. Cost: virtual calls. Bindings live in lockstep/suts/
// and may not include model/. Observations are decoded independently from raw memory: the system's own opinion of its
// health is asked for as well, but it can only accuse, never acquit.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vocab/claims.h"
#include "vocab/events.h"
#include "vocab/handles.h"
#include "vocab/machine.h"
#include "vocab/observations.h"
#include "vocab/points.h"
#include "vocab/responses.h"

namespace mmtwin {
struct Operation;  // vocab/operations.h
struct Program;    // vocab/program.h
}  // namespace mmtwin

namespace mmtwin::lockstep {

class System {
 public:
  virtual ~System() = default;
  virtual std::string_view name() const = 0;
  virtual Claims claims() const = 0;
  // Bit k: operations of kind k. The others are skipped.
  virtual std::uint64_t offered() const { return ~std::uint64_t{0}; }

  // The program that start() begins is this one; it outlives the run. Most systems learn of operations one by one.
  virtual void prepare(const Program& program) { static_cast<void>(program); }
  // Builds the machine, or resets it when the description is the one before. What boot takes is narrated to `sink`.
  virtual void start(const MachineDescription& machine, EventSink& sink) = 0;
  // Which step of the program the next apply() is; beyond its end: the harness tidies up.
  virtual void at(StepNumber step) { static_cast<void>(step); }
  // Runs one operation. The harness has checked that it is applicable: its handles exist, its result handle is free,
  // its CPU has room. It may pause: then it is in flight, and the answer means nothing yet.
  virtual Response apply(const Operation& operation) = 0;
  // How it ended in this step ("SIGSEGV", "hang"), for one that lives in a process of its own; empty: it lives.
  virtual std::string_view death() const { return {}; }
  // Is the operation of that step in flight? Its end is narrated by kEnded.
  virtual bool is_in_flight(StepNumber) const { return false; }
  // It goes on, to its end or to that pause. Who has its CPU and may not leave it comes to an end first.
  virtual void go_on(StepNumber, Pause) {}
  // May one more operation begin on the CPU?
  virtual bool has_room(CpuId) const { return true; }
  // Is the CPU of the operation in flight to be had?
  virtual bool may_run(StepNumber) const { return true; }

  // For exploration. Every point is a pause, or every touch too, and nobody is helped who must wait; false: the system
  // has no points.
  virtual bool stop_everywhere(Everywhere) { return false; }
  // What apply() or go_on() touched last: twice an address, plus 1 where it was written.
  virtual std::span<const std::uint64_t> touched() { return {}; }
  // Grows whenever an operation gets further.
  virtual std::uint64_t moves() { return 0; }

  // Since apply() began with nothing in flight. Valid until the next apply().
  virtual const Changes& changes() = 0;
  virtual FrameObservation frame(Pfn at) = 0;
  virtual void ranges(SpaceHandle space, std::vector<RangeObservation>& into) = 0;
  // As the system's own counters tell; recounted() counts ranges and tables anew and holds them against the counters.
  virtual SpaceObservation space(SpaceHandle space) = 0;
  virtual SpaceObservation recounted(SpaceHandle space) { return this->space(space); }
  virtual ZoneObservation zone(NodeId node, ZoneKind kind) = 0;
  // Of this step; beyond the program's end: of all that was given back.
  virtual BlocksObservation blocks() { return {}; }
  // nullopt: the system has no such cache, or does not show it.
  virtual std::optional<CacheObservation> cache(CacheName) { return std::nullopt; }
  // Leaf entry of a page, walked by the decoder's own walk.
  virtual EntryObservation entry(SpaceHandle space, Vpn page) = 0;
  // What the system's own walk over its structures says against them, with nothing in flight; empty: nothing. nullopt:
  // it has no such walk.
  virtual std::optional<std::string_view> complaint() { return std::nullopt; }
  // The 4096 bytes of a frame.
  virtual std::span<const std::uint8_t> bytes(Pfn at) = 0;
};

}  // namespace mmtwin::lockstep
