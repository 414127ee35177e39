// What the pages_ operations must have done by their end.
#include <algorithm>
#include <bit>

#include "model/state.h"

namespace mmtwin::model {

// The answered frame is the one that the events handed out.
bool State::is_fresh_block(const Response& r) {
  if (now.fresh.size() == 1 && now.fresh[0].frame == r.value) return true;
  find(Law::kAnswer, "frame", now.fresh.empty() ? 0 : now.fresh[0].frame, r.value);
  return false;
}

// How many frames of the block were zeroed.
std::uint64_t State::zeroed_in(std::uint64_t frame, std::uint64_t count) {
  std::sort(now.zeroed.begin(), now.zeroed.end());
  const auto end = std::unique(now.zeroed.begin(), now.zeroed.end());
  if (end != now.zeroed.end()) find(Law::kIso2, "frames zeroed", "once each", "one of them twice");
  return static_cast<std::uint64_t>(
      std::count_if(now.zeroed.begin(), end, [&](std::uint64_t f) { return f >= frame && f - frame < count; }));
}

void State::end_pages(const PagesAlloc& op, const Response& r) {
  if (r.refusal != Refusal::kNone) return;
  const std::uint64_t count = pages_in(op.order.value()).raw();
  if (!is_fresh_block(r)) return;
  if (op.gfp.any(kGfpZero)) {
    note(Law::kIso2);
    const std::uint64_t zeroed = zeroed_in(r.value, count);
    if (zeroed != count) find(Law::kIso2, "frames zeroed", count, zeroed);
  }
}

void State::end_pages(const PagesAllocExact& op, const Response& r) {
  if (r.refusal != Refusal::kNone) return;
    if (!is_fresh_block(r)) return;
  const std::uint64_t taken = std::uint64_t{1} << order_of(op);
  if (now.overlapped && now.returned_heads != taken - op.pages.raw())
    return find(Law::kFrame1, "heads returned", taken - op.pages.raw(), now.returned_heads);
  // What went back others may have taken since.
  for (std::uint64_t i = 0; i < (now.overlapped ? op.pages.raw() : taken); ++i) {
    const FrameRecord& record = frames.at(r.value + i);
    const bool kept = record.state == FrameState::kUsed && record.role == Role::kBlock;
    if (kept != (i < op.pages.raw()))
      return find(Law::kFrame1, "frame", i < op.pages.raw() ? "kept" : "returned", kept ? "kept" : "returned");
  }
  if (op.gfp.any(kGfpZero)) {
    note(Law::kIso2);
    const std::uint64_t zeroed = zeroed_in(r.value, op.pages.raw());
    if (zeroed != op.pages.raw()) find(Law::kIso2, "frames zeroed", op.pages.raw(), zeroed);
  }
}

void State::end_pages(const PagesFree&, const Response&) {
  const Block& block = now.block;
  const std::uint64_t heads = block.exact ? block.pages : 1;
  if (now.overlapped && now.returned_heads != heads)
    return find(Law::kFrame1, "heads returned", heads, now.returned_heads);
  for (std::uint64_t i = 0; i < heads && !now.overlapped; ++i) {  // others may have taken them since
    const FrameRecord& record = frames.at(block.frame + i);
    if (record.state == FrameState::kUsed && record.role == Role::kBlock)
      return find(Law::kFrame1, "frame", "returned", "kept: " + std::to_string(block.frame + i));
  }
}

void State::end_pages(const PagesDrainCpu& op, const Response&) {
  const bool tells_interrupts = claims.has(Claim::kTranslations);
  if (tells_interrupts && op.target.raw() != now.cpu && (now.heard >> op.target.raw() & 1u) == 0)
    return find(Law::kCpu2, "interrupt", "to CPU " + std::to_string(op.target.raw()), "none");
  if (now.overlapped) return;  // the CPU may have put frames there since
  for (unsigned z = 0; z < kMaxZones; ++z) {
    const std::uint32_t listed = frames.zone(z).listed[op.target.raw()];
    if (now.drained) note(Law::kPcp2);
    if (listed != 0) return find(Law::kPcp2, "listed frames after a drain", 0, listed);
  }
}

// A frame that is kept holds an object, so there are no more frames than objects.
void State::end_shrink() {
  if (now.overlapped) return;  // others may have taken and emptied slabs since
  for (unsigned cache = 0; cache < kCaches; ++cache) {
    const std::uint64_t most = live_objects(cache);
    note(Law::kRollback2);
    if (slab_frames[cache] > most) return find(Law::kRollback2, "slab frames", most, slab_frames[cache]);
  }
}

}  // namespace mmtwin::model
