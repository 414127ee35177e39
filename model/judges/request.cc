#include "model/judges/request.h"

namespace mmtwin::model {

Gfp flags_of_role(Role role) {
  switch (role) {
    case Role::kAnon: return kGfpWait | kGfpZero | kGfpMovable;
    case Role::kRootTable:
    case Role::kTable: return kGfpWait | kGfpZero;
    case Role::kZeroPage:
    case Role::kSlab:
    case Role::kNone:
    case Role::kBlock: return kGfpWait;
  }
  return kGfpWait;
}

bool may_give(const Zone& zone, const Request& request) {
  const Wish& wish = request.wish;
  const std::uint64_t wanted = std::uint64_t{1} << wish.order;
  if (zone.free < wanted) return false;
  std::uint64_t kept = zone.min;
  if (wish.gfp.any(kGfpHigh)) kept = zone.min - zone.min / 2;
  kept += zone.reserve[static_cast<unsigned>(wish.highest())];
  if (wish.gfp.any(kGfpNofail) || request.may_use_reserves) kept = 0;
  if (zone.free - (wanted - 1) <= kept) return false;
  for (unsigned o = wish.order; o <= zone.top; ++o)
    if (zone.full[o] != 0) return true;
  return false;
}

void look(const Frames& frames, Request& request) {
  request.may = 0;
  for (unsigned i = 0; i < request.wish.zone_count; ++i) {
    const unsigned z = request.wish.zones[i];
    if (!may_give(frames.zone(z), request)) continue;
    request.may |= 1u << z;
  }
  request.always = request.may;
  request.looked_at = frames.version();
}

}  // namespace mmtwin::model
