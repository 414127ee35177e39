// A system by the book reduced to what it tells: spaces, tables, faults, TLBs, shootdowns, in the small geometry.
//
// Laws: all of model/laws.h hold in what it writes. Context: tests of model/model.h. Cost: maps of what is there. It
// deliberately keeps no bytes: a test says what a load answers.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "model/contract/geometry.h"
#include "tests/model/scenario.h"

namespace mmtwin::model {

class Narrator : public Writer {
 public:
  explicit Narrator(const MachineDescription& machine, const Claims& claims = kAllClaims)
      : Writer(machine, claims), cpus_(machine.cpus) {
    boot();
    for (Cpu& cpu : cpus_) {
      cpu.root = kernel_root_;
      cpu.tlb.resize(machine.tlb_entries);
      for (auto& slots : cpu.walk) slots.resize(machine.walk_cache_entries);
      for (unsigned p = 1; p < 9; ++p) cpu.missed.insert(p);  // an ASID that is given anew is flushed
    }
  }

  struct Link {
    std::uint64_t parent = 0;
    unsigned index = 0, level = 0;  // level of the parent
    std::uint64_t first = 0;        // page
  };
  struct PageFacts {
    Prot prot;
    unsigned range = 0;
  };
  struct Space {
    std::uint64_t root = 0;
    std::map<std::uint64_t, PageFacts> pages;    // mapped ones, by number
    std::set<unsigned> families;                 // ranges that were stored to
    std::map<std::uint64_t, Link> tables;        // lower ones, by frame
    std::map<std::uint64_t, std::uint64_t> leaf_table;  // by first page
  };

