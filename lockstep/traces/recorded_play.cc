#include "lockstep/traces/recorded_play.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

using model::Span;
constexpr Span kWholeSpace{0, std::numeric_limits<std::uint64_t>::max()};

const RecordedAnswer* answer_of(const Program& program, std::uint64_t step) {
  const auto found = program.recorded.find(step);
  return found == program.recorded.end() ? nullptr : &found->second;
}

// The bytes of a space that decide about the answer, with a page on both sides for neighbours that merge. Where the
// system had to look for room, all of them do.
Span looked_at(const model::Contract& contract, const Operation& operation, const RecordedAnswer* answer) {
  if (answer != nullptr && answer->has_ranges) return kWholeSpace;
  return std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (!HasPlace<Op> || !HasSpace<Op>) {
          return kWholeSpace;
        } else {
          const std::uint64_t at = contract.address(op.at.value());
          std::uint64_t bytes = 0;
          if constexpr (requires { op.length; }) bytes = model::page_ceiling(op.length.raw());
          if constexpr (requires { op.width; }) bytes = op.width.raw();
          const bool is_sought = answers<Op>() == Answers::kAddress &&
                                 (answer == nullptr || answer->response != Response{Refusal::kNone, at});
          const bool is_odd =
              bytes == 0 || at < model::kPage || at + bytes < at || at + bytes > kWholeSpace.to - model::kPage;
          return is_sought || is_odd ? kWholeSpace : Span{at - model::kPage, at + bytes + model::kPage};
        }
      },
      operation);
}

// What the recording says to be empty from that step on.
Span emptied_by(const Program& program, std::uint64_t step, SpaceHandle space) {
  const Operation& operation = program.operations[step - 1];
  const RecordedAnswer* const answer = answer_of(program, step);
  if (space_of(operation) != space || (answer != nullptr && answer->response.refusal != Refusal::kNone)) return {};
  if (const auto* unmap = std::get_if<RangeUnmap>(&operation))
    return {unmap->at.offset, unmap->at.offset + model::page_ceiling(unmap->length.raw())};
  const auto* assume = std::get_if<SpaceAssume>(&operation);
  if (assume == nullptr || assume->gone.raw() == 0) return {};
  return {assume->at.offset, assume->at.offset + model::page_ceiling(assume->length.raw())};
}

// The parts of the spans where nothing is mapped, joined, in order.
std::vector<Span> still_empty(std::vector<Span> spans, const model::Ranges& ranges) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.from < b.from; });
  std::vector<Span> found;
  std::uint64_t done = 0;
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    from = std::max(from, done);
    if (from >= to) return;
    if (!found.empty() && found.back().to == from) found.back().to = to;
    else found.push_back({from, to});
  };
  for (const Span& span : spans) {
    std::uint64_t from = span.from;
    for (const auto& [start, range] : ranges.all()) {
      if (range.end <= from || start >= span.to) continue;
      add(from, start);
      from = range.end;
    }
    add(from, span.to);
    done = std::max(done, span.to);
  }
  return found;
}

// An address that was answered inside what exists shows itself by what is there, wherever room is to be had.
Span answered_at(const Operation& operation, const RecordedAnswer* answer, const model::Ranges& ranges) {
  return std::visit(
      [&]<class Op>(const Op& op) -> Span {
        if constexpr (answers<Op>() == Answers::kAddress) {
          if (answer == nullptr || answer->response.refusal != Refusal::kNone) return {};
          const std::uint64_t from = answer->response.value, to = from + model::page_ceiling(op.length.raw());
          return to > from && ranges.meets(from, to) ? Span{from, to} : Span{};
        }
        return {};
      },
      operation);
}

// Where it was answered, even if it may not be there.
bool is_mapping_somewhere(const model::Contract& contract, const Operation& operation, const Response& answer) {
  return std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (answers<Op>() == Answers::kAddress) {
          const std::uint64_t bytes = model::page_ceiling(op.length.raw()), end = contract.geometry().user_end;
          return answer.refusal == Refusal::kNone && answer.value % model::kPage == 0 && bytes >= op.length.raw() &&
                 bytes != 0 && bytes <= end && answer.value <= end - bytes;
        }
        return false;
      },
      operation);
}

}  // namespace

void play_answered(model::Contract& contract, const Operation& operation, const Response* answer) {
  if (contract.inapplicable(operation) != model::Skip::kNone) return;
  const model::Expectation expected = contract.expect(operation);
  if (answer == nullptr) return contract.adopt(operation, expected.plainest());
  if (expected.accepts(*answer) || is_mapping_somewhere(contract, operation, *answer))
    contract.adopt(operation, *answer);
}

void play_recorded(model::Contract& contract, const Program& program, std::uint64_t step) {
  const RecordedAnswer* const answer = answer_of(program, step);
  const bool is_told = answer != nullptr && answer->has_response;
  play_answered(contract, program.operations[step - 1], is_told ? &answer->response : nullptr);
}

std::string what_was_answered(const Program& program, std::uint64_t step) {
  if (step == 0 || step > program.operations.size()) return {};
  model::Contract contract;
  contract.start(program.machine);
  std::vector<Span> emptied;
  const Operation& operation = program.operations[step - 1];
  for (std::uint64_t before = 1; before < step; ++before) {
    const Span one = emptied_by(program, before, space_of(operation));
    if (one.from < one.to) emptied.push_back(one);
    play_recorded(contract, program, before);
  }
  const RecordedAnswer* const answer = answer_of(program, step);
  std::string text = print(operation);
  if (answer != nullptr && answer->has_response) text += " = " + print(answer->response);
  if (answer != nullptr && answer->has_ranges)
    for (const RangeObservation& range : answer->ranges) text += "\nshown " + print(range);
  const SpaceHandle space = space_of(operation);
  if (!contract.has_space(space)) return text;
  const model::Ranges& ranges = contract.ranges(space);
  const Span inside = answered_at(operation, answer, ranges);
  const Span span = inside.to != 0 ? inside : looked_at(contract, operation, answer);
  for (const auto& [start, range] : ranges.all()) {
    if (range.end <= span.from || start >= span.to) continue;
    text += "\n" + print(model::Ranges::observe(range));
  }
  for (const Span& one : still_empty(std::move(emptied), ranges)) {
    const std::uint64_t from = std::max(one.from, span.from), to = std::min(one.to, span.to);
    if (from < to) text += "\nemptied " + std::to_string(from) + "-" + std::to_string(to);
  }
  return text;
}

std::uint64_t answers_assumed(const Program& program) {
  std::uint64_t assumed = 0;
  for (std::uint64_t step = 1; step <= program.operations.size(); ++step) {
    const RecordedAnswer* const answer = answer_of(program, step);
    const bool is_told = answer != nullptr && (answer->has_response || answer->has_ranges);
    const bool makes_ranges = std::holds_alternative<SpaceAssume>(program.operations[step - 1]);
    if (answer != nullptr && answer->is_assumed) ++assumed;
    else if (makes_ranges && !is_told) ++assumed;
  }
  return assumed;
}

}  // namespace mmtwin::lockstep
