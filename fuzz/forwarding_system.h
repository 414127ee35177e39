// A system that passes everything on to another one: the base of systems that watch or lie.
//
// Laws: none. Context: one thread. Cost: a virtual call more. The wrapped system's events pass through on_event, which
// a derived class overrides. It deliberately changes nothing by itself.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "lockstep/system.h"

namespace mmtwin::fuzz {

class ForwardingSystem : public lockstep::System, public EventSink {
 public:
  explicit ForwardingSystem(std::unique_ptr<lockstep::System> inner) : inner_(std::move(inner)) {}
  virtual ~ForwardingSystem() = default;

  std::string_view name() const override { return inner_->name(); }
  Claims claims() const override { return inner_->claims(); }
  void prepare(const Program& program) override { inner_->prepare(program); }
  void start(const MachineDescription& machine, EventSink& sink) override {
    sink_ = &sink;
    inner_->start(machine, *this);
  }
  void at(StepNumber step) override { inner_->at(step); }
  Response apply(const Operation& operation) override { return inner_->apply(operation); }
  bool is_in_flight(StepNumber step) const override { return inner_->is_in_flight(step); }
  void go_on(StepNumber step, Pause pause) override { inner_->go_on(step, pause); }
  bool has_room(CpuId cpu) const override { return inner_->has_room(cpu); }
  bool may_run(StepNumber step) const override { return inner_->may_run(step); }
  bool stop_everywhere(Everywhere where) override { return inner_->stop_everywhere(where); }
  std::span<const std::uint64_t> touched() override { return inner_->touched(); }
  std::uint64_t moves() override { return inner_->moves(); }
  const Changes& changes() override { return inner_->changes(); }
  FrameObservation frame(Pfn at) override { return inner_->frame(at); }
  void ranges(SpaceHandle space, std::vector<RangeObservation>& into) override { inner_->ranges(space, into); }
  SpaceObservation space(SpaceHandle space) override { return inner_->space(space); }
  SpaceObservation recounted(SpaceHandle space) override { return inner_->recounted(space); }
  ZoneObservation zone(NodeId node, ZoneKind kind) override { return inner_->zone(node, kind); }
  std::optional<CacheObservation> cache(CacheName name) override { return inner_->cache(name); }
  EntryObservation entry(SpaceHandle space, Vpn page) override { return inner_->entry(space, page); }
  std::span<const std::uint8_t> bytes(Pfn at) override { return inner_->bytes(at); }
  std::optional<std::string_view> complaint() override { return inner_->complaint(); }

  void on_event(const Event& event) override { sink_->on_event(event); }

 private:
  std::unique_ptr<lockstep::System> inner_;
  EventSink* sink_ = nullptr;
};

}  // namespace mmtwin::fuzz
