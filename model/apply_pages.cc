// What the pages_ operations must have done by their end.
#include <algorithm>
#include <bit>

#include "model/state.h"

namespace mmtwin::model {

void State::adopt_block(unsigned handle, std::uint64_t frame, std::uint64_t count, unsigned order, bool exact) {
  if (handle == 0) return;
  if (blocks.size() <= handle) blocks.resize(handle + 1);
  blocks[handle] = {frame, count, order, exact};
}

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
  if (refused_for_memory(r)) return;
  if (r.refusal != Refusal::kNone) return find(Law::kAnswer, "refusal", "ok or oom", std::string(name_of(r.refusal)));
  const std::uint64_t count = pages_in(op.order.value()).raw();
  if (!is_fresh_block(r)) return;
  if (op.gfp.any(kGfpZero)) {
    note(Law::kIso2);
    const std::uint64_t zeroed = zeroed_in(r.value, count);
    if (zeroed != count) return find(Law::kIso2, "frames zeroed", count, zeroed);
  }
  adopt_block(op.result.number(), r.value, count, op.order.raw(), false);
}

void State::end_pages(const PagesAllocExact& op, const Response& r) {
  if (refused_for_memory(r)) return;
  if (r.refusal != Refusal::kNone) return find(Law::kAnswer, "refusal", "ok or oom", std::string(name_of(r.refusal)));
  const unsigned order = static_cast<unsigned>(std::bit_width(op.pages.raw() - 1));
  if (!is_fresh_block(r)) return;
  const std::uint64_t taken = std::uint64_t{1} << order;
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
    if (zeroed != op.pages.raw()) return find(Law::kIso2, "frames zeroed", op.pages.raw(), zeroed);
  }
  adopt_block(op.result.number(), r.value, op.pages.raw(), order, true);
}

void State::end_pages(const PagesFree& op, const Response& r) {
  if (r.refusal != Refusal::kNone) return find(Law::kAnswer, "refusal", "ok", std::string(name_of(r.refusal)));
  Block& block = blocks[op.block.number()];
  const std::uint64_t heads = block.exact ? block.pages : 1;
  if (now.overlapped && now.returned_heads != heads)
    return find(Law::kFrame1, "heads returned", heads, now.returned_heads);
  for (std::uint64_t i = 0; i < heads && !now.overlapped; ++i) {  // others may have taken them since
    const FrameRecord& record = frames.at(block.frame + i);
    if (record.state == FrameState::kUsed && record.role == Role::kBlock)
      return find(Law::kFrame1, "frame", "returned", "kept: " + std::to_string(block.frame + i));
  }
  block = Block{};
}

void State::end_pages(const PagesDrainCpu& op, const Response& r) {
  if (r.refusal != Refusal::kNone) return find(Law::kAnswer, "refusal", "ok", std::string(name_of(r.refusal)));
  if (op.target.raw() != now.cpu && (now.heard >> op.target.raw() & 1u) == 0)
    return find(Law::kCpu2, "interrupt", "to CPU " + std::to_string(op.target.raw()), "none");
  if (now.overlapped) return;  // the CPU may have put frames there since
  for (unsigned z = 0; z < kMaxZones; ++z) {
    const std::uint32_t listed = frames.zone(z).listed[op.target.raw()];
    if (now.drained) note(Law::kPcp2);
    if (listed != 0) return find(Law::kPcp2, "listed frames after a drain", 0, listed);
  }
}

// A frame that is kept holds an object, so there are no more frames than objects.
void State::end_shrink(const Response& r) {
  if (r.refusal != Refusal::kNone) return find(Law::kAnswer, "refusal", "ok", std::string(name_of(r.refusal)));
  if (now.overlapped) return;  // others may have taken and emptied slabs since
  for (unsigned cache = 0; cache < kCaches; ++cache) {
    const std::uint64_t most = live_objects(cache);
    note(Law::kRollback2);
    if (slab_frames[cache] > most) return find(Law::kRollback2, "slab frames", most, slab_frames[cache]);
  }
}

// Out of memory is a legal answer only if a request was refused, legally, in this very operation.
bool State::refused_for_memory(const Response& r) {
  if (r.refusal != Refusal::kOom) return false;
  note(Law::kOom1);
  note(Law::kRollback1);
  if (!now.refused) find(Law::kOom1, "refusal", "no request was refused", "oom");
  return true;
}

}  // namespace mmtwin::model
