// ObjectJudge: slab objects: which caches may be asked, and that what was handed out is what the state consists of.
//
// Laws: SLUB-1, SLUB-2, OOM-1, FRAME-3. Context: one thread. Cost: counters by cache. It deliberately does not know
// where in a slab an object lies.
#pragma once

#include "model/judges/judge.h"

namespace mmtwin::model {

class ObjectJudge : public Judge {
 public:
  using Judge::Judge;

  void judge_end();
  void note_shrunk();
  void cache_unlocked(std::uint64_t cache);
  bool was_full(std::uint64_t cache);
  void others_act();
  bool lacks_slab(std::uint64_t cache) const;
  void page_requested(Role role);
  std::uint64_t live_objects(unsigned cache) const;
  void judge_slab_room(std::uint64_t cache);
  void object_requested(const Event& e);
  void object_refused(const Event& e);
  void object_returned(const Event& e);

 private:
  bool has_free_object(std::uint64_t cache) const;
  std::uint64_t slabs_in_hand(std::uint64_t cache) const;
  bool may_need(CacheName cache) const;
  std::uint64_t objects_in_frame(std::uint64_t cache) const;
  void count_ranges(std::uint32_t number);
};

}  // namespace mmtwin::model
