// A recorded program played on the contract, with touches of memory that nobody recorded put in between.
//
// Laws: VMA-2, seen from the importer's side. Context: one thread. Cost: that of the contract, from the first step to
// the one asked for. It deliberately judges nothing: it tells where the contract's list and the recorded one part.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "model/contract/contract.h"
#include "vocab/program.h"

namespace mmtwin {
struct MemoryStore;  // vocab/operations.h, as is the next
struct SpaceAssume;
}  // namespace mmtwin

namespace mmtwin::tools {

// A store that nobody recorded.
struct Touch {
  SpaceHandle space;
  std::uint64_t at = 0;
  friend auto operator<=>(const Touch&, const Touch&) = default;
  MemoryStore store() const;
};
// By the step before which they happen.
using Touches = std::map<std::uint64_t, std::vector<Touch>>;

class TouchedPlay {
 public:
  // Both are kept by reference.
  TouchedPlay(const Program& program, const Touches& touches) : program_(program), touches_(touches) {}

  // Runs from the start to the end of step `last`, or to the first step from `checked_from` on whose recorded list
  // differs and that is not in `known`: that step, 0 if there is none. After a known difference the recorded list is
  // taken over.
  std::uint64_t first_difference(std::uint64_t checked_from, std::uint64_t last, const std::set<std::uint64_t>& known);

  // Null: there is no such space.
  const model::Ranges* space(SpaceHandle handle) const { return contract_.ranges_of(handle); }
  std::uint64_t steps_run() const { return steps_run_; }

 private:
  void touch(const Touch& touch);
  bool agrees(const RecordedAnswer& recorded, SpaceHandle space) const;

  const Program& program_;
  const Touches& touches_;
  model::Contract contract_;
  std::uint64_t steps_run_ = 0;
};

// The steps that turn the list of a space into the recorded one.
std::vector<SpaceAssume> assumptions(const model::Ranges& now, const std::vector<RangeObservation>& recorded,
                                     SpaceHandle space, CpuId cpu);

}  // namespace mmtwin::tools
