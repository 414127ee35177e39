// Families: which ranges may share anonymous pages through fork, as chains of links (Linux: anon_vma).
//
// Laws: VMA-2 (families decide which ranges merge), COW-1 (every sharer of a page is found through its family).
// Context: the family lock, taken inside, after a space's lock and page-table lock. Cost: one link per range and
// inherited family. A family lives as long as a range links it. It deliberately does not look at pages.
#pragma once

#include <cstdint>
#include <cstdio>

#include "impl/base/audit.h"
#include "impl/base/outcome.h"
#include "impl/platform/hardware.h"
#include "impl/slab/slab.h"
#include "impl/space/range.h"
#include "version/lock.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class Families {
 public:
  Families(Hardware& hardware, Slab& slab);

  // `range` has no family yet: it gets `shared`, or a new root if that is none. Refusals: kOom, nothing changed.
  Outcome<Done> found(CpuId cpu, Ref<Range> range, Ref<Family> shared);
  // The child's range, which has no chain yet, inherits the parent's and gets a family of its own: an abandoned one of
  // the chain if there is one, else a new child of the parent range's. Refusals: kOom, nothing changed.
  Outcome<Done> inherit(CpuId cpu, Ref<Range> child, Ref<Range> parent);

  // Links for a later copy(), `count` of them in a row; count 0: none. Refusals: kOom, nothing kept.
  Outcome<Ref<FamilyLink>> reserve(CpuId cpu, std::uint32_t count);
  void release(CpuId cpu, Ref<FamilyLink> reserved);
  // The two halves of a split range have the same families. `reserved`: as many as `from` has.
  void copy(CpuId cpu, Ref<Range> to, Ref<Range> from, Ref<FamilyLink> reserved);
  // `from` is about to go, `to` has none: it takes over family and chain.
  void move(CpuId cpu, Ref<Range> to, Ref<Range> from);
  // The range is about to go. Families without any link left go with it.
  void leave(CpuId cpu, Ref<Range> range);

  // Links of the range are linked by their families, and the family counts them.
  void audit(Audit& audit, Ref<Range> range) const;

 private:
  void append(Ref<Range> range, Ref<FamilyLink> link, Ref<Family> family);
  void unlink(Ref<FamilyLink> link);
  bool clone(CpuId cpu, Ref<Range> child, Ref<Range> parent);
  void drop_chain(CpuId cpu, Ref<Range> range);

  Hardware& hardware_;
  Slab& slab_;
  Lock& lock_;  // in boot memory
};

}  // namespace mmtwin::impl
