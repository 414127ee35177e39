// Contract: what a program may observe of memory management. It runs alone.
//
// Laws: ANSWER, CONTENT-1, PERM-1, VMA-1 to VMA-3, ROLLBACK-1, FRAME-1, BUDDY-1, ZONE-1, as far as answers show them.
// Context: one thread. Cost: an operation costs the ranges, pages or blocks that it meets. Ask `expect` what an
// operation may answer, tell `adopt` what was answered: that is all. With the plainest answers it plays a program by
// itself. It deliberately knows no events, locks, tables, caches or CPUs; frames only as answers. docs/RULES.md is the
// specification; here is what follows from it for programs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/contract/blocks.h"
#include "model/contract/contents.h"
#include "model/contract/expectation.h"
#include "model/contract/geometry.h"
#include "model/contract/ranges.h"
#include "model/contract/skip.h"
#include "vocab/handles.h"
#include "vocab/refusals.h"

namespace mmtwin {
struct Operation;  // vocab/operations.h
struct SpaceFork;
}  // namespace mmtwin

namespace mmtwin::model {

// What an answer does not tell.
struct Effects {
  // How far a protect that was refused memory came: the address where it stopped.
  std::optional<std::uint64_t> stopped_at{};
  // Which pages an access faulted before it was done or refused, touch() has said already.
  bool faults_told = false;
  // Which ranges of a fork were seen to get a family of their own, in order, and families of ranges that may be going
  // just now, one for each: Ranges::fork_into. Null: the rule decides.
  const std::vector<bool>* made_family = nullptr;
  std::vector<FamilyId> leaving{};
};

// Bytes from `from` to before `to`.
struct Span {
  std::uint64_t from = 0, to = 0;
};

class Contract {
 public:
  void start(const MachineDescription& machine);

  // Why the operation means nothing now: a handle that is empty, or given already, or memory that it has no words for.
  Skip inapplicable(const Operation& operation) const;
  // What it may answer now. The operation is applicable.
  Expectation expect(const Operation& operation) const;
  // It has answered so, which was expected. Done in two halves where operations overlap: commit() is what it does to
  // what exists, and counts as soon as others may see it; conclude() gives handles their meaning or takes it away, once
  // it is over. Until then a space that it makes has no name, and only ranges_of() knows it.
  void adopt(const Operation& operation, const Response& response, const Effects& effects = {});
  ForkChoice commit(const Operation& operation, const Response& response, const Effects& effects = {});
  void conclude(const Operation& operation, const Response& response);
  // A store has met the private anonymous page at `at`, and may not be over yet: its range has a family from now on.
  void touch(SpaceHandle space, std::uint64_t at);
  // The space's list is seen to be this one, which is taken over where it can be explained: touches that nobody saw may
  // have made families. False: nothing is changed.
  bool take_over(SpaceHandle space, const std::vector<RangeObservation>& seen);

  // -- what exists --
  bool has_space(SpaceHandle space) const { return named(space) != nullptr; }
  bool is_killed(SpaceHandle space) const { return find(space)->killed; }
  const Ranges& ranges(SpaceHandle space) const { return find(space)->ranges; }
  const Ranges* ranges_of(SpaceHandle space) const { return find(space) == nullptr ? nullptr : &find(space)->ranges; }
  const Families& families() const { return families_; }
  // What the answer takes away: mapped places whose pages lose their contents. Asked before it is adopted.
  Span taken_away(const Operation& operation, const Response& response) const;
  // Has a page that a fork of the space would share as many places as it may have?
  bool shares_at_the_cap(SpaceHandle space) const;
  std::uint8_t byte_at(SpaceHandle space, std::uint64_t at) const;
  std::vector<SpaceHandle> spaces() const;
  const Blocks& blocks() const { return blocks_; }
  const Geometry& geometry() const { return *geometry_; }
  std::uint64_t address(const Place& place) const;
  // Private pages that were stored to, of all spaces; pages of a value that is shared count each.
  std::uint64_t pages() const;

