// FrameJudge: frames that are taken, zeroed, copied to and returned.
//
// Laws: FRAME-1, FRAME-3, ISO-2, TLB-2, ROLLBACK-2. Context: one thread. Cost: what the block has. It deliberately
// leaves the choice of frame to the system: it judges it, then adopts it.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class FrameJudge : public Judge {
 public:
  using Judge::Judge;

  void frame_taken(const Event& e);
  void frame_returned(const Event& e);
  void frame_zeroed(const Event& e);
  void frame_copied(const Event& e);
  void judge_end();
  void judge_bare(const Event& e, unsigned traits);

 private:
  void make_copy(FreshFrame& fresh);
  void adopt_taken(std::uint64_t frame, unsigned order);
  bool may_be_returned(const Event& e, const FrameRecord& record);
  bool is_its_return(std::uint64_t frame, const FrameRecord& record) const;
  void release_owner(std::uint64_t frame, FrameRecord& record);
  FreshFrame* fresh_around(std::uint64_t frame);
  void judge_kept_frames();
};

}  // namespace mmtwin::model
