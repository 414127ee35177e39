#include "tools/range_simulation.h"

#include <algorithm>
#include <variant>

#include "model/contract/geometry.h"
#include "tools/address_map.h"
#include "tools/program_writer.h"

namespace mmtwin::tools {
namespace {

model::MapRequest request_of(const RangeMapAnon& op) {
  return {op.at.offset, op.length.raw(), op.prot.value(), op.flags.value(), 0, 0};
}
template <class Op>
model::MapRequest request_of(const Op& op) {
  return {op.at.offset, op.length.raw(), op.prot.value(), op.flags.value(), op.file.raw(), op.offset.raw()};
}

// One overload an operation that changes lists of ranges; all others change none.
struct Applier {
  const model::Geometry& geometry;
  std::uint32_t range_cap;
  model::Families& families;
  std::map<unsigned, std::unique_ptr<model::Ranges>>& spaces;
  Response answer;

  model::Ranges* find(SpaceHandle handle) const {
    auto found = spaces.find(handle.number());
    return found == spaces.end() ? nullptr : found->second.get();
  }
  model::Ranges& make(unsigned number) const {
    return *(spaces[number] = std::make_unique<model::Ranges>(geometry, range_cap, families));
  }

  void operator()(const SpaceCreate& op) const { make(op.result.number()).set_heap(op.brk.raw(), op.top.raw()); }
  void operator()(const SpaceFork& op) const {
    model::Ranges* parent = find(op.space);
    if (parent) parent->fork_into(make(op.result.number()));
  }
  void operator()(const SpaceExit& op) const {
    if (model::Ranges* space = find(op.space)) space->clear();
    spaces.erase(op.space.number());
  }
  void operator()(const SpaceAssume& op) const {
    if (model::Ranges* space = find(op.space)) space->assume(request_of(op), op.gone.raw() != 0);
  }
  void operator()(const RangeMapAnon& op) const { map(op); }
  void operator()(const RangeMapFile& op) const { map(op); }
  void operator()(const RangeUnmap& op) const {
    model::Ranges* space = find(op.space);
    if (space && is_done()) space->unmap(op.at.offset, op.at.offset + page_up(op.length.raw()));
  }
  void operator()(const RangeProtect& op) const {
    model::Ranges* space = find(op.space);
    bool is_applied = is_done() || answer.refusal == Refusal::kNoMemory;
    std::uint64_t from = op.at.offset, to = from + page_up(op.length.raw());
    if (space && is_applied && from < to) space->protect(from, to, op.prot.value());
  }
  void operator()(const RangeBrk& op) const {
    model::Ranges* space = find(op.space);
    if (space && is_done() && op.at.offset == answer.value && space->judge_brk(answer.value).value == answer.value) {
      space->set_brk(answer.value);
    }
  }
  void operator()(const MemoryStore& op) const {
    if (model::Ranges* space = find(op.space)) touch(*space, op.at.offset);
  }
  template <class Op>
  void operator()(const Op&) const {}

  static void touch(model::Ranges& space, std::uint64_t at) {
    const model::Range* range = space.find(at);
    bool takes_stores = range && range->is_private() && range->file == 0 && range->prot.has(kProtWrite);
    if (takes_stores) space.prepare_store(at);
  }

 private:
  bool is_done() const { return answer.refusal == Refusal::kNone; }
  template <class Op>
  void map(const Op& op) const {
    model::Ranges* space = find(op.space);
    if (space && is_done()) space->map(request_of(op), answer.value);
  }
};

}  // namespace

bool shows_the_same(const RangeObservation& a, const RangeObservation& b) {
  return a.start == b.start && a.end == b.end && a.prot == b.prot && a.flags == b.flags && a.file == b.file &&
         (b.file == FileId(0) || a.offset == b.offset);
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
    steps.push_back({.cpu = cpu,
                     .space = space,
                     .at = Place{{}, piece.start},
                     .length = ByteCount(piece.end - piece.start),
                     .prot = {},
                     .flags = {},
                     .file = {},
                     .offset = {},
                     .gone = Switch(1)});
  }
  return steps;
}

RangeSimulation::RangeSimulation(const Program& program, const Touches& touches)
    : program_(program), touches_(touches) {}

const model::Ranges* RangeSimulation::space(SpaceHandle handle) const {
  auto found = spaces_.find(handle.number());
  return found == spaces_.end() ? nullptr : found->second.get();
}

std::uint64_t RangeSimulation::first_difference(std::uint64_t checked_from, std::uint64_t last,
                                                const std::set<std::uint64_t>& known) {
  spaces_.clear();
  families_.clear();
  for (std::uint64_t step = 1; step <= last; ++step) {
    ++steps_run_;
    if (auto touched = touches_.find(step); touched != touches_.end()) {
      for (const Touch& touch : touched->second) {
        auto space = spaces_.find(touch.space.number());
        if (space != spaces_.end()) Applier::touch(*space->second, touch.at);
      }
    }
    const Operation& operation = program_.operations[step - 1];
    apply(step, operation);
    auto recorded = program_.recorded.find(step);
    if (recorded == program_.recorded.end() || !recorded->second.has_ranges) continue;
    if (known.contains(step)) {
      take_over(recorded->second, operation);
    } else if (step >= checked_from && !agrees(recorded->second, operation)) {
      return step;
    }
  }
  return 0;
}

void RangeSimulation::apply(std::uint64_t step, const Operation& operation) {
  auto recorded = program_.recorded.find(step);
  Response answer = recorded == program_.recorded.end() ? Response{} : recorded->second.response;
  const model::Geometry& geometry = model::geometry_of(program_.machine.geometry);
  std::visit(Applier{geometry, program_.machine.range_cap, families_, spaces_, answer}, operation);
}

bool RangeSimulation::agrees(const RecordedAnswer& recorded, const Operation& operation) const {
  const model::Ranges* space_now = space(space_of(operation));
  if (!space_now || space_now->all().size() != recorded.ranges.size()) return space_now == nullptr;
  return std::equal(recorded.ranges.begin(), recorded.ranges.end(), space_now->all().begin(),
                    [](const RangeObservation& seen, const auto& own) {
                      return shows_the_same(model::Ranges::observe(own.second), seen);
                    });
}

void RangeSimulation::take_over(const RecordedAnswer& recorded, const Operation& operation) {
  auto found = spaces_.find(space_of(operation).number());
  if (found == spaces_.end()) return;
  for (const SpaceAssume& step : assumptions(*found->second, recorded.ranges, space_of(operation), CpuId(0))) {
    found->second->assume(request_of(step), step.gone.raw() != 0);
  }
}

}  // namespace mmtwin::tools
