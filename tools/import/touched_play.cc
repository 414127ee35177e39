#include "tools/import/touched_play.h"

#include <algorithm>

#include "lockstep/traces/recorded_play.h"
#include "tools/import/address_map.h"
#include "tools/import/program_writer.h"
#include "vocab/operations.h"

namespace mmtwin::tools {
namespace {

// Equal as far as a recording shows: bounds, protection, flags, file, file offset.
bool shows_the_same(const RangeObservation& a, const RangeObservation& b) {
  return a.start == b.start && a.end == b.end && a.prot == b.prot && a.flags == b.flags && a.file == b.file &&
         (b.file == FileId(0) || a.offset == b.offset);
}

}  // namespace

MemoryStore Touch::store() const {
  return {.cpu = {}, .space = space, .at = Place{{}, at}, .width = Width(1), .value = Value(1)};
}

std::vector<SpaceAssume> assumptions(const model::Ranges& now, const std::vector<RangeObservation>& recorded,
                                     SpaceHandle space, CpuId cpu) {
  AddressMap<bool> surplus;
  for (const auto& [start, range] : now.all()) surplus.assign(range.start, range.end, true);
  std::vector<SpaceAssume> steps;
  for (const RangeObservation& seen : recorded) {
    surplus.erase(seen.start.raw(), seen.end.raw());
    const model::Range* own = now.find(seen.start.raw());
    if (own && shows_the_same(model::Ranges::observe(*own), seen)) continue;
    steps.push_back({.cpu = cpu,
                     .space = space,
                     .at = Place{{}, seen.start.raw()},
                     .length = seen.end - seen.start,
                     .prot = seen.prot,
                     .flags = seen.flags,
                     .file = seen.file,
                     .offset = ByteCount(seen.offset),
                     .gone = {}});
  }
  for (const auto& piece : surplus.all()) {
    steps.push_back(range_gone(cpu, space, piece.start, piece.end));
  }
  return steps;
}

std::uint64_t TouchedPlay::first_difference(std::uint64_t checked_from, std::uint64_t last,
                                            const std::set<std::uint64_t>& known) {
  contract_ = {};
  contract_.start(program_.machine);
  for (std::uint64_t step = 1; step <= last; ++step) {
    ++steps_run_;
    if (const auto touched = touches_.find(step); touched != touches_.end())
      for (const Touch& one : touched->second) touch(one);
    lockstep::play_recorded(contract_, program_, step);
    const auto recorded = program_.recorded.find(step);
    if (recorded == program_.recorded.end() || !recorded->second.has_ranges) continue;
    const SpaceHandle space = space_of(program_.operations[step - 1]);
    if (!contract_.has_space(space)) continue;
    if (known.contains(step)) {
      for (const SpaceAssume& one : assumptions(contract_.ranges(space), recorded->second.ranges, space, CpuId(0)))
        contract_.adopt(one, {});
    } else if (step >= checked_from && !agrees(recorded->second, space)) {
      return step;
    }
  }
  return 0;
}

void TouchedPlay::touch(const Touch& touch) {
  const Operation store = touch.store();
  if (contract_.inapplicable(store) == model::Skip::kNone)
    contract_.adopt(store, contract_.expect(store).plainest());
}

bool TouchedPlay::agrees(const RecordedAnswer& recorded, SpaceHandle space) const {
  const auto& own = contract_.ranges(space).all();
  return std::equal(recorded.ranges.begin(), recorded.ranges.end(), own.begin(), own.end(),
                    [](const RangeObservation& seen, const auto& one) {
                      return shows_the_same(model::Ranges::observe(one.second), seen);
                    });
}

}  // namespace mmtwin::tools
