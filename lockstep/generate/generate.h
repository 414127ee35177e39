// Programs from a seed: for campaigns, benchmarks, properties and the fuzzers' mutator.
//
// Laws: none. Context: one thread; the same options give the same program everywhere (tests pin a digest). Cost: a
// microsecond or so an operation. It plays short scenes (a fork with stores on both sides, a protect and back, n
// allocations and n frees on one CPU …) and single operations, all aimed by a known of what exists; fewer than a fifth
// of the operations are skipped. It deliberately never looks at a machine: it assumes that what it asked for happened.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lockstep/generate/aim.h"
#include "lockstep/generate/foresight.h"
#include "lockstep/random.h"
#include "vocab/machine.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

// Operations of a family start with its name; `world` are the others.
enum class Family : std::uint8_t { kPages, kSpace, kRange, kMemory, kCpu, kWorld };
inline constexpr std::array<std::string_view, 6> kFamilyPrefixes = {"pages_", "space_", "range_",
                                                                    "memory_", "cpu_", ""};
inline constexpr std::size_t kFamilies = kFamilyPrefixes.size();
using FamilyWeights = std::array<std::uint32_t, kFamilies>;
Family family_of(std::size_t kind);

// A set of operation kinds, bit k for kind k.
using KindMask = std::uint64_t;
inline constexpr KindMask kAllKinds = ~KindMask{0};
KindMask kinds_of(Family family);

struct GenerateOptions {
  std::uint64_t seed = 1;
  std::size_t operations = 64;
  MachineDescription machine = find_preset("small")->machine;
  FamilyWeights weights = {4, 2, 4, 5, 2, 1};
  KindMask kinds = kAllKinds;     // others are never used
  unsigned pauses = 0;              // percent of programs some of whose operations pause
  bool swarm = true;              // leave out some kinds at random: programs that lack one thing reach other states
  unsigned handles = kFuzzHandles;  // highest number of each kind
};

class Generator {
 public:
  explicit Generator(const GenerateOptions& options);

  // Tells what stands in the program already.
  void assume(const Operation& operation) { known_.assume(operation); }
  // Appends a scene: one or more operations.
  void scene(std::vector<Operation>& into);
  // A single operation of that kind, aimed at what exists; not assumed.
  void single(std::size_t kind, Operation& into);
  // One field of `operation` drawn anew; not assumed.
  void tweak(Operation& operation);

  const Foresight& known() const { return known_; }

 private:
  using Scene = void (Generator::*)();
  struct SceneRow;
  static const SceneRow kScenes[];

  template <class Op>
  Op filled();
  void emit(Operation operation);
  void emit_kind(std::size_t kind);
  // The same, moved to where its answer changes, if that is near.
  void emit_edge(std::size_t kind);
  bool is_possible(std::size_t kind) const;
  bool may_use(std::size_t kind) const;
  const KnownSpace* some_space();
  // A range that stores can go to, in some space; null: none.
  const KnownRange* some_memory(SpaceHandle& space);
  void store_to(SpaceHandle space, const KnownRange& range, CpuId cpu);
  CpuId cpu();

  void one_operation();
  void run_of_pages();
  void near_exhaustion();
  void map_and_touch();
  void touch();
  void fork_and_store();
  void protect_and_back();
  void straddle();
  void stale_translation();
  void lazy_cpu();
  void fail_something();
  void give_back();

  // ---- generate_edges.cc ----
  void dense_below_top();
  void at_the_edges();
  void up_to_the_cap();
  void more_than_a_batch();
  void faults_without_memory();
  void several_slab_frames();
  void speculation_beside_unmap();
  void family_dropped_beside_a_first_store();

  // ---- generate_races.cc ----
  Pause preemption();
  Pause on_the_way_of(const Operation& operation);
  void emit_paused(const Operation& operation, Pause pause);
  Operation rival(CpuId on, SpaceHandle space, const Place& at);
  void race();
  Operation taking_away(CpuId on, SpaceHandle space, const Place& at);
  void shared_page_taken_away();
  void replaced_under_a_reader();
  void walk_beside_a_change();
  SpaceHandle fork(CpuId on, SpaceHandle parent, Pause pause);  // none: it was not to be had
  void forks_in_a_chain();
  void forks_at_the_cap();
  SpaceHandle make_space(CpuId on, Pause pause);
  void two_spaces_at_once();
  BlockHandle take_block(CpuId on, unsigned order);
  void free_near_the_watermark();
  void visit_near_the_watermark();

  Random random_;
  Foresight known_;
  FamilyWeights weights_;
  KindMask kinds_;
  std::uint64_t window_ = 0;
  unsigned pauses_ = 0;  // percent of operations that pause
  std::vector<Operation>* into_ = nullptr;
};

Program generate(const GenerateOptions& options);

}  // namespace mmtwin::lockstep
