// ObservationJudge: what an independent decoder saw of the system, against what the model holds.
//
// Laws: FRAME, BUDDY, PCP-1, VMA, ACCT, PT-3, CONTENT-2, LIVE-1, AUDIT-1. Context: one thread. Cost: one lookup an
// item. It deliberately changes no fact but one that a refused fork left open.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class ObservationJudge : public Judge {
 public:
  using Judge::Judge;

  void judge_frame(Pfn at, const FrameObservation& seen);
  void judge_ranges(SpaceHandle handle, const std::vector<RangeObservation>& seen);
  void judge_space(SpaceHandle handle, const SpaceObservation& seen);
  void judge_zone(NodeId node, ZoneKind kind, const ZoneObservation& seen);
  void judge_cache(CacheName cache, const CacheObservation& seen);
  void judge_entry(SpaceHandle handle, Vpn page, const EntryObservation& seen);
  void judge_bytes(Pfn at, std::span<const std::uint8_t> seen);
  void judge_complaint(std::string_view complaint);
  void judge_rest();

 private:
  void judge_too_large_block(const FrameObservation& seen);
  void judge_counts(const FrameRecord& record, const FrameObservation& seen);
  bool is_well_formed(const std::vector<RangeObservation>& seen);
};

}  // namespace mmtwin::model
