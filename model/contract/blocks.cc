#include "model/contract/blocks.h"

#include <algorithm>

namespace mmtwin::model {

void Blocks::start(const MachineDescription& machine) {
  machine_ = machine;
  nearest_ = order_nodes(machine);
  by_handle_.clear();
  given_.clear();
}

Wish Blocks::wish(Gfp gfp, unsigned order, NodeId node, CpuId cpu) const {
  Wish wish{.gfp = gfp, .order = order};
  list_zones(machine_, nearest_, node, cpu.raw(), wish);
  return wish;
}

std::optional<std::uint64_t> Blocks::obstacle(std::uint64_t from, std::uint64_t to) const {
  const auto after = given_.upper_bound(from);
  if (after != given_.begin()) {
    const auto& [first, pages] = *std::prev(after);
    if (first + pages > from) return first + pages;
  }
  if (after != given_.end() && after->first < to) return after->first + after->second;
  const auto in_the_way = [&](const FrameSpan& span) {
    return span.count.raw() != 0 && span.first.raw() < to && span.end().raw() > from;
  };
  for (const FrameSpan& span : machine_.hole)
    if (in_the_way(span)) return span.end().raw();
  for (const FrameSpan& span : machine_.reserved)
    if (in_the_way(span)) return span.end().raw();
  return std::nullopt;
}

bool Blocks::may_be(const Wish& wish, std::uint64_t frame) const {
  const std::uint64_t size = std::uint64_t{1} << wish.order;
  if (wish.order > machine_.top_order || frame % size != 0) return false;
  const auto lies_in = [&](std::uint8_t number) {
    const FrameSpan span = zone(number);
    return frame >= span.first.raw() && frame < span.end().raw() && size <= span.end().raw() - frame;
  };
  const auto* const end = wish.zones.data() + wish.zone_count;
  return std::any_of(wish.zones.data(), end, lies_in) && !obstacle(frame, frame + size);
}

std::optional<std::uint64_t> Blocks::plainest(const Wish& wish) const {
  if (wish.order > machine_.top_order) return std::nullopt;
  const std::uint64_t size = std::uint64_t{1} << wish.order;
  const auto aligned = [size](std::uint64_t frame) { return (frame + size - 1) / size * size; };
  for (unsigned i = 0; i < wish.zone_count; ++i) {
    const FrameSpan span = zone(wish.zones[i]);
    std::uint64_t frame = aligned(span.first.raw());
    while (frame + size <= span.end().raw()) {
      const std::optional<std::uint64_t> past = obstacle(frame, frame + size);
      if (!past) return frame;
      frame = aligned(*past);
    }
  }
  return std::nullopt;
}

std::uint64_t Blocks::given_in(const FrameSpan& zone) const {
  std::uint64_t pages = 0;
  for (auto it = given_.lower_bound(zone.first.raw()); it != given_.end() && it->first < zone.end().raw(); ++it)
    pages += it->second;
  return pages;
}

bool Blocks::may_be_short(const Wish& wish, std::uint64_t others) const {
  std::uint64_t asked = others, usable = 0;
  for (unsigned i = 0; i < wish.zone_count; ++i) {
    const unsigned node = wish.zones[i] / kZoneKinds, kind = wish.zones[i] % kZoneKinds;
    const auto managed_of = [&](unsigned k) { return machine_.frames_managed(NodeId(node), static_cast<ZoneKind>(k)); };
    const std::uint64_t managed = managed_of(kind);
    std::uint64_t above = 0;
    for (unsigned k = kind + 1; k <= static_cast<unsigned>(wish.highest()); ++k) above += managed_of(k);
    const std::uint64_t reserve = machine_.lowmem_ratio == 0 ? 0 : above / machine_.lowmem_ratio;
    const std::uint64_t kept = wish.gfp.any(kGfpNofail) ? 0 : machine_.watermark_min + reserve;
    const std::uint64_t overhead = managed / 16;
    asked += given_in(zone(wish.zones[i]));
    usable += managed - std::min(managed, kept + overhead);
  }
  return asked >= usable;
}

void Blocks::put(unsigned handle, const Block& block) {
  if (by_handle_.size() <= handle) by_handle_.resize(handle + 1);
  Block& held = by_handle_[handle];
  if (held.pages != 0) given_.erase(held.frame);
  if (block.pages != 0) given_.emplace(block.frame, block.pages);
  held = block;
}

}  // namespace mmtwin::model
