// Which operations mean something, and what each may answer.
#include "model/contract/contract.h"

#include <algorithm>

#include "model/contract/block_requests.h"
#include "vocab/operations.h"

namespace mmtwin::model {

void Contract::start(const MachineDescription& machine) {
  machine_ = machine;
  geometry_ = &geometry_of(machine.geometry);
  journal_.clear();
  marks_.clear();
  families_saved_in_ = 0;
  spaces_.clear();
  families_.clear();
  addresses_.clear();
  blocks_.start(machine);
}

std::uint64_t Contract::address(const Place& place) const {
  if (place.base.is_none()) return place.offset;
  return *addresses_[place.base.number()] + place.offset;
}

std::uint8_t Contract::byte_at(SpaceHandle space, std::uint64_t at) const {
  return static_cast<std::uint8_t>(find(space)->contents.load(at, 1));
}

std::vector<SpaceHandle> Contract::spaces() const {
  std::vector<SpaceHandle> all;
  for (unsigned handle = 0; handle < spaces_.size(); ++handle)
    if (has_space(SpaceHandle(handle))) all.push_back(SpaceHandle(handle));
  return all;
}

std::uint64_t Contract::pages() const {
  std::uint64_t pages = 0;
  for (const auto& space : spaces_) pages += space != nullptr ? space->contents.pages() : 0;
  return pages;
}

// ---- which operations mean something ----

Skip Contract::inapplicable(const Operation& operation) const {
  return std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (makes<Op>() == 'b' || makes<Op>() == 'p') {
          if (op.result.is_none()) return Skip::kEmptyHandle;
          if constexpr (makes<Op>() == 'b') {
            if (blocks_.holds(op.result.number())) return Skip::kTakenHandle;
          } else {
            if (has_space(op.result.handle())) return Skip::kTakenHandle;
          }
        }  // a handle of an address may be given anew
        if constexpr (requires { op.block; })
          if (!blocks_.holds(op.block.number())) return Skip::kEmptyHandle;
        if constexpr (HasSpace<Op>) {
          const Space* const space = named(op.space.value());
          const bool may_be_none = std::is_same_v<Op, CpuSwitchSpace>;  // then it runs no space
          if (space == nullptr && !(may_be_none && op.space.is_none())) return Skip::kEmptyHandle;
          if (may_be_none && space != nullptr && space->killed) return Skip::kEmptyHandle;
        }
        if constexpr (HasPlace<Op>) {
          const unsigned base = op.at.base.number();
          if (base != 0 && (base >= addresses_.size() || !addresses_[base])) return Skip::kEmptyHandle;
        }
        if constexpr (IsAccess<Op>) {
          if (reaches_file(*find(op.space.value()), address(op.at.value()), op.width.raw(), Op::kAccess))
            return Skip::kFilePage;
        }
        return Skip::kNone;
      },
      operation);
}

namespace {

// mmap(2), "PROT_NONE"; a range that may be written or run may be read as well, as the x86 page tables have it.
bool grants(const Range& range, Access access) {
  switch (access) {
    case Access::kStore: return range.prot.any(kProtWrite);
    case Access::kFetch: return range.prot.any(kProtExec);
    case Access::kLoad: return !range.prot.empty();
  }
  return false;
}

}  // namespace

bool Contract::reaches_file(const Space& space, std::uint64_t at, unsigned width, Access access) const {
  if (space.killed) return false;
  for (std::uint64_t byte = at; byte < geometry_->user_end && byte < at + width; byte = page_floor(byte) + kPage) {
    const Range* const range = space.ranges.find(byte);
    if (range == nullptr || !grants(*range, access)) return false;
    if (range->file != 0 || !range->is_private()) return true;
  }
  return false;
}

// ---- what it may answer ----

Expectation Contract::expect(const Operation& operation) const {
  return std::visit(
      [&]<class Op>(const Op& op) {
        Expectation expected;
        if constexpr (HasSpace<Op> && may_want_memory<Op>()) {
          const Space& space = *find(op.space.value());
          // All that a killed space answers is that it is gone: ESRCH, as a syscall about a process that has exited.
          if (space.killed) {
            expected.add({.refusal = Refusal::kKilled});
            return expected;
          }
          if constexpr (IsAccess<Op>) expected = expect_access(op, space);
          else if constexpr (std::is_same_v<Op, SpaceFork>) expected = expect_fork(op.space.value());
          else expected = expect_mapping(op, space);
        } else if constexpr (makes<Op>() == 'b') {
          expected = expect_block(op);
        } else if constexpr (std::is_same_v<Op, SpaceCreate>) {
          const bool is_aligned = op.brk.raw() % kPage == 0 && op.top.raw() % kPage == 0;
          expected.add({.refusal = is_aligned ? Refusal::kNone : Refusal::kInvalid});
        } else {
          expected.add({});
        }
        // Memory may be short wherever something must be kept. The break says where it stays.
        if constexpr (may_want_memory<Op>() && makes<Op>() != 'b') {
          Alternative refused{.refusal = Refusal::kOom, .grounds = Grounds::kMemory};
          if constexpr (answers<Op>() == Answers::kBreak) refused.value = find(op.space.value())->ranges.brk();
          if (wants_memory(op, expected.plainest())) expected.add(refused);
        }
        return expected;
      },
      operation);
}

