// Where a mapping goes that did not say where: Linux 6.12's arch_get_unmapped_area_topdown for x86-64, with the
// alignment to huge pages of thp_get_unmapped_area before it.
#include <algorithm>

#include "model/contract/ranges.h"

namespace mmtwin::model {

bool Ranges::is_free(std::uint64_t at, std::uint64_t length) const {
  if (length > geometry_->user_end || at > geometry_->user_end - length) return false;
  return !meets(at, at + length);
}

std::optional<std::uint64_t> Ranges::highest_gap(std::uint64_t length) const {
  std::uint64_t gap_end = std::min(top_, geometry_->user_end);
  for (auto it = by_start_.rbegin(); it != by_start_.rend(); ++it) {
    const Range& below = it->second;
    const std::uint64_t gap_start = std::max(below.end, kLowestAddress);
    if (gap_end > gap_start && gap_end - gap_start >= length) return gap_end - length;
    gap_end = std::min(gap_end, below.start);
  }
  if (gap_end > kLowestAddress && gap_end - kLowestAddress >= length) return gap_end - length;
  return std::nullopt;
}

// The search of old: upwards from a third of the user half (Linux: TASK_UNMAPPED_BASE).
std::optional<std::uint64_t> Ranges::lowest_gap(std::uint64_t length) const {
  std::uint64_t gap_start = page_ceiling(geometry_->user_end / 3);
  for (const auto& [start, above] : by_start_) {
    if (start > gap_start && start - gap_start >= length) return gap_start;
    gap_start = std::max(gap_start, above.end);
  }
  if (geometry_->user_end > gap_start && geometry_->user_end - gap_start >= length) return gap_start;
  return std::nullopt;
}

std::optional<std::uint64_t> Ranges::any_gap(std::uint64_t length) const {
  const std::optional<std::uint64_t> highest = highest_gap(length);
  return highest.has_value() ? highest : lowest_gap(length);
}

// An anonymous mapping of whole huge pages without a hint; or a file mapping that contains a whole, aligned piece of
// its file, with or without hint.
bool Ranges::wants_huge_alignment(const MapRequest& request, std::uint64_t hint, std::uint64_t length) const {
  const std::uint64_t huge = geometry_->huge_bytes;
  if (request.file == 0) return hint == 0 && length % huge == 0;
  const std::uint64_t offset = request.offset;
  if (offset + length + huge < offset) return false;
  const std::uint64_t first_aligned = (offset + huge - 1) / huge * huge;
  return first_aligned + huge <= offset + length;
}

std::optional<Ranges::Place> Ranges::place(const MapRequest& request, std::uint64_t hint, std::uint64_t length) const {
  const std::uint64_t huge = geometry_->huge_bytes;
  if (wants_huge_alignment(request, hint, length)) {
    if (hint != 0 && is_free(hint, length + huge)) return Place{hint, false};
    if (const std::optional<std::uint64_t> gap = any_gap(length + huge)) {
      const std::uint64_t wanted = request.file == 0 ? 0 : request.offset % huge;
      std::uint64_t address = *gap + kPage;  // a congruent gap, too, is left for the next congruent address
      while (address % huge != wanted) address += kPage;
      return Place{address, true};
    }
  }
  if (hint != 0 && is_free(hint, length)) return Place{hint, false};
  const std::optional<std::uint64_t> gap = any_gap(length);
  if (!gap.has_value()) return std::nullopt;
  return Place{*gap, true};
}

}  // namespace mmtwin::model
