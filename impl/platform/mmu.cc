#include "impl/platform/mmu.h"

#include <cinttypes>
#include <cstdio>

#include "impl/pgtable/address_rules.h"
#include "impl/pgtable/entry_rules.h"
#include "impl/pgtable/walk_rules.h"
#include "version/point.h"

namespace mmtwin::impl {

template <class Geometry>
Mmu<Geometry>::Mmu(Hardware& hardware)
    : hardware_(hardware),
      cpus_(hardware.boot_memory().place<CpuTranslation>(hardware.machine().cpus)),
      cpu_count_(hardware.machine().cpus),
      slot_mask_(hardware.machine().tlb_entries - 1u),
      cache_mask_(hardware.machine().walk_cache_entries - 1u),
      tlb_(hardware, std::uint64_t{cpu_count_} * hardware.machine().tlb_entries),
      walk_cache_(hardware, std::uint64_t{cpu_count_} * kCachedLevels * hardware.machine().walk_cache_entries) {
  static_assert(Geometry::kAsids < 7, "a key fits below a tag's page, and differs from kNobodysKey");
}

template <class Geometry>
void Mmu<Geometry>::boot(Pfn kernel_root) {
  kernel_root_ = kernel_root;
  for (unsigned i = 0; i < cpu_count_; ++i) {
    CpuTranslation& c = cpus_[i];
    c.root = kernel_root.raw();
    c.first_slot = i * (slot_mask_ + 1);
    c.slots = &tlb_.at(c.first_slot);
    c.slot_mask = slot_mask_;
    c.first_cache = i * kCachedLevels * (cache_mask_ + 1);
    c.section.prepare();
  }
}

template <class Geometry>
std::optional<Pfn> Mmu<Geometry>::translate_slowly(CpuId cpu, Vpn page, Access access) {
  // Another CPU may have ended the space: no user code runs any more, and software learns why.
  if (!runs_user_code(cpu)) return std::nullopt;
  if (!walk_and_fill(cpu, page, access)) {
    hardware_.emit({.kind = EventKind::kFaulted, .cpu = cpu, .access = static_cast<std::uint8_t>(access),
                    .place = page.raw()});
    return std::nullopt;
  }
  const unsigned index = static_cast<unsigned>(page.raw() & slot_mask_);
  emit_used(cpu, index, page, access);
  return Pfn(tlb_.at(cpus_[cpu.raw()].first_slot + index).frame);
}

template <class Geometry>
bool Mmu<Geometry>::walk_and_fill(CpuId cpu, Vpn page, Access access) {
  for (;;) {
    const WalkEnd end = walk(cpu, page, access);
    if (end != WalkEnd::kAgain) return end == WalkEnd::kFilled;
  }
}

template <class Geometry>
typename Mmu<Geometry>::WalkEnd Mmu<Geometry>::walk(CpuId cpu, Vpn page, Access access) {
  const CpuTranslation& c = cpus_[cpu.raw()];
  Ram& ram = hardware_.ram();
  Pfn table(c.root);
  std::uint64_t rights = kAllRights;
  unsigned level = Geometry::kLevels - 1;
  for (unsigned cached = 1; cached <= kCachedLevels; ++cached) {
    const unsigned index = cache_index(page, cached);
    const WalkCacheSlot& slot = walk_cache_.at(cache_at(c, cached, index));
    if (slot.tag != cache_tag(page, cached, c.asid)) continue;
    hardware_.emit({.kind = EventKind::kWalkCacheUsed, .cpu = cpu, .level = static_cast<std::uint8_t>(cached),
                    .index = static_cast<std::uint16_t>(index), .frame = Pfn(slot.table), .place = page.raw()});
    table = Pfn(slot.table);
    rights = slot.rights;
    level = cached - 1;
    break;
  }
  for (;; --level) {
    const unsigned index = static_cast<unsigned>(index_at<Geometry>(page.raw(), level));
    const std::uint64_t entry = ram.load_entry(table, index);
    const Step step = step_of(entry, level);
    if (step == Step::kAbsent) return WalkEnd::kFault;
    rights = effective(rights, entry);
    const bool is_leaf = step == Step::kLeaf;
    if (is_leaf && !permits(rights, access == Access::kStore, access == Access::kFetch, true)) return WalkEnd::kFault;
    std::uint64_t marked = with_accessed(entry);
    if (is_leaf && access == Access::kStore) marked = with_dirty(marked);
    if (marked != entry) {
      point(Point::kWalkMark);
      if (!ram.mark_entry(cpu, table, index, entry, marked)) return WalkEnd::kAgain;
    }
    if (is_leaf) {
      const std::uint64_t inside = span_pages<Geometry>(level) - 1;
      const std::uint64_t kept = marked & ~(kAllRights | kEntryNoExecute);
      fill_tlb(cpu, page, kept | rights, Pfn((frame_of(entry) & ~inside) | (page.raw() & inside)));
      return WalkEnd::kFilled;
    }
    table = Pfn(frame_of(entry));
    fill_walk_cache(cpu, level, page, table, rights);
  }
}

template <class Geometry>
void Mmu<Geometry>::fill_tlb(CpuId cpu, Vpn page, std::uint64_t entry, Pfn frame) {
  CpuTranslation& c = cpus_[cpu.raw()];
  const unsigned index = static_cast<unsigned>(page.raw() & slot_mask_);
  TlbSlot& slot = tlb_.edit(c.first_slot + index);
  const std::uint64_t before = slot.tag[0];
  if (before != 0) --c.cached[(before & 15) >> 1];
  ++c.cached[c.asid];
  const std::uint64_t tag = page.raw() << kTagShift | key_of(c.asid);
  slot.tag[static_cast<unsigned>(Access::kLoad)] = tag;
  slot.tag[static_cast<unsigned>(Access::kStore)] = is_writable(entry) && is_dirty(entry) ? tag : 0;
  slot.tag[static_cast<unsigned>(Access::kFetch)] = is_executable(entry) ? tag : 0;
  slot.frame = frame.raw();
  hardware_.emit({.kind = EventKind::kTlbFilled, .cpu = cpu, .index = static_cast<std::uint16_t>(index),
                  .frame = frame, .place = page.raw(), .after = entry});
}

template <class Geometry>
void Mmu<Geometry>::fill_walk_cache(CpuId cpu, unsigned level, Vpn page, Pfn table, std::uint64_t rights) {
  CpuTranslation& c = cpus_[cpu.raw()];
  const unsigned index = cache_index(page, level);
  WalkCacheSlot& slot = walk_cache_.edit(cache_at(c, level, index));
  if (slot.tag != 0) --c.cached[(slot.tag & 15) >> 1];
  ++c.cached[c.asid];
  slot = {cache_tag(page, level, c.asid), table.raw(), rights, page.raw()};
  hardware_.emit({.kind = EventKind::kWalkCacheFilled, .cpu = cpu, .level = static_cast<std::uint8_t>(level),
                  .index = static_cast<std::uint16_t>(index), .frame = table, .place = page.raw()});
}

template <class Geometry>
void Mmu<Geometry>::clear_tlb_slot(CpuId cpu, unsigned index, bool narrated) {
  CpuTranslation& c = cpus_[cpu.raw()];
  TlbSlot& slot = tlb_.edit(c.first_slot + index);
  const std::uint64_t page = slot.tag[0] >> kTagShift;
  --c.cached[(slot.tag[0] & 15) >> 1];
  slot = {};
  if (narrated)
    hardware_.emit({.kind = EventKind::kTlbDropped, .cpu = cpu, .index = static_cast<std::uint16_t>(index), .frame = {},
                    .place = page});
}

template <class Geometry>
void Mmu<Geometry>::clear_walk_cache_slot(CpuId cpu, unsigned level, unsigned index, bool narrated) {
  CpuTranslation& c = cpus_[cpu.raw()];
  WalkCacheSlot& slot = walk_cache_.edit(cache_at(c, level, index));
  const WalkCacheSlot before = slot;
  --c.cached[(before.tag & 15) >> 1];
  slot = {};
  if (narrated)
    hardware_.emit({.kind = EventKind::kWalkCacheDropped, .cpu = cpu, .level = static_cast<std::uint8_t>(level),
                    .index = static_cast<std::uint16_t>(index), .frame = Pfn(before.table), .place = before.page});
}

template <class Geometry>
void Mmu<Geometry>::speculate(CpuId cpu, Vpn page) {
  const CpuTranslation& c = cpus_[cpu.raw()];
  // Beyond the last bit that takes part in translation there is nothing to walk to.
  if (!is_canonical<Geometry>(address_of(page).raw())) return;
  const TlbSlot& slot = tlb_.at(c.first_slot + (page.raw() & slot_mask_));
  if (slot.tag[0] == (page.raw() << kTagShift | c.key)) return;
  walk_and_fill(cpu, page, Access::kLoad);
}

template <class Geometry>
void Mmu<Geometry>::evict(CpuId cpu, Vpn page) {
  const CpuTranslation& c = cpus_[cpu.raw()];
  const unsigned index = static_cast<unsigned>(page.raw() & slot_mask_);
  if (tlb_.at(c.first_slot + index).tag[0] != (page.raw() << kTagShift | key_of(c.asid))) return;
  clear_tlb_slot(cpu, index, true);
}

template <class Geometry>
void Mmu<Geometry>::drop_page(CpuId cpu, Vpn page) {
  evict(cpu, page);
  const CpuTranslation& c = cpus_[cpu.raw()];
  for (unsigned level = 1; level <= kCachedLevels; ++level) {
    const unsigned index = cache_index(page, level);
    if (walk_cache_.at(cache_at(c, level, index)).tag == cache_tag(page, level, c.asid))
      clear_walk_cache_slot(cpu, level, index, true);
  }
}

template <class Geometry>
void Mmu<Geometry>::drop_all(CpuId cpu) {
  forget(cpu, cpus_[cpu.raw()].asid, true);
}

template <class Geometry>
void Mmu<Geometry>::forget(CpuId cpu, unsigned asid, bool narrated) {
  CpuTranslation& c = cpus_[cpu.raw()];
  for (unsigned index = 0; index <= slot_mask_ && c.cached[asid] != 0; ++index) {
    if ((tlb_.at(c.first_slot + index).tag[0] & 15) == key_of(asid)) clear_tlb_slot(cpu, index, narrated);
  }
  for (unsigned level = 1; level <= kCachedLevels; ++level) {
    for (unsigned index = 0; index <= cache_mask_ && c.cached[asid] != 0; ++index) {
      if ((walk_cache_.at(cache_at(c, level, index)).tag & 15) == key_of(asid))
        clear_walk_cache_slot(cpu, level, index, narrated);
    }
  }
}

template <class Geometry>
void Mmu<Geometry>::load(CpuId cpu, Pfn root, unsigned asid, bool flush) {
  check(asid >= 1 && asid <= Geometry::kAsids, "TLB-1: a space is loaded under an ASID of its own");
  if (flush) forget(cpu, asid, false);
  CpuTranslation& c = cpus_[cpu.raw()];
  c.root = root.raw();
  c.asid = asid;
  store_relaxed(c.key, key_of(asid));
  store_relaxed(c.lazy, std::uint32_t{0});
  hardware_.emit({.kind = EventKind::kSpaceLoaded, .cpu = cpu, .index = static_cast<std::uint16_t>(asid), .frame = root,
                  .place = 0, .before = 0, .after = flush});
}

template <class Geometry>
void Mmu<Geometry>::load_kernel(CpuId cpu) {
  CpuTranslation& c = cpus_[cpu.raw()];
  c.root = kernel_root_.raw();
  c.asid = 0;
  store_relaxed(c.key, kNobodysKey);
  store_relaxed(c.lazy, std::uint32_t{0});
  hardware_.emit({.kind = EventKind::kSpaceLoaded, .cpu = cpu, .index = 0, .frame = kernel_root_});
}

template <class Geometry>
void Mmu<Geometry>::unload(CpuId cpu) {
  CpuTranslation& c = cpus_[cpu.raw()];
  store_relaxed(c.key, kNobodysKey);
  // After all accesses of user code: whoever sees the CPU lazy does not interrupt it, and may give its pages away.
  store_release(c.lazy, std::uint32_t{1});
  hardware_.emit({.kind = EventKind::kSpaceUnloaded, .cpu = cpu, .index = static_cast<std::uint16_t>(c.asid),
                  .frame = Pfn(c.root)});
}

template <class Geometry>
void Mmu<Geometry>::dump(std::FILE* to) const {
  for (unsigned i = 0; i < cpu_count_; ++i) {
    const CpuTranslation& c = cpus_[i];
    std::fprintf(to, "cpu %u root 0x%" PRIx64 " asid %u%s\n", i, c.root, c.asid, c.lazy != 0 ? " lazy" : "");
    for (unsigned index = 0; index <= slot_mask_; ++index) {
      const TlbSlot& slot = tlb_.at(c.first_slot + index);
      if (slot.tag[0] == 0) continue;
      std::fprintf(to, "  tlb %u asid %u page 0x%" PRIx64 " frame 0x%" PRIx64 "%s%s\n", index,
                   static_cast<unsigned>(slot.tag[0] & 15) >> 1, slot.tag[0] >> kTagShift, slot.frame,
                   slot.tag[1] != 0 ? " w" : "", slot.tag[2] != 0 ? " x" : "");
    }
  }
}

template <class Geometry>
void Mmu<Geometry>::audit(Audit& audit) const {
  for (unsigned i = 0; i < cpu_count_; ++i) {
    const CpuTranslation& c = cpus_[i];
    audit.claim(c.section.is_at_rest(), "TLB-2: nobody uses or visits a CPU's translations at rest");
    std::uint32_t count[8] = {};
    for (unsigned index = 0; index <= slot_mask_; ++index) {
      const std::uint64_t tag = tlb_.at(c.first_slot + index).tag[0];
      if (tag == 0) continue;
      audit.claim(((tag >> kTagShift) & slot_mask_) == index, "TLB-1: a page is cached in its own slot");
      ++count[(tag & 15) >> 1];
    }
    for (unsigned level = 1; level <= kCachedLevels; ++level) {
      for (unsigned index = 0; index <= cache_mask_; ++index) {
        const std::uint64_t tag = walk_cache_.at(cache_at(c, level, index)).tag;
        if (tag != 0) ++count[(tag & 15) >> 1];
      }
    }
    for (unsigned asid = 0; asid < 8; ++asid)
      audit.claim(count[asid] == c.cached[asid], "TLB-1: full slots are counted");
  }
}

template class Mmu<X86Geometry>;
template class Mmu<SmallGeometry>;

}  // namespace mmtwin::impl
