// Taking over the list that a real kernel shows, whose touches nobody saw: where private ranges are cut may depend on
// families that only the kernel knows, so a cut there is explained either way. Everything else must agree.
#include <algorithm>

#include "model/contract/ranges.h"

namespace mmtwin::model {

namespace {

bool shows(const RangeObservation& seen, const Range& range, std::uint64_t at) {
  if (seen.prot != range.prot || seen.flags.has(kMapShared) != range.flags.has(kMapShared)) return false;
  if (seen.file.raw() != range.file) return false;
  return range.file == 0 || seen.offset + (at - seen.start.raw()) == range.offset + (at - range.start);
}

}  // namespace

bool Ranges::explains(const std::vector<RangeObservation>& seen) const {
  auto own = by_start_.begin();
  auto other = seen.begin();
  std::uint64_t at = 0;  // everything below agrees
  while (own != by_start_.end() && other != seen.end()) {
    const Range& range = own->second;
    if (other->start >= other->end || other->end.raw() <= at) return false;
    const std::uint64_t from = std::max(range.start, at);
    if (std::max(other->start.raw(), at) != from || !shows(*other, range, from)) return false;
    if (range.end != other->end.raw() && !range.is_private()) return false;
    at = std::min(range.end, other->end.raw());
    if (range.end == at) ++own;
    if (other->end.raw() == at) {
      ++other;
      if (other != seen.end() && other->start.raw() < at) return false;
    }
  }
  return own == by_start_.end() && other == seen.end();
}

void Ranges::join_with_next(std::uint64_t start) {
  Range& range = by_start_.at(start);
  const Range& next = by_start_.at(range.end);
  take_over(range, next);
  range.family_unknown = true;
  range.end = next.end;
  erase(next.start);
}

bool Ranges::adopt(const std::vector<RangeObservation>& seen) {
  if (!explains(seen)) return false;
  for (const RangeObservation& shown : seen) {
    const std::uint64_t start = shown.start.raw();
    const std::uint64_t end = shown.end.raw();
    for (const std::uint64_t cut : {start, end}) {
      Range* cut_through = holder(cut);
      if (cut_through == nullptr || cut_through->start == cut) continue;
      cut_through->family_unknown = true;
      split(cut);
    }
    while (by_start_.at(start).end < end) join_with_next(start);
  }
  return true;
}

}  // namespace mmtwin::model