// What is refused for what it asks, or changes nothing, asks for no memory first: docs/RULES.md section 3, in the order
// given. A protect does what it can before it is refused, an access faults the pages before the one that is refused.
template <class Op>
bool Contract::wants_memory(const Op& op, const Response& otherwise) const {
  if constexpr (std::is_same_v<Op, RangeProtect>) {
    const std::uint64_t at = address(op.at.value());
    return otherwise.refusal != Refusal::kInvalid && op.length.raw() != 0 && find(op.space.value())->ranges.find(at);
  } else if constexpr (std::is_same_v<Op, RangeBrk>) {
    const std::uint64_t at = address(op.at.value());
    return otherwise.value == at && page_ceiling(at) != page_ceiling(find(op.space.value())->ranges.brk());
  } else if constexpr (IsAccess<Op>) {
    const std::uint64_t at = address(op.at.value());
    std::uint64_t refused_at = 0;
    const Refusal verdict =
        verdict_of_access(*find(op.space.value()), at, op.width.raw(), Op::kAccess, &refused_at);
    return verdict == Refusal::kNone || refused_at != at;
  } else {
    return otherwise.refusal == Refusal::kNone || std::is_same_v<Op, SpaceFork>;
  }
}

template <class Op>
Expectation Contract::expect_block(const Op& op) const {
  Expectation expected;
  const Wish wish = blocks_.wish(op.gfp.value(), order_of(op), op.node.value(), op.cpu.value());
  const Alternative refused{.refusal = Refusal::kOom, .grounds = Grounds::kMemory};
  expected.ask_block(blocks_, wish, pages_of(op));
  expected.add({.rule = ValueRule::kFreeBlock});
  expected.add(refused);
  return expected;
}

// mmap(2), munmap(2), mprotect(2), brk(2); docs/RULES.md section 3.
template <class Op>
Expectation Contract::expect_mapping(const Op& op, const Space& space) const {
  Expectation expected;
  const std::uint64_t at = address(op.at.value());
  Verdict verdict;
  if constexpr (answers<Op>() == Answers::kAddress) {
    verdict = space.ranges.judge_map(request_of(op, at));
    expected.ask_gap(space.ranges, op.length.raw());
  } else if constexpr (std::is_same_v<Op, SpaceAssume>) {
    verdict = space.ranges.judge_assume(request_of(op, at));
  } else if constexpr (std::is_same_v<Op, RangeUnmap>) {
    verdict = space.ranges.judge_unmap(at, op.length.raw());
  } else if constexpr (std::is_same_v<Op, RangeProtect>) {
    verdict = space.ranges.judge_protect(at, op.length.raw(), op.prot.value());
  } else {
    verdict = space.ranges.judge_brk(at);
  }
  const bool has_value = answers<Op>() != Answers::kNothing && verdict.refusal == Refusal::kNone;
  expected.add({.refusal = verdict.refusal,
                .rule = verdict.address_is_choice ? ValueRule::kFreeGap : ValueRule::kExact,
                .value = has_value ? verdict.value : 0});
  return expected;
}

// Page by page from the first; on a refusal `refused_at` is the first byte of the page that was reached.
Refusal Contract::verdict_of_access(const Space& space, std::uint64_t at, unsigned width, Access access,
                                    std::uint64_t* refused_at) const {
  const std::uint64_t last = at + (width - 1);
  *refused_at = at;
  if (last < at || last >= geometry_->user_end) return Refusal::kSegvMapErr;  // before any page is faulted
  for (std::uint64_t byte = at;; byte = page_floor(byte) + kPage) {
    *refused_at = byte;
    const Range* const range = space.ranges.find(byte);
    if (range == nullptr) return Refusal::kSegvMapErr;
    if (!grants(*range, access)) return Refusal::kSegvAccErr;
    if (page_floor(byte) == page_floor(last)) return Refusal::kNone;
  }
}

// What was stored last is read, and zero where nothing was; sigaction(2), SEGV_MAPERR and SEGV_ACCERR.
template <class Op>
Expectation Contract::expect_access(const Op& op, const Space& space) const {
  Expectation expected;
  const std::uint64_t at = address(op.at.value());
  std::uint64_t refused_at = 0, value = 0;
  const Refusal verdict = verdict_of_access(space, at, op.width.raw(), Op::kAccess, &refused_at);
  if (answers<Op>() == Answers::kBytes && verdict == Refusal::kNone) value = space.contents.load(at, op.width.raw());
  expected.add({.refusal = verdict, .value = value});
  return expected;
}

// A page cannot be shared once more if it has as many references as it may have; a system may copy it instead. Others
// that are about to share a page, or to let go of it, count as well, which the contract does not see.
Expectation Contract::expect_fork(SpaceHandle handle) const {
  Expectation expected;
  const Alternative at_the_cap{.refusal = Refusal::kNoMemory, .grounds = Grounds::kCap};
  const bool is_at_the_cap = shares_at_the_cap(handle);
  if (is_at_the_cap) expected.add(at_the_cap);
  expected.add({});
  if (!is_at_the_cap) expected.add(at_the_cap);
  return expected;
}

bool Contract::shares_at_the_cap(SpaceHandle handle) const {
  const Space& space = *find(handle);
  const auto& all = space.ranges.all();
  return std::any_of(all.begin(), all.end(), [&](const auto& at) {
    const Range& range = at.second;
    return range.family != 0 &&
           space.contents.has_value_of(machine_.reference_cap, range.start / kPage, range.end / kPage);
  });
}

}  // namespace mmtwin::model