  // ---- operations ----
  void create(unsigned p) {
    begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(p)});
    object(CacheName::kSpace);
    spaces_[p].root = take_zeroed(Role::kRootTable);
    end();
  }
  // The space's object needs a new slab frame, which is answered.
  std::uint64_t create_with_slab(unsigned p) {
    begin(SpaceCreate{CpuId(0), Address(), Address(), Fresh<'p'>(p)});
    object(CacheName::kSpace);
    const std::uint64_t slab = take(Role::kSlab, static_cast<std::uint64_t>(CacheName::kSpace));
    spaces_[p].root = take_zeroed(Role::kRootTable);
    end();
    return slab;
  }
  // `pages` pages at a place that was free.
  void map(unsigned p, std::uint64_t at, std::uint64_t pages, Prot prot = kReadWrite, unsigned cpu = 0) {
    begin(map_operation(p, at, pages, prot, cpu));
    load_space(p);
    object(CacheName::kRange);
    note_mapped(p, at, pages, prot);
    end(Refusal::kNone, at);
  }
  static RangeMapAnon map_operation(unsigned p, std::uint64_t at, std::uint64_t pages, Prot prot = kReadWrite,
                                    unsigned cpu = 0) {
    return {CpuId(cpu), SpaceHandle(p), place(at), ByteCount(pages * kPage), prot, MapFlags(kMapFixed), Fresh<'a'>(1)};
  }
  void forget_page(unsigned p, std::uint64_t page) { spaces_[p].pages.erase(page); }
  void note_mapped(unsigned p, std::uint64_t at, std::uint64_t pages, Prot prot) {
    ++ranges_;
    for (std::uint64_t i = 0; i < pages; ++i) spaces_[p].pages[at / kPage + i] = {prot, ranges_};
  }
  void load(unsigned p, std::uint64_t at, std::uint64_t value = 0, unsigned cpu = 0) {
    begin(MemoryLoad{CpuId(cpu), SpaceHandle(p), place(at), Width(1)});
    load_space(p);
    use(p, at / kPage, Access::kLoad);
    committed(Refusal::kNone, value);
    end(Refusal::kNone, value);
  }
  // The first load of a page, whose fault maps the zero page with these rights.
  void load_by(unsigned p, std::uint64_t at, std::uint64_t bits) {
    begin(MemoryLoad{CpuId(0), SpaceHandle(p), place(at), Width(1)});
    load_space(p);
    walk(p, at / kPage, Access::kLoad);
    set_leaf(p, at / kPage, entry_of(zero_page_, bits | kBitSpecial));
    use(p, at / kPage, Access::kLoad);
    end();
  }
  void store(unsigned p, std::uint64_t at, std::uint64_t value, unsigned cpu = 0) {
    begin(store_operation(p, at, value, cpu));
    load_space(p);
    use(p, at / kPage, Access::kStore);
    committed();
    end();
  }
  static MemoryStore store_operation(unsigned p, std::uint64_t at, std::uint64_t value, unsigned cpu = 0) {
    return {CpuId(cpu), SpaceHandle(p), place(at), Width(1), Value(value)};
  }
  void unmap(unsigned p, std::uint64_t at, std::uint64_t pages, unsigned cpu = 0) {
    begin(RangeUnmap{CpuId(cpu), SpaceHandle(p), place(at), ByteCount(pages * kPage)});
    load_space(p);
    unmap_pages(p, at / kPage, at / kPage + pages);
    free_tables(p);
    end();
  }
  void protect(unsigned p, std::uint64_t at, std::uint64_t pages, Prot prot, unsigned cpu = 0) {
    begin(RangeProtect{CpuId(cpu), SpaceHandle(p), place(at), ByteCount(pages * kPage), prot});
    load_space(p);
    for (std::uint64_t page = at / kPage; page < at / kPage + pages; ++page) {
      spaces_[p].pages[page].prot = prot;
      const std::uint64_t entry = leaf(p, page);
      if (!present(entry)) continue;
      set_leaf(p, page, entry & (bits_of(prot) | ~bits_of(kReadWrite) | kBitDirty));
      if (is_more_permissive(entry, leaf(p, page))) flush_page(p, page);
    }
    end();
  }
  void fork(unsigned p, unsigned child) {
    begin(SpaceFork{CpuId(0), SpaceHandle(p), Fresh<'p'>(child)});
    load_space(p);
    object(CacheName::kSpace);
    start_child(p, child);
    for (const auto& [page, facts] : spaces_[p].pages) copy_leaf(p, child, page);
    end();
  }
  void exit(unsigned p, unsigned cpu = 0) {
    begin(SpaceExit{CpuId(cpu), SpaceHandle(p)});
    tear_down(p);
    end();
  }
  void go_lazy(unsigned cpu) {
    begin(CpuSwitchSpace{CpuId(cpu), SpaceHandle()});
    event(EventKind::kSpaceUnloaded);
    cpus_[cpu].lazy = true;
    end();
  }
  void switch_to(unsigned p, unsigned cpu) {
    begin(CpuSwitchSpace{CpuId(cpu), SpaceHandle(p)});
    load_space(p);
    end();
  }

  // ---- parts of operations ----
  void load_space(unsigned p) {
    Cpu& cpu = cpus_[cpu_];
    if (cpu.root == spaces_[p].root && !cpu.lazy) return;
    Event e = event_of(EventKind::kSpaceLoaded, spaces_[p].root);
    e.index = static_cast<std::uint16_t>(p);
    e.after = cpu.missed.erase(p);
    event(e);
    cpu.root = spaces_[p].root;
    cpu.asid = p;
    cpu.lazy = false;
    if (e.after == 0) return;
    for (Slot& slot : cpu.tlb)
      if (slot.asid == p) slot = Slot{};
    for (auto& slots : cpu.walk)
      for (Slot& slot : slots)
        if (slot.asid == p) slot = Slot{};
  }
  std::uint64_t root(unsigned p) { return spaces_[p].root; }
  std::uint64_t entry(std::uint64_t table, unsigned index) { return entries_[table][index]; }
  void set(std::uint64_t table, unsigned index, std::uint64_t after) {
    event(EventKind::kTableStore, table, index, entry(table, index), after);
    entries_[table][index] = after;
  }
  // A link, under the lock of the tables.
  void set_link(std::uint64_t table, unsigned index, std::uint64_t after) {
    const bool locks = scene_.claims.has(Claim::kLocks);
    if (locks) lock(LockClass::kTables, 1);
    set(table, index, after);
    if (locks) unlock(LockClass::kTables, 1);
  }
  std::uint64_t leaf(unsigned p, std::uint64_t page) {
    const auto table = spaces_[p].leaf_table.find(page / 16 * 16);
    return table == spaces_[p].leaf_table.end() ? 0 : entry(table->second, page % 16);
  }
  std::uint64_t frame_at(unsigned p, std::uint64_t at) { return frame_in(leaf(p, at / kPage)); }
  std::uint64_t leaf_table(unsigned p, std::uint64_t at) { return spaces_[p].leaf_table.at(at / kPage / 16 * 16); }
  // Makes the tables down to the leaf's.
  std::uint64_t reach(unsigned p, std::uint64_t page) {
    std::uint64_t here = spaces_[p].root;
    for (unsigned level = 3; level > 0; --level) {
      const unsigned index = static_cast<unsigned>(kSmall.index_of(page, level));
      if (!present(entry(here, index))) {
        const std::uint64_t made = take_zeroed(Role::kTable);
        entries_[made].clear();
        set_link(here, index, entry_of(made, kLink));
        const std::uint64_t span = kSmall.pages_per_entry(level);
        spaces_[p].tables[made] = {here, index, level, page / span * span};
        if (level == 1) spaces_[p].leaf_table[page / span * span] = made;
      }
      here = frame_in(entry(here, index));
    }
    return here;
  }
  // The uppermost lower table, taken but not yet linked.
  std::uint64_t table_for(unsigned p) {
    const std::uint64_t made = take_zeroed(Role::kTable);
    entries_[made].clear();
    spaces_[p].tables[made] = {spaces_[p].root, 0, 3, 0};
    return made;
  }
  void set_leaf(unsigned p, std::uint64_t page, std::uint64_t after) { set(reach(p, page), page % 16, after); }
  std::uint64_t bits_for_reading(unsigned p, std::uint64_t page) {
    return bits_of(spaces_[p].pages[page].prot) & ~(kBitWritable | kBitDirty);
  }
  std::uint64_t bits_for_storing(unsigned p, std::uint64_t page) { return bits_of(spaces_[p].pages[page].prot); }
  unsigned mappings(std::uint64_t frame) {
    unsigned count = 0;
    for (const auto& [p, space] : spaces_)
      for (const auto& [page, facts] : space.pages)
        if (const std::uint64_t e = leaf(p, page); present(e) && frame_in(e) == frame) ++count;
    return count;
  }
  void fault_for_store(unsigned p, std::uint64_t page) {
    const std::uint64_t old = leaf(p, page);
    if (writable(old)) return;
    if (spaces_[p].families.insert(spaces_[p].pages[page].range).second) {
      object(CacheName::kAnonFamily);
      object(CacheName::kFamilyLink);
    }
    reach(p, page);
    const bool is_page = present(old) && frame_in(old) != zero_page_;
    std::uint64_t frame = frame_in(old);
    if (!is_page)
      frame = take_zeroed(Role::kAnon);
    else if (mappings(frame) > 1)
      frame = take_copy(frame);
    if (present(old) && frame != frame_in(old)) break_leaf(p, page);
    set_leaf(p, page, entry_of(frame, bits_for_storing(p, page)));
  }
  // Before another frame is mapped there.
  void break_leaf(unsigned p, std::uint64_t page) {
    set_leaf(p, page, 0);
    flush_page(p, page, false, true);
  }
  // Translates: by the TLB, else by a walk, else by a walk after a fault.
  void use(unsigned p, std::uint64_t page, Access access) {
    const Slot& slot = cpus_[cpu_].tlb[page % cpus_[cpu_].tlb.size()];
    const bool is_hit = slot.page == page && slot.asid == p &&
                        (access != Access::kStore || (writable(slot.value) && dirty(slot.value)));
    if (!is_hit && !walk(p, page, access)) {
      if (access == Access::kStore)
        fault_for_store(p, page);
      else
        set_leaf(p, page, entry_of(zero_page_, bits_for_reading(p, page) | kBitSpecial));
      walk(p, page, access);
    }
    translated(page, access);
  }
  void faulted(std::uint64_t page, Access access) {
    Event fault = event_of(EventKind::kFaulted, 0, page);
    fault.access = static_cast<std::uint8_t>(access);
    event(fault);
  }
  void translated(std::uint64_t page, Access access) {
    Event used = event_of(EventKind::kTlbUsed, 0, page);
    used.index = static_cast<std::uint16_t>(page % cpus_[cpu_].tlb.size());
    used.access = static_cast<std::uint8_t>(access);
    event(used);
  }
  // From the lowest cached table, else from the root; false: the access is not permitted.
  bool walk(unsigned p, std::uint64_t page, Access access) {
    const bool is_permitted = walk_down(p, page, access);
    if (!is_permitted && is_access_) faulted(page, access);  // one ahead of the program just ends
    return is_permitted;
  }
  bool walk_down(unsigned p, std::uint64_t page, Access access) {
    unsigned level = 3;
    std::uint64_t here = spaces_[p].root;
    for (unsigned cached = 1; cached < 4; ++cached) {
      const Slot& slot = walk_slot(page, cached);
      if (slot.asid != p || slot.page != page >> (4 * cached)) continue;
      walk_event(EventKind::kWalkCacheUsed, slot.value, page, cached);
      level = cached - 1;
      here = slot.value;
      break;
    }
    for (; level > 0; --level) {
      const unsigned index = static_cast<unsigned>(kSmall.index_of(page, level));
      if (!present(entry(here, index))) return false;
      mark(here, index, kBitAccessed);
      here = frame_in(entry(here, index));
      walk_event(EventKind::kWalkCacheFilled, here, page, level);
      walk_slot(page, level) = {p, page >> (4 * level), here};
    }
    const std::uint64_t found = entry(here, page % 16);
    const bool is_store = access == Access::kStore;
    if (!present(found) || !user(found) || (is_store && !writable(found))) return false;
    if (access == Access::kFetch && !executable(found)) return false;
    mark(here, page % 16, kBitAccessed | (is_store ? kBitDirty : 0));
    Event filled = event_of(EventKind::kTlbFilled, 0, page);
    filled.index = static_cast<std::uint16_t>(page % cpus_[cpu_].tlb.size());
    filled.after = entry(here, page % 16);
    event(filled);
    cpus_[cpu_].tlb[filled.index] = {p, page, filled.after};
    return true;
  }
  // Of one page by an access, else of all that the ASID has cached.
  void flush_page(unsigned p, std::uint64_t page, bool with_tables = false, bool alone = false) {
    for (unsigned c = 0; c < cpus_.size(); ++c) {
      Cpu& cpu = cpus_[c];
      const bool runs = cpu.root == spaces_[p].root && (!cpu.lazy || with_tables);
      if (!runs) {
        cpu.missed.insert(p);
        continue;
      }
      if (c != cpu_) ask_to_flush(c, p);
      forget(c, p, page, alone);
    }
  }
  void ask_to_flush(unsigned c, unsigned p) { interrupt(c, InterruptReason::kFlush, spaces_[p].root); }
  void forget(unsigned c, unsigned p, std::uint64_t page, bool alone) {
    Cpu& cpu = cpus_[c];
    evict(c, p, page, alone);
    for (unsigned level = 1; level < 4; ++level)
      for (std::size_t i = 0; i < cpu.walk[level].size(); ++i)
        if (!alone || cpu.walk[level][i].page == page >> (4 * level))
          drop(c, EventKind::kWalkCacheDropped, level, i, cpu.walk[level][i], p);
  }
  void evict(unsigned c, unsigned p, std::uint64_t page, bool alone = true) {
    Cpu& cpu = cpus_[c];
    for (std::size_t i = 0; i < cpu.tlb.size(); ++i)
      if (!alone || cpu.tlb[i].page == page) drop(c, EventKind::kTlbDropped, 0, i, cpu.tlb[i], p);
  }
  void unmap_pages(unsigned p, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t page = from; page < to; ++page) {
      if (const std::uint64_t old = leaf(p, page); present(old)) {
        set_leaf(p, page, 0);
        flush_page(p, page);
        if (frame_in(old) != zero_page_ && mappings(frame_in(old)) == 0) put(frame_in(old));
      }
      spaces_[p].pages.erase(page);
    }
  }
  // Tables without any page of a range in their span, from the leaves up.
  void free_tables(unsigned p) {
    Space& space = spaces_[p];
    for (unsigned level = 1; level < 4; ++level)
      for (const auto& [table, link] : std::map(space.tables)) {
        if (link.level != level) continue;
        const auto next = space.pages.lower_bound(link.first);
        if (next != space.pages.end() && next->first < link.first + kSmall.pages_per_entry(level)) continue;
        set_link(link.parent, link.index, 0);
        flush_page(p, link.first, true);
        if (level == 1) space.leaf_table.erase(link.first);
        space.tables.erase(table);
        put(table);
      }
  }
  void start_child(unsigned p, unsigned child) {
    spaces_[child].root = take_zeroed(Role::kRootTable);
    spaces_[child].pages = spaces_[p].pages;
    spaces_[child].families = spaces_[p].families;
  }
  // A page of a range with a family becomes shared and read-only on both sides.
  void copy_leaf(unsigned p, unsigned child, std::uint64_t page) {
    const std::uint64_t entry = leaf(p, page);
    if (!present(entry) || spaces_[p].families.count(spaces_[p].pages[page].range) == 0) return;
    reach(child, page);
    if (writable(entry)) {
      set_leaf(p, page, entry & ~kBitWritable);
      flush_page(p, page);
    }
    set_leaf(child, page, entry & ~(kBitWritable | kBitAccessed));
  }
  void tear_down(unsigned p) {
    Space& space = spaces_[p];
    for (unsigned c = 0; c < cpus_.size(); ++c) {
      if (cpus_[c].root != space.root) continue;
      hear();
      if (c != cpu_) interrupt(c, InterruptReason::kLeave, space.root);
      Event e = event_of(EventKind::kSpaceLoaded, kernel_root_);
      e.cpu = CpuId(c);
      step(e);
      cpus_[c].root = kernel_root_;
      cpus_[c].lazy = true;
    }
    if (!space.pages.empty()) unmap_pages(p, space.pages.begin()->first, space.pages.rbegin()->first + 1);
    free_tables(p);
    for (Cpu& cpu : cpus_) cpu.missed.insert(p);
    put(space.root);
    spaces_.erase(p);
  }
  using Writer::event;
  void event(EventKind kind, std::uint64_t table, unsigned index, std::uint64_t before, std::uint64_t after) {
    Event e = event_of(kind, table);
    e.index = static_cast<std::uint16_t>(index);
    e.before = before;
    e.after = after;
    event(e);
  }

 private:
  struct Slot {
    unsigned asid = 0;
    std::uint64_t page = 0;
    std::uint64_t value = 0;
  };
  struct Cpu {
    std::uint64_t root = 0;
    unsigned asid = 0;
    bool lazy = true;
    std::vector<Slot> tlb;
    std::array<std::vector<Slot>, 4> walk;  // by level; page: shifted to the level
    std::set<unsigned> missed;  // spaces whose flushes it did not get
  };

  void drop(unsigned cpu, EventKind kind, unsigned level, std::uint64_t index, Slot& slot, unsigned p) {
    if (slot.asid != p) return;
    Event e = event_of(kind);
    e.cpu = CpuId(cpu);
    e.index = static_cast<std::uint16_t>(index);
    e.level = static_cast<std::uint8_t>(level);
    step(e);
    slot = Slot{};
  }
  Slot& walk_slot(std::uint64_t page, unsigned level) {
    auto& slots = cpus_[cpu_].walk[level];
    return slots[(page >> (4 * level)) % slots.size()];
  }
  void walk_event(EventKind kind, std::uint64_t table, std::uint64_t page, unsigned level) {
    Event e = event_of(kind, table, page);
    e.level = static_cast<std::uint8_t>(level);
    e.index = static_cast<std::uint16_t>((page >> (4 * level)) % cpus_[cpu_].walk[level].size());
    event(e);
  }
  // As the walker does on its way.
  void mark(std::uint64_t table, unsigned index, std::uint64_t bits) {
    const std::uint64_t before = entry(table, index);
    if ((before & bits) == bits) return;
    event(EventKind::kTableMark, table, index, before, before | bits);
    entries_[table][index] = before | bits;
  }

  std::vector<Cpu> cpus_;
  std::map<unsigned, Space> spaces_;
  std::map<std::uint64_t, std::map<unsigned, std::uint64_t>> entries_;  // by table frame
  unsigned ranges_ = 0;
};

