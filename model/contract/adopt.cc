// What an answer does to what exists.
#include <utility>

#include "model/contract/block_requests.h"
#include "model/contract/contract.h"
#include "vocab/operations.h"

namespace mmtwin::model {

// ---- things that change, each saved before ----

Contract::Space& Contract::edit(SpaceHandle handle) {
  save_families();
  save_space(handle.number());
  return *spaces_[handle.number()];
}

void Contract::make_space(SpaceHandle handle) {
  if (spaces_.size() <= handle.number()) spaces_.resize(handle.number() + 1);
  save_families();
  save_space(handle.number());
  auto& space = spaces_[handle.number()] = std::make_unique<Space>(*geometry_, machine_.range_cap, families_);
  space->saved_in = newest_mark();
}

void Contract::empty_space(SpaceHandle handle) {
  Space& space = edit(handle);
  space.ranges.clear();
  space.contents.clear();
}

void Contract::name_address(unsigned handle, std::uint64_t address) {
  if (handle == 0) return;
  if (addresses_.size() <= handle) addresses_.resize(handle + 1);
  if (!marks_.empty()) journal_.push_back(AddressBefore{handle, addresses_[handle]});
  addresses_[handle] = address;
}

void Contract::save_block(unsigned handle) {
  if (!marks_.empty())
    journal_.push_back(BlockBefore{handle, blocks_.holds(handle) ? blocks_.at(handle) : Block{}});
}

// ---- answers ----

void Contract::adopt(const Operation& operation, const Response& response, const Effects& effects) {
  (void)commit(operation, response, effects);
  conclude(operation, response);
}

ForkChoice Contract::commit(const Operation& operation, const Response& response, const Effects& effects) {
  const bool is_done = response.refusal == Refusal::kNone;
  return std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (IsAccess<Op>) {
          adopt_access(op, response, effects);
        } else if constexpr (std::is_same_v<Op, SpaceFork>) {
          if (is_done) return adopt_fork(op, effects);
        } else if constexpr (HasSpace<Op> && may_want_memory<Op>()) {
          adopt_mapping(op, response, effects);
        } else if constexpr (std::is_same_v<Op, PagesFree>) {
          save_block(op.block.number());
          blocks_.give_back(op.block.number());
        } else if constexpr (std::is_same_v<Op, SpaceCreate>) {
          if (!is_done) return ForkChoice::kKnown;
          make_space(op.result.handle());
          edit(op.result.handle()).ranges.set_heap(op.brk.raw(), op.top.raw());
        } else if constexpr (std::is_same_v<Op, SpaceExit>) {
          empty_space(op.space.value());
        }
        return ForkChoice::kKnown;
      },
      operation);
}

// Blocks are named as soon as they exist: nobody but the program has them.
void Contract::conclude(const Operation& operation, const Response& response) {
  if (response.refusal != Refusal::kNone) return;
  std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (makes<Op>() == 'p') {
          edit(op.result.handle()).named = true;
        } else if constexpr (makes<Op>() == 'a') {
          name_address(op.result.number(), response.value);
        } else if constexpr (makes<Op>() == 'b') {
          save_block(op.result.number());
          constexpr bool kExact = std::is_same_v<Op, PagesAllocExact>;
          const unsigned order = kExact ? 0 : order_of(op);
          blocks_.put(op.result.number(),
                      {.frame = response.value, .pages = pages_of(op), .order = order, .exact = kExact});
        } else if constexpr (std::is_same_v<Op, PagesFree>) {
          save_block(op.block.number());
          blocks_.put(op.block.number(), {});
        } else if constexpr (std::is_same_v<Op, SpaceExit>) {
          edit(op.space.value());
          spaces_[op.space.value().number()].reset();
        }
      },
      operation);
}

void Contract::touch(SpaceHandle space, std::uint64_t at) { edit(space).ranges.prepare_store(at); }

