// Mmu: the translation hardware of every CPU: loaded root, TLB, walk caches, and the walker that fills them.
//
// Laws: TLB-1 and TLB-2 are judged from its events, PT-3 from what it marks. Context: a CPU uses its own part inside
// enter()/leave(), visitors (interrupts) inside visit()/end_visit(). Cost: a hit is one compare; a miss is one load a
// level not cached; dropping everything of an ASID scans the caches until nothing of it is left. The plain version of
// the hit is a walk; bench/fast/faults.cc measures both. It deliberately has no opinion on who may be mapped where: it
// obeys the tables (docs/RULES.md section 5, Intel SDM volume 3 sections 4.5 and 4.10), and raises no fault by itself.
//
// TLB slot `i` of CPU c is element c * tlb_entries + i, page p goes to slot p mod tlb_entries. Walk cache level L (1 to
// 3) holds entries read from tables of level L, so it leads to a table of level L - 1; prefix = page >> (bits * L).
#pragma once

#include <cstdint>
#include <optional>

#include "impl/base/audit.h"
#include "impl/base/geometry.h"
#include "impl/platform/hardware.h"
#include "impl/platform/owner_section.h"
#include "impl/platform/tracked_array.h"
#include "version/point.h"
#include "version/shared_word.h"
#include "vocab/events.h"
#include "vocab/flags.h"
#include "vocab/units.h"

namespace mmtwin::impl {

// A tag is page << 4 | key; a key is ASID * 2 + 1, so that an all-zero slot is empty.
inline constexpr unsigned kTagShift = 4;
inline constexpr std::uint64_t kNobodysKey = 15;  // no slot has it: a CPU without user code never hits
constexpr std::uint64_t key_of(unsigned asid) { return asid * 2 + 1; }

// One tag per kind of access, by Access: the tag is there only if the cached entry allows that access at once (stores:
// writable and D set). The tag for loads is in every full slot.
struct TlbSlot {
  std::uint64_t tag[3];
  std::uint64_t frame;
};
static_assert(sizeof(TlbSlot) == 32);

struct WalkCacheSlot {
  std::uint64_t tag;
  std::uint64_t table;   // frame of the next lower table
  std::uint64_t rights;  // gathered down to here
  std::uint64_t page;    // for which it was filled
};
static_assert(sizeof(WalkCacheSlot) == 32);

struct alignas(64) CpuTranslation {
  std::uint64_t key = kNobodysKey;  // of the loaded ASID while user code may run
  const TlbSlot* slots = nullptr;   // its TLB
  std::uint64_t slot_mask = 0;
  std::uint64_t root = 0;           // frame of the loaded root table
  std::uint64_t first_slot = 0;     // of its TLB, in the array of all
  std::uint64_t first_cache = 0;    // of its walk caches, level 1 first
  std::uint32_t asid = 0;
  std::uint32_t lazy = 0;           // 1: runs no user code, the loaded root stays
  OwnerSection section;
  std::uint32_t cached[8] = {};     // full slots of TLB and walk caches by ASID
};

template <class Geometry>
class Mmu {
 public:
  // Every CPU starts with `kernel_root` loaded under ASID 0 and no user code.
  explicit Mmu(Hardware& hardware);
  void boot(Pfn kernel_root);

  // ---- the CPU itself ----
  void enter(CpuId cpu) { cpus_[cpu.raw()].section.enter(); }
  void leave(CpuId cpu) { cpus_[cpu.raw()].section.leave(); }
  // A visitor waits until the CPU is outside, and keeps it there.
  void visit(CpuId cpu) { cpus_[cpu.raw()].section.visit(); }
  void end_visit(CpuId cpu) { cpus_[cpu.raw()].section.end_visit(); }

