// What each range operation must answer, and what it does to the list; docs/RULES.md section 3.
#include "model/contract/ranges.h"

#include <algorithm>
#include <iterator>

namespace mmtwin::model {

Ranges::Ranges(const Geometry& geometry, std::uint32_t range_cap, Families& families)
    : geometry_(&geometry), range_cap_(range_cap), families_(&families) {
  set_heap(0, 0);
}

void Ranges::set_heap(std::uint64_t brk, std::uint64_t top) {
  heap_start_ = brk == 0 ? geometry_->default_brk : brk;
  brk_ = heap_start_;
  top_ = top == 0 ? geometry_->default_top : top;
}

// ---- what is there ----

const Range* Ranges::first_at_or_above(std::uint64_t at) const {
  auto it = by_start_.upper_bound(at);
  if (it != by_start_.begin()) {
    const Range& before = std::prev(it)->second;
    if (before.end > at) return &before;
  }
  return it == by_start_.end() ? nullptr : &it->second;
}

const Range* Ranges::find(std::uint64_t at) const {
  const Range* range = first_at_or_above(at);
  return range != nullptr && range->start <= at ? range : nullptr;
}

bool Ranges::meets(std::uint64_t from, std::uint64_t to) const {
  if (from >= to) return false;
  const Range* range = first_at_or_above(from);
  return range != nullptr && range->start < to;
}

bool Ranges::may_hold(std::uint64_t at, std::uint64_t bytes) const {
  const std::uint64_t end = at + page_ceiling(bytes);
  return at % kPage == 0 && at >= kLowestAddress && end > at && end <= geometry_->user_end && !meets(at, end);
}

std::uint64_t Ranges::first_hole(std::uint64_t from, std::uint64_t to) const {
  while (from < to) {
    const Range* range = find(from);
    if (range == nullptr) return from;
    from = range->end;
  }
  return to;
}

std::uint64_t Ranges::total_pages() const {
  std::uint64_t pages = 0;
  for (const auto& [start, range] : by_start_) pages += (range.end - start) / kPage;
  return pages;
}

std::uint64_t Ranges::links() const {
  std::uint64_t links = 0;
  for (const auto& [start, range] : by_start_) links += range.chain.size();
  return links;
}

RangeObservation Ranges::observe(const Range& range) {
  RangeObservation seen;
  seen.start = Address(range.start);
  seen.end = Address(range.end);
  seen.prot = range.prot;
  seen.flags = range.flags;
  seen.accounted = range.accounted;
  seen.file = FileId(range.file);
  seen.offset = range.offset;
  return seen;
}

// ---- map ----

Range Ranges::range_of(const MapRequest& request, std::uint64_t at) {
  Range range;
  range.start = at;
  range.end = at + page_ceiling(request.length);
  range.prot = request.prot;
  range.flags = request.flags & (kMapShared | kMapNoReserve | kMapStack);
  range.accounted = request.prot.has(kProtWrite) && !request.flags.any(kMapShared | kMapNoReserve);
  range.file = request.file;
  range.offset = request.file == 0 ? at : request.offset;
  return range;
}

Verdict Ranges::judge_map(const MapRequest& request) const {
  const bool noreplace = request.flags.has(kMapNoReplace);
  const bool fixed = noreplace || request.flags.has(kMapFixed);
  if (request.file != 0 && request.offset % kPage != 0) return {.refusal = Refusal::kInvalid};
  if (request.length == 0) return {.refusal = Refusal::kInvalid};
  if (request.length > geometry_->user_end) return {.refusal = Refusal::kNoMemory};
  const std::uint64_t length = page_ceiling(request.length);
  if (request.file == 0 && request.flags.has(kMapShared)) return {.refusal = Refusal::kInvalid};
  if (request.file != 0 && request.offset + length < request.offset) return {.refusal = Refusal::kInvalid};
  if (by_start_.size() > range_cap_) return {.refusal = Refusal::kNoMemory};
  if (fixed) return judge_fixed(request.at, length, noreplace);

  std::uint64_t hint = page_floor(request.at);
  if (hint != 0 && hint < kLowestAddress) hint = kLowestAddress;
  const std::optional<Place> chosen = place(request, hint, length);
  if (!chosen.has_value()) return {.refusal = Refusal::kNoMemory};
  return {.value = chosen->address, .address_is_choice = chosen->is_choice};
}

Verdict Ranges::judge_fixed(std::uint64_t at, std::uint64_t length, bool noreplace) const {
  if (at > geometry_->user_end - length) return {.refusal = Refusal::kNoMemory};
  if (at % kPage != 0) return {.refusal = Refusal::kInvalid};
  if (at < kLowestAddress) return {.refusal = Refusal::kPermission};
  const std::uint64_t end = at + length;
  const bool replaces = meets(at, end);
  if (noreplace && replaces) return {.refusal = Refusal::kExists};
  if (middle_split_exceeds_cap(at, end)) return {.refusal = Refusal::kNoMemory};
  if (!replaces) return {.value = at};
  return {.value = at, .from = at, .to = end};
}

void Ranges::map(const MapRequest& request, std::uint64_t address) {
  const Range fresh = range_of(request, address);
  unmap(fresh.start, fresh.end);
  insert_merging(fresh, false);
}

// ---- unmap ----

bool Ranges::middle_split_exceeds_cap(std::uint64_t from, std::uint64_t to) const {
  const Range* range = find(from);
  return range != nullptr && range->start < from && to < range->end && by_start_.size() >= range_cap_;
}

Verdict Ranges::judge_unmap(std::uint64_t at, std::uint64_t length) const {
  if (at % kPage != 0 || at > geometry_->user_end || length > geometry_->user_end - at || length == 0) {
    return {.refusal = Refusal::kInvalid};
  }
  const std::uint64_t end = at + page_ceiling(length);
  if (middle_split_exceeds_cap(at, end)) return {.refusal = Refusal::kNoMemory};
  if (!meets(at, end)) return {};
  return {.from = at, .to = end};
}

void Ranges::unmap(std::uint64_t from, std::uint64_t to) {
  split(from);
  split(to);
  while (meets(from, to)) erase(first_at_or_above(from)->start);
}

// ---- protect ----

Verdict Ranges::judge_protect(std::uint64_t at, std::uint64_t length, Prot prot) const {
  if (at % kPage != 0) return {.refusal = Refusal::kInvalid, .value = at};
  if (length == 0) return {.value = at};
  const std::uint64_t rounded = page_ceiling(length);  // 0 if it wraps
  const std::uint64_t end = at + rounded;
  if (end <= at) return {.refusal = Refusal::kNoMemory, .value = at};
  const std::uint64_t stop = protect_stop(at, end, prot);
  Verdict verdict{.value = stop, .from = at, .to = stop};
  if (stop < end) verdict.refusal = Refusal::kNoMemory;
  return verdict;
}

// A protect cuts at most twice: where it starts and where it ends. Only near the cap is it worth trying on a copy.
std::uint64_t Ranges::protect_stop(std::uint64_t from, std::uint64_t to, Prot prot) const {
  if (by_start_.size() + 2 <= range_cap_) return first_hole(from, to);
  Families families = *families_;
  Ranges copy = *this;
  copy.families_ = &families;
  return copy.protect(from, to, prot);
}

std::uint64_t Ranges::protect(std::uint64_t from, std::uint64_t to, Prot prot) {
  while (from < to) {
    const Range* range = find(from);
    if (range == nullptr) return from;
    const std::optional<std::uint64_t> done = change_piece(from, std::min(range->end, to), prot);
    if (!done.has_value()) return from;
    from = *done;
  }
  return to;
}

std::vector<std::uint64_t> Ranges::protect_stops(std::uint64_t from, std::uint64_t to) const {
  std::vector<std::uint64_t> stops;
  while (from < to) {
    const Range* range = find(from);
    if (range == nullptr) break;
    stops.push_back(from);
    from = range->end;
  }
  return stops;
}

// ---- brk ----

Verdict Ranges::judge_brk(std::uint64_t wanted) const {
  const Verdict refused{.value = brk_};
  if (wanted < heap_start_ || wanted > geometry_->user_end) return refused;
  const std::uint64_t old_end = page_ceiling(brk_);
  const std::uint64_t new_end = page_ceiling(wanted);
  if (new_end == old_end) return {.value = wanted};
  if (new_end < old_end) {
    if (!meets(new_end, old_end) || middle_split_exceeds_cap(new_end, old_end)) return refused;
    return {.value = wanted, .from = new_end, .to = old_end};
  }
  if (old_end < kLowestAddress) return refused;
  if (meets(old_end, new_end + kPage)) return refused;  // the guard gap is for stacks that grow; there are none
  if (by_start_.size() > range_cap_) return refused;
  return {.value = wanted};
}

void Ranges::set_brk(std::uint64_t brk) {
  const std::uint64_t old_end = page_ceiling(brk_);
  const std::uint64_t new_end = page_ceiling(brk);
  brk_ = brk;
  if (new_end < old_end) unmap(new_end, old_end);
  if (new_end <= old_end) return;
  MapRequest growth;
  growth.length = new_end - old_end;
  growth.prot = kProtRead | kProtWrite;
  const Range fresh = range_of(growth, old_end);
  // The heap's first range never joins what lies below the heap.
  if (old_end == heap_start_) {
    insert_apart(fresh);
  } else {
    insert_merging(fresh, true);
  }
}

// ---- assume ----

Verdict Ranges::judge_assume(const MapRequest& request) const {
  const Verdict refused{.refusal = Refusal::kInvalid};
  if (request.length == 0 || request.at % kPage != 0) return refused;
  if (request.at > geometry_->user_end || request.length > geometry_->user_end - request.at) return refused;
  const std::uint64_t end = request.at + page_ceiling(request.length);
  if (request.file == 0 && request.flags.has(kMapShared)) return refused;
  if (request.offset % kPage != 0 || request.offset + (end - request.at) < request.offset) return refused;
  if (!meets(request.at, end)) return {};
  return {.from = request.at, .to = end};
}

void Ranges::assume(const MapRequest& request, bool gone) {
  Range assumed = range_of(request, request.at);
  assumed.offset = request.offset;
  unmap(assumed.start, assumed.end);
  if (!gone) insert_apart(assumed);
}

// ---- whole spaces ----

// The oldest family of the chain that has no range of its own any more and at most one child; 0: none. Ranges that are
// leaving may be gone already, and children with them.
FamilyId Ranges::reusable(const Range& range, const std::vector<FamilyId>& leaving) const {
  for (const FamilyId id : range.chain)
    if (families_->at(id).children < 2 && families_->at(id).active == 0) return id;
  for (const FamilyId id : range.chain)
    if (may_be_reusable(id, leaving)) return id;
  return 0;
}

bool Ranges::may_be_reusable(FamilyId id, const std::vector<FamilyId>& leaving) const {
  const auto left = static_cast<std::uint32_t>(std::count(leaving.begin(), leaving.end(), id));
  return families_->at(id).active == left && families_->at(id).children - children_leaving(id, leaving) < 2;
}

// Children that ranges which are leaving, or their families' descendants, may be the last to link.
std::uint32_t Ranges::children_leaving(FamilyId id, const std::vector<FamilyId>& leaving) const {
  std::vector<FamilyId> children;
  for (FamilyId at : leaving) {
    while (families_->at(at).parent != at && families_->at(at).parent != id) at = families_->at(at).parent;
    const bool is_child = families_->at(at).parent == id && at != id;
    if (is_child && std::find(children.begin(), children.end(), at) == children.end()) children.push_back(at);
  }
  return static_cast<std::uint32_t>(children.size());
}

// Linux anon_vma_fork for each range in order: the child's range stands in all families of the parent's range. Its own
// one is the oldest of them that nobody uses any more and that has fewer than two children, else a new one. (A root has
// itself and the family of the parent's range as children or is in use, so it is never taken again.)
ForkChoice Ranges::fork_into(Ranges& child, const std::vector<bool>* made, const std::vector<FamilyId>& leaving) const {
  std::size_t number = 0;
  ForkChoice choice = ForkChoice::kKnown;
  child.heap_start_ = heap_start_;
  child.brk_ = brk_;
  child.top_ = top_;
  for (const auto& [start, range] : by_start_) {
    Range copy = range;
    copy.family = 0;
    for (const FamilyId id : copy.chain) families_->link(id);
    if (range.family != 0) {
      const bool is_told = made != nullptr && number < made->size();
      const bool reuses = !is_told || !(*made)[number];
      if (reuses) copy.family = reusable(range, leaving);
      if (is_told && reuses) {
        const auto several = std::count_if(range.chain.begin(), range.chain.end(),
                                           [&](FamilyId id) { return may_be_reusable(id, leaving); });
        if (copy.family == 0) choice = ForkChoice::kImpossible;
        if (several > 1 && choice == ForkChoice::kKnown) choice = ForkChoice::kOpen;
      }
      if (copy.family == 0) {
        copy.family = families_->make(range.family);
        families_->link(copy.family);
        copy.chain.push_back(copy.family);
      }
      families_->at(copy.family).active += 1;
    }
    child.by_start_.emplace(start, copy);
    ++number;
  }
  return choice;
}

void Ranges::clear() {
  while (!by_start_.empty()) erase(by_start_.begin()->first);
}

}  // namespace mmtwin::model
