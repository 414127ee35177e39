// The lists of ranges that a program leads to by the model's rules alone, given where real memory was touched.
//
// Laws: VMA-2, seen from the importer's side. Context: one thread. Cost: what model/ranges.h costs, without pages or
// tables. Recorded answers say which operations succeeded and where; stores only matter for the families they make. It
// deliberately judges nothing: it tells where its list and the recorded one part.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "model/contract/ranges.h"
#include "vocab/program.h"

namespace mmtwin::tools {

// A store that nobody recorded.
struct Touch {
  SpaceHandle space;
  std::uint64_t at = 0;
  friend auto operator<=>(const Touch&, const Touch&) = default;
};
// By the step before which they happen.
using Touches = std::map<std::uint64_t, std::vector<Touch>>;

// Equal as far as a recording shows: bounds, protection, flags, file, file offset.
bool shows_the_same(const RangeObservation& a, const RangeObservation& b);

class RangeSimulation {
 public:
  // Both are kept by reference.
  RangeSimulation(const Program& program, const Touches& touches);

  // Runs from the start to the end of step `last`, or to the first step from `checked_from` on whose recorded list
  // differs and that is not in `known`: that step, 0 if there is none. After a known difference the recorded list is
  // taken over.
  std::uint64_t first_difference(std::uint64_t checked_from, std::uint64_t last, const std::set<std::uint64_t>& known);

  const model::Ranges* space(SpaceHandle handle) const;
  std::uint64_t steps_run() const { return steps_run_; }

 private:
  void apply(std::uint64_t step, const Operation& operation);
  bool agrees(const RecordedAnswer& recorded, const Operation& operation) const;
  void take_over(const RecordedAnswer& recorded, const Operation& operation);

  const Program& program_;
  const Touches& touches_;
  model::Families families_;
  std::map<unsigned, std::unique_ptr<model::Ranges>> spaces_;
  std::uint64_t steps_run_ = 0;
};

// The steps that turn the list of a space into the recorded one.
std::vector<SpaceAssume> assumptions(const model::Ranges& now, const std::vector<RangeObservation>& recorded,
                                     SpaceHandle space, CpuId cpu);

}  // namespace mmtwin::tools