// Every object is narrated: a space, a range, and what a first store makes.
inline Scene space_of_objects() {
  const Claims claims = all_claims_and({Claim::kObjects});
  constexpr std::uint64_t kAt = 0x10000;
  Narrator n(machine_of("tiny"), claims);
  n.create(1);
  n.map(1, kAt, 2);
  n.store(1, kAt, 7);
  n.begin(SpaceExit{CpuId(0), SpaceHandle(1)});
  n.tear_down(1);
  for (unsigned cache = kCacheNames.size(); cache-- > 0;) n.event(EventKind::kObjectReturned, 0, cache);
  n.end();
  return n.scene();
}

// A space with one range lives and ends, every lock narrated.
inline Scene locked_life() {
  const Claims claims = all_claims_and({Claim::kLocks, Claim::kObjects});
  constexpr std::uint64_t kAt = 0x10000;
  Narrator n(machine_of("tiny"), claims);
  n.create(1);
  n.begin(Narrator::map_operation(1, kAt, 1));
  n.load_space(1);
  n.map_locked();
  n.note_mapped(1, kAt, 1, kReadWrite);
  n.end(Refusal::kNone, kAt);
  n.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kAt), Width(1)});
  n.walk(1, kAt / kPage, Access::kLoad);
  n.lock(LockClass::kSpace, 1);
  n.set_leaf(1, kAt / kPage, entry_of(n.zero_page(), n.bits_for_reading(1, kAt / kPage) | kBitSpecial));
  n.unlock(LockClass::kSpace, 1);
  n.walk(1, kAt / kPage, Access::kLoad);
  n.translated(kAt / kPage, Access::kLoad);
  n.end();
  n.begin(SpaceExit{CpuId(0), SpaceHandle(1)});
  n.lock(LockClass::kSpace, 1);
  n.tear_down(1);
  n.unlock(LockClass::kSpace, 1);
  for (const CacheName cache : {CacheName::kRange, CacheName::kSpace}) {
    n.lock(LockClass::kSlab, static_cast<std::uint64_t>(cache));
    n.event(EventKind::kObjectReturned, 0, static_cast<std::uint64_t>(cache));
    n.unlock(LockClass::kSlab, static_cast<std::uint64_t>(cache));
  }
  n.end();
  return n.scene();
}

}  // namespace mmtwin::model
