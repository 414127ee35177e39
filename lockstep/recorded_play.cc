#include "lockstep/recorded_play.h"

#include <limits>

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
  for (std::uint64_t before = 1; before < step; ++before) play_recorded(contract, program, before);
  const Operation& operation = program.operations[step - 1];
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
