// AnonymousPages: private pages of memory without a file, and whether one may be written in place.
//
// Laws: COW-1, COW-2, ISO-2, FRAME-2. Context: the lock of the space whose page it is. Cost: one frame request a page.
// A new page belongs to one space: mapped once, exclusive. It deliberately does not touch page tables.
#pragma once

#include "impl/base/outcome.h"
#include "impl/pgtable/entry_rules.h"
#include "impl/pgtable/page_tables.h"
#include "impl/phys/frame.h"
#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"
#include "vocab/flags.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class AnonymousPages {
 public:
  AnonymousPages(Hardware& hardware, PageAllocator& pages) : hardware_(hardware), pages_(pages) {}

  // Refusals: kOom.
  Outcome<Pfn> make_zeroed(CpuId cpu) { return make(cpu, kGfpUser | kGfpZero); }
  // Refusals: kOom.
  Outcome<Pfn> make_copy(CpuId cpu, Pfn original) {
    const Outcome<Pfn> fresh = make(cpu, kGfpUser);
    if (fresh) hardware_.ram().copy(cpu, original, *fresh);
    return fresh;
  }
  // A page that nobody else refers to may be written in place. Whoever shares it does so through fork, which this
  // space's lock keeps out, so the count can only fall meanwhile. References and not mappings: who unmaps it keeps its
  // reference until no CPU can read through what it had cached; whose reads come before the last reference's end.
  bool may_reuse(Pfn page) const {
    const FrameDescriptor& d = hardware_.frame(page);
    return is_exclusive(d) || load_acquire(d.references) == 1;
  }
  void claim(Pfn page) {
    if (!is_exclusive(hardware_.frame(page))) set_exclusive(hardware_, page, true);
  }
  // One mapping less, or the one it was to get; the last one frees it. Call after the flush.
  void drop(CpuId cpu, Pfn page) {
    remove_mapping(hardware_, page);
    pages_.put(cpu, page);
  }

 private:
  static constexpr Gfp kGfpUser = kGfpWait | kGfpMovable;  // GFP_HIGHUSER_MOVABLE

  Outcome<Pfn> make(CpuId cpu, Gfp gfp) {
    const Outcome<Pfn> fresh = pages_.allocate(cpu, {.role = Role::kAnon, .order = Order(0), .gfp = gfp});
    // Nobody else knows the page yet: a plain store, not an update.
    if (fresh) store_relaxed(hardware_.edit(*fresh).mappings, 1 | kExclusiveBit);
    return fresh;
  }

  Hardware& hardware_;
  PageAllocator& pages_;
};

// Entry of a page just stored to: whoever faults is about to use it, so A and D are set at once.
constexpr std::uint64_t written_leaf(Pfn page, Prot prot) {
  return make_leaf<std::uint64_t>(page.raw(), true, true, prot.has(kProtExec)) | kEntryAccessed | kEntryDirty;
}
// Entry of the shared zero page.
constexpr std::uint64_t zero_leaf(Pfn zero_page, Prot prot) {
  return make_leaf<std::uint64_t>(zero_page.raw(), false, true, prot.has(kProtExec)) | kEntrySpecial | kEntryAccessed;
}

}  // namespace mmtwin::impl
