// What if: changes that are undone. Before a thing changes for the first time since the newest mark, the journal gets
// what it was; rewinding puts everything back, newest first.
#include <utility>

#include "model/contract/contract.h"

namespace mmtwin::model {

Contract::Mark Contract::mark() {
  marks_.push_back({++marks_made_, journal_.size()});
  return marks_.size() - 1;
}

void Contract::rewind(Mark mark) {
  for (const std::size_t length = marks_[mark].journal; journal_.size() > length; journal_.pop_back())
    std::visit([this](auto& before) { undo(before); }, journal_.back());
  marks_.resize(mark);
}

void Contract::forget(Mark mark) {
  marks_.resize(mark);
  if (marks_.empty()) journal_.clear();
}

void Contract::save_space(unsigned handle) {
  Space* const space = spaces_[handle].get();
  if (space == nullptr) {
    if (!marks_.empty()) journal_.push_back(SpaceBefore{.handle = handle});
    return;
  }
  if (space->saved_in >= newest_mark()) return;
  journal_.push_back(SpaceBefore{handle, std::make_unique<SpaceImage>(SpaceImage{
                                             space->ranges, space->contents.image(), space->killed, space->named,
                                             space->saved_in})});
  space->saved_in = newest_mark();
}

void Contract::save_families() {
  if (families_saved_in_ >= newest_mark()) return;
  journal_.push_back(FamiliesBefore{families_, families_saved_in_});
  families_saved_in_ = newest_mark();
}

void Contract::undo(SpaceBefore& before) {
  std::unique_ptr<Space>& space = spaces_[before.handle];
  if (before.image == nullptr) return space.reset();
  if (space == nullptr) space = std::make_unique<Space>(*geometry_, machine_.range_cap, families_);
  space->ranges = std::move(before.image->ranges);
  space->contents.restore(std::move(before.image->contents));
  space->killed = before.image->killed;
  space->named = before.image->named;
  space->saved_in = before.image->saved_in;
}

void Contract::undo(FamiliesBefore& before) {
  families_ = std::move(before.families);
  families_saved_in_ = before.saved_in;
}

void Contract::undo(BlockBefore& before) { blocks_.put(before.handle, before.block); }

void Contract::undo(AddressBefore& before) { addresses_[before.handle] = before.address; }

}  // namespace mmtwin::model
