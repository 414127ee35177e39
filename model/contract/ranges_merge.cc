// How ranges are cut and joined, and whose family comes along: Linux 6.12's mm/vma.c and anon_vma, said plainly.
//
// Linux allows two neighbours to become one if they touch, their attributes are equal, their offsets go on, and their
// families allow it: either they have the same family (or both none), or one has none and the *neighbour* of what is
// being changed has a chain of just one link. The direction matters: what is being changed may be without family and
// join a neighbour that has one, never the other way round.
#include <iterator>
#include <utility>

#include "model/contract/ranges.h"

namespace mmtwin::model {

namespace {

bool have_equal_attributes(const Range& a, const Range& b) {
  // Whether an untouched range keeps its charge depends on its family.
  const bool charged_alike = a.accounted == b.accounted || a.family_unknown || b.family_unknown;
  return a.prot == b.prot && a.flags == b.flags && charged_alike && a.file == b.file;
}

bool continues(const Range& left, const Range& right) {
  return left.end == right.start && left.offset + (left.end - left.start) == right.offset;
}

bool family_allows(const Range& changed, const Range& neighbour) {
  if (changed.family_unknown || neighbour.family_unknown) return true;
  if ((changed.family == 0 || neighbour.family == 0) && neighbour.chain.size() == 1) return true;
  return changed.family == neighbour.family;
}

bool joins_left(const Range& left, const Range& changed) {
  return have_equal_attributes(left, changed) && continues(left, changed) && family_allows(changed, left);
}

bool joins_right(const Range& changed, const Range& right) {
  return have_equal_attributes(changed, right) && continues(changed, right) && family_allows(changed, right);
}

// What is between two neighbours may join each of them and still not bring them together.
bool may_become_one(const Range& left, const Range& right) {
  if (left.family_unknown || right.family_unknown) return true;
  return left.family == 0 || right.family == 0 || left.family == right.family;
}

}  // namespace

// ---- single ranges ----

Range* Ranges::holder(std::uint64_t at) {
  auto it = by_start_.upper_bound(at);
  if (it == by_start_.begin()) return nullptr;
  Range& range = std::prev(it)->second;
  return range.end > at ? &range : nullptr;
}

Range* Ranges::ending_at(std::uint64_t at) {
  Range* range = at == 0 ? nullptr : holder(at - 1);
  return range != nullptr && range->end == at ? range : nullptr;
}

Range* Ranges::starting_at(std::uint64_t at) {
  auto it = by_start_.find(at);
  return it == by_start_.end() ? nullptr : &it->second;
}

void Ranges::share_family(const Range& source, Range& target) {
  target.family = source.family;
  target.chain = source.chain;
  for (const FamilyId id : target.chain) families_->link(id);
  if (target.family != 0) families_->at(target.family).active += 1;
}

void Ranges::take_over(Range& target, const Range& source) {
  if (target.family == 0 && source.family != 0) share_family(source, target);
  target.family_unknown = target.family_unknown || source.family_unknown;
}

void Ranges::erase(std::uint64_t start) {
  auto it = by_start_.find(start);
  Range& range = it->second;
  if (range.family != 0) families_->at(range.family).active -= 1;
  for (auto id = range.chain.rbegin(); id != range.chain.rend(); ++id) families_->unlink(*id);  // children first
  by_start_.erase(it);
}

void Ranges::move_start(std::uint64_t start, std::uint64_t to) {
  auto node = by_start_.extract(start);
  node.key() = to;
  node.mapped().offset += to - start;
  node.mapped().start = to;
  by_start_.insert(std::move(node));
}

void Ranges::split(std::uint64_t at) {
  Range* range = holder(at);
  if (range == nullptr || range->start == at) return;
  Range upper = *range;
  share_family(*range, upper);
  upper.start = at;
  upper.offset += at - range->start;
  range->end = at;
  by_start_.emplace(at, upper);
}

// ---- a new range: Linux vma_merge_new_range ----

void Ranges::insert_apart(const Range& fresh) { by_start_.emplace(fresh.start, fresh); }

//   AAA...BB       AAACCCBB      left and right are those that touch; `left_only` is the heap's growth
void Ranges::insert_merging(const Range& fresh, bool left_only) {
  Range* left = ending_at(fresh.start);
  Range* right = left_only ? nullptr : starting_at(fresh.end);
  const bool to_left = left != nullptr && joins_left(*left, fresh);
  bool to_right = right != nullptr && joins_right(fresh, *right);
  if (to_left && to_right && !may_become_one(*left, *right)) to_right = false;

  if (to_left && to_right) {
    take_over(*left, *right);
    left->end = right->end;
    erase(right->start);
  } else if (to_left) {
    left->end = fresh.end;
  } else if (to_right) {
    move_start(right->start, fresh.start);
  } else {
    insert_apart(fresh);
  }
}

// ---- a changed piece: Linux vma_merge_existing_range and vma_modify ----

// `changed` is a piece of `whole` with its new attributes. If it joins a neighbour, answers where the joined range
// ends.
//
//   both      LLLwwwRRR  ->  LLLLLLLLL      `changed` is all of `whole`; right and whole go
//   left      LLLwwwwww  ->  LLLLLLwww      `changed` starts `whole`; if it is all of it, whole goes
//   right     wwwwwwRRR  ->  wwwRRRRRR      `changed` ends `whole`; if it is all of it, whole goes
std::optional<std::uint64_t> Ranges::merge_changed(const Range& whole, const Range& changed) {
  const bool at_start = changed.start == whole.start;
  const bool at_end = changed.end == whole.end;
  Range* left = at_start ? ending_at(changed.start) : nullptr;
  Range* right = at_end ? starting_at(changed.end) : nullptr;
  const bool to_left = left != nullptr && joins_left(*left, changed);
  bool to_right = right != nullptr && joins_right(changed, *right);
  if (to_left && to_right && !may_become_one(*left, *right)) to_right = false;

  if (to_left && to_right) {
    take_over(*left, right->family != 0 ? *right : whole);
    left->end = right->end;
    erase(right->start);
    erase(whole.start);
    return left->end;
  }
  if (to_left) {
    take_over(*left, whole);
    left->end = changed.end;
    if (at_end) {
      erase(whole.start);
    } else {
      move_start(whole.start, changed.end);
    }
    return left->end;
  }
  if (to_right) {
    take_over(*right, whole);
    if (at_start) {
      erase(whole.start);
    } else {
      holder(changed.start)->end = changed.start;
    }
    move_start(right->start, changed.start);
    return right->end;
  }
  return std::nullopt;
}

// Protects [from, to), which lies inside one range. Answers how far the range that now holds the piece goes; nothing if
// the cap forbids a cut.
std::optional<std::uint64_t> Ranges::change_piece(std::uint64_t from, std::uint64_t to, Prot prot) {
  const Range& whole = *holder(from);
  if (whole.prot == prot) return whole.end;

  Range changed = whole;
  changed.start = from;
  changed.end = to;
  changed.offset += from - whole.start;
  changed.prot = prot;
  if (prot.has(kProtWrite)) {
    const bool never_charged = !whole.accounted && !whole.prot.has(kProtWrite) && !whole.flags.has(kMapNoReserve);
    if (whole.is_private() && never_charged) changed.accounted = true;
  } else if (whole.accounted && whole.file == 0 && whole.family == 0) {
    changed.accounted = false;
  }

  if (const std::optional<std::uint64_t> joined_end = merge_changed(whole, changed)) return joined_end;

  if (whole.start < from) {
    if (by_start_.size() >= range_cap_) return std::nullopt;
    split(from);
  }
  if (holder(from)->end > to) {
    if (by_start_.size() >= range_cap_) return std::nullopt;
    split(to);
  }
  Range& piece = *holder(from);
  piece.prot = changed.prot;
  piece.accounted = changed.accounted;
  return to;
}

// ---- the first store: Linux __anon_vma_prepare ----

namespace {

// Could these neighbours have been one range but for protect? (Linux: anon_vma_compatible)
bool differ_only_in_prot(const Range& left, const Range& right) {
  return continues(left, right) && left.flags == right.flags && left.accounted == right.accounted &&
         left.file == right.file;
}

}  // namespace

void Ranges::prepare_store(std::uint64_t at) {
  Range* range = holder(at);
  if (range == nullptr || !range->is_private() || range->family != 0) return;
  const Range* next = starting_at(range->end);
  const Range* before = ending_at(range->start);
  FamilyId family = 0;
  if (next != nullptr && differ_only_in_prot(*range, *next) && next->chain.size() == 1) family = next->family;
  if (family == 0 && before != nullptr && differ_only_in_prot(*before, *range) && before->chain.size() == 1) {
    family = before->family;
  }
  if (family == 0) family = families_->make(0);
  range->family = family;
  range->chain = {family};
  families_->link(family);
  families_->at(family).active += 1;
}

}  // namespace mmtwin::model