// Mapping over something, unmapping, assuming; a break that moves down.
Span Contract::taken_away(const Operation& operation, const Response& response) const {
  if (response.refusal != Refusal::kNone) return {};
  return std::visit(
      [&]<class Op>(const Op& op) {
        Span span;
        if constexpr (HasPlace<Op> && HasSpace<Op> && !IsAccess<Op>) {
          const std::uint64_t at = address(op.at.value());
          const Ranges& ranges = find(op.space.value())->ranges;
          if constexpr (std::is_same_v<Op, RangeBrk>) {
            if (response.value == at) span = {page_ceiling(at), page_ceiling(ranges.brk())};
          } else if constexpr (!std::is_same_v<Op, RangeProtect>) {
            const std::uint64_t from = answers<Op>() == Answers::kAddress ? response.value : at;
            span = {from, from + page_ceiling(op.length.raw())};
          }
          if (!ranges.meets(span.from, span.to)) span = {};
        }
        return span;
      },
      operation);
}

bool Contract::take_over(SpaceHandle space, const std::vector<RangeObservation>& seen) {
  return edit(space).ranges.adopt(seen);
}

// fork(2): the same ranges; the same values at the same places, from now on apart.
ForkChoice Contract::adopt_fork(const SpaceFork& op, const Effects& effects) {
  make_space(op.result.handle());
  const Space& parent = edit(op.space.value());
  Space& child = edit(op.result.handle());
  parent.contents.share_with(child.contents);
  return parent.ranges.fork_into(child.ranges, effects.made_family, effects.leaving);
}

template <class Op>
void Contract::adopt_mapping(const Op& op, const Response& response, const Effects& effects) {
  const bool is_done = response.refusal == Refusal::kNone;
  const bool is_prefix = std::is_same_v<Op, RangeProtect> &&
                         (response.refusal == Refusal::kNoMemory || effects.stopped_at.has_value());
  if (!is_done && !is_prefix) return;
  Space& space = edit(op.space.value());
  const Span gone = taken_away(op, response);
  space.contents.drop(gone.from / kPage, gone.to / kPage);
  const std::uint64_t at = address(op.at.value());
  if constexpr (std::is_same_v<Op, RangeBrk>) {
    if (response.value == at) space.ranges.set_brk(at);  // else it did not move
  } else {
    const std::uint64_t to = at + page_ceiling(op.length.raw());
    if constexpr (answers<Op>() == Answers::kAddress) {
      space.ranges.map(request_of(op, at), response.value);
    } else if constexpr (std::is_same_v<Op, RangeProtect>) {
      if (at < to) space.ranges.protect(at, effects.stopped_at.value_or(to), op.prot.value());
    } else if constexpr (std::is_same_v<Op, RangeUnmap>) {
      space.ranges.unmap(at, to);
    } else {
      space.ranges.assume(request_of(op, at), op.gone.raw() != 0);
    }
  }
}

// A fault that finds no memory ends its space: there is nobody whom it could tell (the OOM killer's work on itself).
template <class Op>
void Contract::adopt_access(const Op& op, const Response& response, const Effects& effects) {
  if (response.refusal == Refusal::kKilled) return;
  if (response.refusal == Refusal::kOom) {
    empty_space(op.space.value());
    edit(op.space.value()).killed = true;
    return;
  }
  if constexpr (Op::kAccess == Access::kStore) {
    const std::uint64_t at = address(op.at.value());
    if (!effects.faults_told) {
      std::uint64_t refused_at = 0;
      const Refusal verdict = verdict_of_access(*find(op.space.value()), at, op.width.raw(), Op::kAccess, &refused_at);
      // Pages before the refused one were faulted all the same.
      const std::uint64_t done = verdict == Refusal::kNone ? at + op.width.raw() : refused_at;
      for (std::uint64_t byte = at; byte < done; byte = page_floor(byte) + kPage) touch(op.space.value(), byte);
    }
    if (response.refusal == Refusal::kNone)
      edit(op.space.value()).contents.store(at, op.width.raw(), op.value.raw());
  }
}

}  // namespace mmtwin::model
