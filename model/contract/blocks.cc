#include "model/contract/blocks.h"

#include <algorithm>

namespace mmtwin::model {

void Blocks::start(const MachineDescription& machine) {
  machine_ = machine;
  nearest_ = order_nodes(machine);
  for (const Block& block : by_handle_) set_given(block, false);
  by_handle_.clear();
}

Wish Blocks::wish(Gfp gfp, unsigned order, NodeId node, CpuId cpu) const {
  Wish wish{.gfp = gfp, .order = order};
  list_zones(machine_, nearest_, node, cpu.raw(), wish);
  return wish;
}

std::optional<std::uint64_t> Blocks::obstacle(std::uint64_t from, std::uint64_t to) const {
  if (const std::uint64_t given = first_given(from, to); given != to) return end_of_given(given);
  const auto in_the_way = [&](const FrameSpan& span) {
    return span.count.raw() != 0 && span.first.raw() < to && span.end().raw() > from;
  };
  for (const FrameSpan& span : machine_.hole)
    if (in_the_way(span)) return span.end().raw();
  for (const FrameSpan& span : machine_.reserved)
    if (in_the_way(span)) return span.end().raw();
  return std::nullopt;
}

bool Blocks::may_be(const Wish& wish, std::uint64_t pages, std::uint64_t frame) const {
  if (wish.order > machine_.top_order) return false;
  const std::uint64_t size = std::uint64_t{1} << wish.order;
  if (frame % size != 0) return false;
  const auto lies_in = [&](std::uint8_t number) {
    const FrameSpan span = zone(number);
    return frame >= span.first.raw() && frame < span.end().raw() && size <= span.end().raw() - frame;
  };
  const auto* const end = wish.zones.data() + wish.zone_count;
  return std::any_of(wish.zones.data(), end, lies_in) && !obstacle(frame, frame + pages);
}

std::string Blocks::objection(const Wish& wish, std::uint64_t pages, std::uint64_t frame) const {
  if (may_be(wish, pages, frame)) return {};
  const std::uint64_t size = std::uint64_t{1} << wish.order;
  if (wish.order > machine_.top_order) return "no block is so large";
  if (frame % size != 0) return "no multiple of " + std::to_string(size);
  const auto* const end = wish.zones.data() + wish.zone_count;
  const auto holds_it = [&](std::uint8_t number) { return zone(number).contains(Pfn(frame)); };
  const auto* const its = std::find_if(wish.zones.data(), end, holds_it);
  if (its == end) return "in no zone that the request may have";
  if (size > zone(*its).end().raw() - frame)
    return "reaches beyond the end of its zone, " + std::to_string(zone(*its).end().raw());
  const std::uint64_t given = first_given(frame, frame + pages);
  if (given != frame + pages) return "frame " + std::to_string(given) + " is in use";
  return "some of its frames do not exist or are reserved";
}

std::optional<std::uint64_t> Blocks::plainest(const Wish& wish, std::uint64_t pages) const {
  if (wish.order > machine_.top_order) return std::nullopt;
  const std::uint64_t size = std::uint64_t{1} << wish.order;
  const auto aligned = [size](std::uint64_t frame) { return (frame + size - 1) / size * size; };
  for (unsigned i = 0; i < wish.zone_count; ++i) {
    const FrameSpan span = zone(wish.zones[i]);
    std::uint64_t frame = aligned(span.first.raw());
    while (frame + size <= span.end().raw()) {
      const std::optional<std::uint64_t> past = obstacle(frame, frame + pages);
      if (!past) return frame;
      frame = aligned(*past);
    }
  }
  return std::nullopt;
}

std::uint64_t Blocks::first_given(std::uint64_t from, std::uint64_t to) const {
  while (from < to) {
    const std::uint64_t word = given_word(from) >> (from % 64);
    if (word != 0) return std::min<std::uint64_t>(to, from + static_cast<unsigned>(std::countr_zero(word)));
    from += 64 - from % 64;
  }
  return to;
}

// The first frame from there on that is not given.
std::uint64_t Blocks::end_of_given(std::uint64_t frame) const {
  for (;;) {
    const std::uint64_t rest = given_word(frame) >> (frame % 64);
    const unsigned run = static_cast<unsigned>(std::countr_one(rest));
    if (run < 64 - frame % 64) return frame + run;
    frame += run;
  }
}

std::uint64_t Blocks::given_in(const FrameSpan& zone) const {
  const std::uint64_t first = zone.first.raw(), end = zone.end().raw();
  std::uint64_t pages = 0;
  for (const Block& block : by_handle_) {
    const bool is_inside = block.frame >= first && block.frame < end;  // blocks lie in one zone
    if (is_inside && !block.given_back) pages += block.pages;
  }
  return pages;
}

void Blocks::set_given(const Block& block, bool is_given) {
  if (block.given_back) return;
  for (std::uint64_t frame = block.frame, end = block.frame + block.pages; frame < end;) {
    const std::uint64_t in_word = std::min(end - frame, 64 - frame % 64);
    const std::uint64_t bits = (in_word == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << in_word) - 1) << (frame % 64);
    if (pieces_.size() <= frame / kPieceFrames) pieces_.resize(frame / kPieceFrames + 1);
    std::unique_ptr<Piece>& piece = pieces_[frame / kPieceFrames];
    if (piece == nullptr) piece = std::make_unique<Piece>();
    std::uint64_t& word = (*piece)[frame % kPieceFrames / 64];
    word = is_given ? word | bits : word & ~bits;
    frame += in_word;
  }
}

bool Blocks::may_be_short(const Wish& wish, std::uint64_t others, std::uint64_t overhead) const {
  std::uint64_t asked = others, usable = 0;
  for (unsigned i = 0; i < wish.zone_count; ++i) {
    const unsigned node = wish.zones[i] / kZoneKinds, kind = wish.zones[i] % kZoneKinds;
    const auto managed_of = [&](unsigned k) { return machine_.frames_managed(NodeId(node), static_cast<ZoneKind>(k)); };
    const std::uint64_t managed = managed_of(kind);
    std::uint64_t above = 0;
    for (unsigned k = kind + 1; k <= static_cast<unsigned>(wish.highest()); ++k) above += managed_of(k);
    const std::uint64_t reserve = machine_.lowmem_ratio == 0 ? 0 : above / machine_.lowmem_ratio;
    const std::uint64_t kept = wish.gfp.any(kGfpNofail) ? 0 : machine_.watermark_min + reserve;
    asked += given_in(zone(wish.zones[i]));
    usable += managed - std::min(managed, kept + managed * overhead / 1024);
  }
  return asked >= usable;
}

void Blocks::put(unsigned handle, const Block& block) {
  if (by_handle_.size() <= handle) by_handle_.resize(handle + 1);
  set_given(by_handle_[handle], false);
  set_given(block, true);
  by_handle_[handle] = block;
}

void Blocks::give_back(unsigned handle) {
  set_given(by_handle_[handle], false);
  by_handle_[handle].given_back = true;
}

}  // namespace mmtwin::model