  // -- what if --
  // From here on changes can be undone, by rewind() to this mark or to an older one; forget() keeps them. Marks nest.
  using Mark = std::size_t;
  Mark mark();
  void rewind(Mark mark);
  void forget(Mark mark);

 private:
  struct Space {
    Space(const Geometry& geometry, std::uint32_t range_cap, Families& families)
        : ranges(geometry, range_cap, families) {}
    Ranges ranges;
    Contents contents;
    bool killed = false;
    bool named = false;
    std::uint64_t saved_in = 0;  // the newest mark for which the journal has it
  };
  // What a thing was before it was changed.
  struct SpaceImage {
    Ranges ranges;
    Contents::Image contents;
    bool killed = false;
    bool named = false;
    std::uint64_t saved_in = 0;
  };
  struct SpaceBefore {
    unsigned handle = 0;
    std::unique_ptr<SpaceImage> image{};  // none: there was no space
  };
  struct FamiliesBefore {
    Families families;
    std::uint64_t saved_in = 0;
  };
  struct BlockBefore {
    unsigned handle = 0;
    Block block;
  };
  struct AddressBefore {
    unsigned handle = 0;
    std::optional<std::uint64_t> address;
  };
  using Before = std::variant<SpaceBefore, FamiliesBefore, BlockBefore, AddressBefore>;
  struct MarkRecord {
    std::uint64_t number = 0;  // never used twice
    std::size_t journal = 0;   // its length then
  };

  const Space* find(SpaceHandle handle) const {
    return handle.number() < spaces_.size() ? spaces_[handle.number()].get() : nullptr;
  }
  const Space* named(SpaceHandle handle) const {
    const Space* const space = find(handle);
    return space != nullptr && space->named ? space : nullptr;
  }
  Space& edit(SpaceHandle handle);
  void make_space(SpaceHandle handle);
  void empty_space(SpaceHandle handle);
  void name_address(unsigned handle, std::uint64_t address);
  void save_block(unsigned handle);

  // -- the journal (journal.cc); nothing is saved without a mark --
  std::uint64_t newest_mark() const { return marks_.empty() ? 0 : marks_.back().number; }
  void save_space(unsigned handle);
  void save_families();
  void undo(SpaceBefore& before);
  void undo(FamiliesBefore& before);
  void undo(BlockBefore& before);
  void undo(AddressBefore& before);

  // -- expect, by subject --
  template <class Op>
  bool wants_memory(const Op& op, const Response& otherwise) const;
  template <class Op>
  Expectation expect_block(const Op& op) const;
  template <class Op>
  Expectation expect_mapping(const Op& op, const Space& space) const;
  template <class Op>
  Expectation expect_access(const Op& op, const Space& space) const;
  Expectation expect_fork(SpaceHandle space) const;
  Refusal verdict_of_access(const Space& space, std::uint64_t at, unsigned width, Access access,
                            std::uint64_t* refused_at) const;
  bool reaches_file(const Space& space, std::uint64_t at, unsigned width, Access access) const;

  // -- adopt, by subject --
  template <class Op>
  void adopt_mapping(const Op& op, const Response& response, const Effects& effects);
  template <class Op>
  void adopt_access(const Op& op, const Response& response, const Effects& effects);
  ForkChoice adopt_fork(const SpaceFork& op, const Effects& effects);

  MachineDescription machine_;
  const Geometry* geometry_ = &kSmall;
  Families families_;
  std::vector<std::unique_ptr<Space>> spaces_;            // by handle
  std::vector<std::optional<std::uint64_t>> addresses_;  // by handle
  Blocks blocks_;
  std::vector<Before> journal_;
  std::vector<MarkRecord> marks_;
  std::uint64_t marks_made_ = 0;
  std::uint64_t families_saved_in_ = 0;
};

}  // namespace mmtwin::model
