// Families by number, with the counts that Linux 6.12 keeps in struct anon_vma.
//
// `children` is num_children, `active` num_active_vmas, `links` the length of the anon_vma's interval tree. A parent is
// never gone before its children: every chain that names a family names its parent too.
#include "model/contract/ranges.h"

namespace mmtwin::model {

FamilyId Families::make(FamilyId parent) {
  if (all_.empty()) all_.emplace_back();  // number 0 is nobody's
  FamilyId id = 0;
  if (spare_.empty()) {
    id = static_cast<FamilyId>(all_.size());
    all_.emplace_back();
  } else {
    id = spare_.back();
    spare_.pop_back();
  }
  all_[id] = Family{};
  all_[id].parent = parent == 0 ? id : parent;
  all_[all_[id].parent].children += 1;
  return id;
}

Family& Families::at(FamilyId id) { return all_.at(id); }

void Families::link(FamilyId id) {
  at(id).links += 1;
  links_ += 1;
}

void Families::unlink(FamilyId id) {
  at(id).links -= 1;
  links_ -= 1;
  if (at(id).links != 0) return;
  at(at(id).parent).children -= 1;
  spare_.push_back(id);
}

std::uint64_t Families::live() const { return all_.empty() ? 0 : all_.size() - 1 - spare_.size(); }

void Families::clear() {
  all_.clear();
  links_ = 0;
  spare_.clear();
}

}  // namespace mmtwin::model
