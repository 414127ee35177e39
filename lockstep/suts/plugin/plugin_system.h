// A page allocator from a shared library as the system under test.
//
// Laws: those that need only answers and bytes of blocks (mmtwin_plugin.h). Context: one thread; the library lives in a
// child, which takes programs whole. Cost: a round trip between two processes a program, or another child. A child
// that dies or hangs ends the run in the step it was in, and the next program has another one. It deliberately narrates
// nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lockstep/suts/plugin/shared_program.h"
#include "lockstep/system.h"

namespace mmtwin::lockstep {

class PluginSystem final : public System {
 public:
  // Whether runs share a process. What a library keeps in it from run to run, a program alone does not show.
  enum class Hosts { kOneARun, kOneForAll };
  // `path` has a slash. Else why it cannot be used.
  static std::variant<std::unique_ptr<PluginSystem>, std::string> open(const std::string& path, Hosts hosts);
  ~PluginSystem() override;

  std::string_view name() const override { return path_; }
  // As it calls itself.
  std::string_view title() const { return facts_.name.data(); }
  Claims claims() const override;
  std::uint64_t offered() const override;
  void prepare(const Program& program) override;
  void start(const MachineDescription& machine, EventSink& sink) override;
  void at(StepNumber step) override { step_ = step.raw(); }
  Response apply(const Operation& operation) override;
  std::string_view death() const override;
  const Changes& changes() override { return changes_; }
  BlocksObservation blocks() override;
  FrameObservation frame(Pfn) override { return {}; }
  void ranges(SpaceHandle, std::vector<RangeObservation>&) override {}
  SpaceObservation space(SpaceHandle) override { return {}; }
  ZoneObservation zone(NodeId, ZoneKind) override { return {}; }
  EntryObservation entry(SpaceHandle, Vpn) override { return {}; }
  std::span<const std::uint8_t> bytes(Pfn) override { return {}; }

 private:
  PluginSystem(std::string path, Hosts hosts) : path_(std::move(path)), hosts_(hosts) {}
  bool has_host() const;
  void start_host(std::size_t operations);
  void end_host();
  void leave_host();
  // Its host has done what it was asked for. False: it died, or hung for so many seconds.
  bool wait(double seconds);
  std::string how_it_ended();
  bool died(std::string how);
  void check_stamps();

  std::string path_;
  Hosts hosts_;
  bool is_used_ = false;     // the host has run a program
  bool is_refused_ = false;  // the last one, for its machine
  PluginFacts facts_;
  std::unique_ptr<SharedProgram> shared_;
  pid_t host_ = -1;   // -1: none
  pid_t owner_ = -1;  // the process whose child it is
  int to_host_ = -1, from_host_ = -1;
  std::uint64_t count_ = 0;  // operations of the program
  std::uint64_t step_ = 0;
  std::string death_;
  std::uint64_t death_step_ = 0;
  Changes changes_;
};

}  // namespace mmtwin::lockstep