  // ---- inside enter()/leave() or visit()/end_visit() of `cpu` ----
  // The frame that a user's access reaches; nullopt: a page fault.
  std::optional<Pfn> translate(CpuId cpu, Vpn page, Access access) {
    const CpuTranslation& c = cpus_[cpu.raw()];
    const std::uint64_t index = page.raw() & c.slot_mask;
    const TlbSlot& slot = c.slots[index];
    if (slot.tag[static_cast<unsigned>(access)] == (page.raw() << kTagShift | c.key)) [[likely]] {
      emit_used(cpu, static_cast<unsigned>(index), page, access);
      return Pfn(slot.frame);
    }
    return translate_slowly(cpu, page, access);
  }
  // Walks ahead of the program: may fill the TLB and set A, never D.
  void speculate(CpuId cpu, Vpn page);
  // Drops the TLB entry of the page, if there is one.
  void evict(CpuId cpu, Vpn page);
  // Drops what is cached for the page under the loaded ASID: TLB entry and walk caches.
  void drop_page(CpuId cpu, Vpn page);
  // Drops all that is cached under the loaded ASID.
  void drop_all(CpuId cpu);
  // User code may run. `flush`: first forgets what was cached under `asid`.
  void load(CpuId cpu, Pfn root, unsigned asid, bool flush);
  void load_kernel(CpuId cpu);
  // Lazy: the root stays, user accesses do not happen.
  void unload(CpuId cpu);

  // Not lazy any more, though user code does not run before the load that follows. A full fence: who has changed a
  // generation and then sees the CPU lazy has changed it before the CPU reads it.
  void wake(CpuId cpu) { clear_bits(cpus_[cpu.raw()].lazy, std::uint32_t{1}); }

  // If so, what user code did there before is done and seen.
  bool is_lazy(CpuId cpu) const {
    touches(&cpus_[cpu.raw()].section, false, Point::kTouchSequence);
    return load_acquire(cpus_[cpu.raw()].lazy) != 0;
  }
  bool runs_user_code(CpuId cpu) const { return load_relaxed(cpus_[cpu.raw()].key) != kNobodysKey; }
  Pfn root(CpuId cpu) const { return Pfn(cpus_[cpu.raw()].root); }
  unsigned asid(CpuId cpu) const { return cpus_[cpu.raw()].asid; }

  void dump(std::FILE* to) const;
  // Every slot lies where its page says, `cached` counts them, and nobody is inside.
  void audit(Audit& audit) const;

 private:
  static constexpr unsigned kCachedLevels = Geometry::kLevels - 1;
  enum class WalkEnd : std::uint8_t { kFilled, kFault, kAgain };

  void emit_used(CpuId cpu, unsigned index, Vpn page, Access access) {
    hardware_.emit({.kind = EventKind::kTlbUsed, .cpu = cpu, .access = static_cast<std::uint8_t>(access),
                    .index = static_cast<std::uint16_t>(index), .place = page.raw()});
  }
  std::optional<Pfn> translate_slowly(CpuId cpu, Vpn page, Access access);
  bool walk_and_fill(CpuId cpu, Vpn page, Access access);
  WalkEnd walk(CpuId cpu, Vpn page, Access access);
  void fill_tlb(CpuId cpu, Vpn page, std::uint64_t entry, Pfn frame);
  void fill_walk_cache(CpuId cpu, unsigned level, Vpn page, Pfn table, std::uint64_t rights);
  void clear_tlb_slot(CpuId cpu, unsigned index, bool narrated);
  void clear_walk_cache_slot(CpuId cpu, unsigned level, unsigned index, bool narrated);
  void forget(CpuId cpu, unsigned asid, bool narrated);
  std::uint64_t cache_at(const CpuTranslation& c, unsigned level, unsigned index) const {
    return c.first_cache + (level - 1) * (cache_mask_ + 1) + index;
  }
  unsigned cache_index(Vpn page, unsigned level) const {
    return static_cast<unsigned>((page.raw() >> (Geometry::kBitsPerLevel * level)) & cache_mask_);
  }
  static std::uint64_t cache_tag(Vpn page, unsigned level, unsigned asid) {
    return (page.raw() >> (Geometry::kBitsPerLevel * level)) << kTagShift | key_of(asid);
  }

  Hardware& hardware_;
  CpuTranslation* cpus_;  // in boot memory
  unsigned cpu_count_;
  std::uint64_t slot_mask_;
  std::uint64_t cache_mask_;
  Pfn kernel_root_;
  TrackedArray<TlbSlot> tlb_;
  TrackedArray<WalkCacheSlot> walk_cache_;
};

}  // namespace mmtwin::impl
