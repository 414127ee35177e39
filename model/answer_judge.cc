#include "model/answer_judge.h"

#include <algorithm>
#include <utility>

#include "model/answer_law.h"
#include "model/contract/block_requests.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::model {

void AnswerJudge::start(const MachineDescription& machine, const Claims& claims) {
  contract_.start(machine);
  claims_ = claims;
  failure_ordered_ = prefix_open_ = gave_up_ = false;
  finding_.reset();
}

void AnswerJudge::find(Law law, std::string_view field, std::string expected, std::string actual) {
  if (!finding_) finding_ = Finding{law, field, std::move(expected), std::move(actual)};
}

// Nobody can go on from a protect of which it was not shown how far it came.
void AnswerJudge::begin(const Operation& operation) {
  gave_up_ = gave_up_ || std::exchange(prefix_open_, false);
  operation_ = operation;
}

// A recording may leave out what loads have read.
const Alternative* AnswerJudge::match(const Expectation& expected, const Response& response) const {
  const auto is_access = []<class Op>(const Op&) { return IsAccess<Op>; };
  const bool is_untold = !claims_.has(Claim::kLoads) && std::visit(is_access, operation_);
  return is_untold ? expected.find(response.refusal) : expected.find(response);
}

void AnswerJudge::end(const Response& response) {
  if (finding_) return;
  const Expectation expected = contract_.expect(operation_);
  const Alternative* const answer = match(expected, response);
  const Law law = law_of(operation_, expected, response);
  note(law);
  ++items_;
  if (answer == nullptr) {
    const std::string why = expected.objection(response);
    return find(law, "answer", expected.words(), print(response) + (why.empty() ? "" : ", " + why));
  }
  if (answer->rule == ValueRule::kFreeGap) {
    note(Law::kVma3);
    if (claims_.has(Claim::kExactAddresses) && response.value != answer->value)
      return find(Law::kVma3, "address", std::to_string(answer->value), std::to_string(response.value));
  }
  if (answer->grounds == Grounds::kMemory) judge_shortage();
  if (answer->grounds == Grounds::kCap && !contract_.shares_at_the_cap(space_of(operation_)))
    return find(law, "refusal", "a page with as many references as it may have", "none");
  const bool is_prefix = std::holds_alternative<RangeProtect>(operation_) && response.refusal == Refusal::kOom;
  prefix_open_ = is_prefix;
  if (!is_prefix) contract_.adopt(operation_, response);
  if (const auto* order = std::get_if<FailNext>(&operation_)) failure_ordered_ = order->n.raw() != 0;
}

void AnswerJudge::judge_blocks(const BlocksObservation& seen) {
  if (finding_) return;
  const auto* const alloc = std::get_if<PagesAlloc>(&operation_);
  if (seen.taken || std::holds_alternative<PagesFree>(operation_)) note(Law::kContent1);
  if (alloc != nullptr && alloc->gfp.value().has(kGfpZero)) note(Law::kIso2);
  if (seen.overwritten)
    find(Law::kContent1, "bytes of a block", "as its owner left them",
         "frame " + std::to_string(seen.overwritten->raw()) + " changed");
  if (seen.not_zeroed)
    find(Law::kIso2, "bytes of a block", "zero", "frame " + std::to_string(seen.not_zeroed->raw()) + " is not");
  if (seen.taken) judge_all_taken(seen);
}

// As many as at the start, and as many as a system may keep from whoever may have them all.
void AnswerJudge::judge_all_taken(const BlocksObservation& seen) {
  for (const Law law : {Law::kFrame1, Law::kLive1, Law::kOom1}) note(law);
  if (seen.given_wrongly) find(Law::kFrame1, "frame", "one that is free", std::to_string(seen.given_wrongly->raw()));
  if (seen.missing.raw() != 0)
    find(Law::kLive1, "frames to take", "as many as at the start", std::to_string(seen.missing.raw()) + " fewer");
  const Blocks& blocks = contract_.blocks();
  const Wish any = blocks.wish(kGfpWait | kGfpMovable, 0, kAnyNode, CpuId(0));
  if (!blocks.may_be_short(any, seen.taken->raw(), claims_.overhead_per_1024))
    find(Law::kOom1, "frames to take", "all that it may not keep for itself", std::to_string(seen.taken->raw()));
}

void AnswerJudge::judge_shortage() {
  note(Law::kOom1);
  if (!failure_ordered_ && !may_be_short())
    find(Law::kOom1, "refusal", "so much asked for that memory may be short", "oom");
  failure_ordered_ = false;
}

// A block is asked for as its operation says. For all else: tables and objects may not come from a movable zone, and
// pages of programs may lie in any.
bool AnswerJudge::may_be_short() const {
  const auto is_short = [&](Gfp gfp, NodeId node) {
    const Blocks& blocks = contract_.blocks();
    return blocks.may_be_short(blocks.wish(gfp, 0, node, cpu_of(operation_)), contract_.pages(),
                               claims_.overhead_per_1024);
  };
  return std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (makes<Op>() == 'b') {
          const bool is_single = order_of(op) == 0;  // free frames for a larger block may lie apart
          return !is_single || is_short(op.gfp.value(), op.node.value());
        }
        return is_short(kGfpKernel, kAnyNode) || is_short(kGfpKernel | kGfpMovable, kAnyNode);
      },
      operation_);
}

bool AnswerJudge::is_well_formed(const std::vector<RangeObservation>& seen) {
  note(Law::kVma1);
  std::uint64_t end = 0;
  return std::all_of(seen.begin(), seen.end(), [&](const RangeObservation& range) {
    const std::uint64_t from = std::exchange(end, range.end.raw()), start = range.start.raw();
    return start % kPage == 0 && end % kPage == 0 && start >= from && end > start &&
           end <= contract_.geometry().user_end;
  });
}

void AnswerJudge::judge_ranges(SpaceHandle space, const std::vector<RangeObservation>& seen) {
  if (finding_) return;
  if (!is_well_formed(seen)) return find(Law::kVma1, "ranges", "sorted, disjoint, aligned, in the user half", "not so");
  note(Law::kVma2);
  items_ += seen.size();
  const bool names_it = prefix_open_ && space_of(operation_) == space;
  if (names_it) {
    prefix_open_ = false;
    note(Law::kRollback1);
    if (!explain_prefix(seen)) find(Law::kRollback1, "ranges", "a prefix of the protect", "no such prefix");
  } else if (!contract_.has_space(space) ? !seen.empty() : !contract_.take_over(space, seen)) {
    find(Law::kVma2, "ranges", "a list that the operations explain", "another");
  }
}

bool AnswerJudge::explain_prefix(const std::vector<RangeObservation>& seen) {
  const auto& protect = std::get<RangeProtect>(operation_);
  const std::uint64_t at = contract_.address(protect.at.value());
  const std::uint64_t to = at + page_ceiling(protect.length.raw());
  for (const std::uint64_t stop : contract_.ranges(protect.space.value()).protect_stops(at, to)) {
    const Contract::Mark mark = contract_.mark();
    contract_.adopt(operation_, {Refusal::kOom, 0}, {.stopped_at = stop});
    if (contract_.take_over(protect.space.value(), seen)) {
      contract_.forget(mark);
      return true;
    }
    contract_.rewind(mark);
  }
  return false;
}

}  // namespace mmtwin::model
