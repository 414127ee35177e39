// The process of a plug-in: loads it, plays programs on it, owns the blocks that it gives.
//
// Laws: none; what it sees is judged elsewhere. Context: the child of a PluginSystem, which it never outlives. Cost: a
// call an operation, a few bytes a page of a block, and at the end of a program every frame taken once. It deliberately
// trusts nothing that the plug-in answers: a frame that does not exist is answered on and not touched.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lockstep/suts/plugin/frame_arena.h"
#include "lockstep/suts/plugin/mmtwin_plugin.h"
#include "lockstep/suts/plugin/shared_program.h"

namespace mmtwin::lockstep {

class PluginHost {
 public:
  // It ends so when it finds its answers overwritten.
  static constexpr int kWildWriteStatus = 125;
  explicit PluginHost(SharedProgram& shared) : shared_(shared) {}

  // Loads the library and says what it offers, or what is wrong with it.
  void load(const std::string& path);
  // Runs the shared program and leaves the answers there.
  void run();

 private:
  struct Held {  // by a handle
    std::uint64_t frame = 0, pages = 0, owner = 0;
    std::uint32_t order = 0;
    bool is_exact = false, exists = false;  // exists: its frames are of the machine
  };
  bool describe();
  bool open();
  void close();
  void begin_answers();
  void publish(std::uint64_t step);
  void play(bool looks_always);
  void play(const PagesAlloc& op, PluginAnswer& answer);
  void play(const PagesAllocExact& op, PluginAnswer& answer);
  void play(const PagesFree& op, PluginAnswer& answer);
  void play(const PagesDrainCpu& op, PluginAnswer& answer);
  template <class Op>
  void play(const Op&, PluginAnswer&) {}
  void give(unsigned handle, Held held, bool is_zeroed, PluginAnswer& answer);
  void give_back(unsigned handle, std::uint32_t cpu, PluginAnswer& answer);
  void look_at(const Held& held, PluginAnswer& answer) const;
  void look_at_all(PluginAnswer& answer) const;
  void give_all_back(PluginAnswer& answer);
  std::vector<bool> frames_to_have() const;
  std::uint64_t take_all(PluginAnswer& answer);
  void learn_capacity();

  SharedProgram& shared_;
  mmtwin_plugin plugin_{};
  mmtwin_machine machine_{};
  std::vector<mmtwin_zone> zones_;
  std::vector<mmtwin_span> absent_;
  std::vector<std::uint8_t> node_of_cpu_, distance_;
  FrameArena arena_;
  void* self_ = nullptr;
  std::map<unsigned, Held> held_;  // by handle
  MachineDescription measured_;    // whose capacity is known
  bool is_counted_ = false;        // all frames of such a machine can be taken in reasonable time
  std::uint64_t capacity_ = 0;     // so many can be, at the start
  std::uint64_t step_ = 0;
  std::vector<PluginAnswer> answers_;  // by step; a copy is shared
  bool was_overwritten_ = false;
};

}  // namespace mmtwin::lockstep
