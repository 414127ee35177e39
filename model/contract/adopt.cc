// What an answer does to what exists.
#include <utility>

#include "model/contract/contract.h"

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

void Contract::end_space(SpaceHandle handle) {
  edit(handle).ranges.clear();
  spaces_[handle.number()].reset();
}

void Contract::name_address(unsigned handle, std::uint64_t address) {
  if (handle == 0) return;
  if (addresses_.size() <= handle) addresses_.resize(handle + 1);
  if (!marks_.empty()) journal_.push_back(AddressBefore{handle, addresses_[handle]});
  addresses_[handle] = address;
}

void Contract::put_block(unsigned handle, const Block& block) {
  if (!marks_.empty())
    journal_.push_back(BlockBefore{handle, blocks_.holds(handle) ? blocks_.at(handle) : Block{}});
  blocks_.put(handle, block);
}

// ---- answers ----

void Contract::adopt(const Operation& operation, const Response& response, const Effects& effects) {
  std::visit(
      [&]<class Op>(const Op& op) {
        const bool is_done = response.refusal == Refusal::kNone;
        if constexpr (IsAccess<Op>) {
          adopt_access(op, response);
        } else if constexpr (std::is_same_v<Op, SpaceFork>) {
          if (is_done) adopt_fork(op);
        } else if constexpr (HasSpace<Op> && may_want_memory<Op>()) {
          adopt_mapping(op, response, effects);
        } else if constexpr (std::is_same_v<Op, PagesAlloc>) {
          const std::uint64_t pages = std::uint64_t{1} << op.order.raw();
          if (is_done) put_block(op.result.number(), {response.value, pages, op.order.raw(), false});
        } else if constexpr (std::is_same_v<Op, PagesAllocExact>) {
          if (is_done) put_block(op.result.number(), {response.value, op.pages.raw(), 0, true});
        } else if constexpr (std::is_same_v<Op, PagesFree>) {
          if (is_done) put_block(op.block.number(), {});
        } else if constexpr (std::is_same_v<Op, SpaceCreate>) {
          if (!is_done) return;
          make_space(op.result.handle());
          edit(op.result.handle()).ranges.set_heap(op.brk.raw(), op.top.raw());
        } else if constexpr (std::is_same_v<Op, SpaceExit>) {
          if (is_done) end_space(op.space.value());
        }
      },
      operation);
}

bool Contract::take_over(SpaceHandle space, const std::vector<RangeObservation>& seen) {
  return edit(space).ranges.adopt(seen);
}

// fork(2): the same ranges; the same values at the same places, from now on apart.
void Contract::adopt_fork(const SpaceFork& op) {
  make_space(op.result.handle());
  const Space& parent = edit(op.space.value());
  Space& child = edit(op.result.handle());
  parent.contents.share_with(child.contents);
  (void)parent.ranges.fork_into(child.ranges);
}

template <class Op>
void Contract::adopt_mapping(const Op& op, const Response& response, const Effects& effects) {
  const bool is_done = response.refusal == Refusal::kNone;
  const bool is_prefix = std::is_same_v<Op, RangeProtect> &&
                         (response.refusal == Refusal::kNoMemory || effects.stopped_at.has_value());
  if (!is_done && !is_prefix) return;
  Space& space = edit(op.space.value());
  const std::uint64_t at = address(op.at.value());
  if constexpr (std::is_same_v<Op, RangeBrk>) {
    if (response.value != at) return;  // it did not move
    space.contents.drop(page_ceiling(at) / kPage, page_ceiling(space.ranges.brk()) / kPage);
    space.ranges.set_brk(at);
  } else {
    const std::uint64_t to = at + page_ceiling(op.length.raw());
    if constexpr (answers<Op>() == Answers::kAddress) {
      const std::uint64_t pages = page_ceiling(op.length.raw()) / kPage, first = response.value / kPage;
      space.contents.drop(first, first + pages);
      space.ranges.map(request_of(op, at), response.value);
      name_address(op.result.number(), response.value);
    } else if constexpr (std::is_same_v<Op, RangeProtect>) {
      if (at < to) space.ranges.protect(at, effects.stopped_at.value_or(to), op.prot.value());
    } else {
      space.contents.drop(at / kPage, to / kPage);
      if constexpr (std::is_same_v<Op, RangeUnmap>)
        space.ranges.unmap(at, to);
      else
        space.ranges.assume(request_of(op, at), op.gone.raw() != 0);
    }
  }
}

// A fault that finds no memory ends its space: there is nobody whom it could tell (the OOM killer's work on itself).
template <class Op>
void Contract::adopt_access(const Op& op, const Response& response) {
  if (response.refusal == Refusal::kKilled) return;
  if (response.refusal == Refusal::kOom) {
    Space& space = edit(op.space.value());
    space.killed = true;
    space.ranges.clear();
    space.contents.clear();
    return;
  }
  if constexpr (Op::kAccess == Access::kStore) {
    const std::uint64_t at = address(op.at.value());
    std::uint64_t refused_at = 0;
    const Refusal verdict = verdict_of_access(*find(op.space.value()), at, op.width.raw(), Op::kAccess, &refused_at);
    Space& space = edit(op.space.value());
    // Pages before the refused one were faulted all the same, and their ranges got a family.
    const std::uint64_t done = verdict == Refusal::kNone ? at + op.width.raw() : refused_at;
    for (std::uint64_t byte = at; byte < done; byte = page_floor(byte) + kPage) space.ranges.prepare_store(byte);
    if (response.refusal != Refusal::kNone) return;
    for (unsigned i = 0; i < op.width.raw(); ++i)
      space.contents.store((at + i) / kPage, (at + i) % kPage, static_cast<std::uint8_t>(op.value.raw() >> (8 * i)));
  }
}

}  // namespace mmtwin::model
