// Page frames: which are free, listed or used, and the free blocks that follow from counting alone.
//
// Laws: FRAME, BUDDY, ZONE, PCP and ACCT are judged against it. Context: one thread. Cost: taking or returning a
// block of order o touches 11 counters plus its own frames' counters; memory and time are spent only on sections that
// were touched. It deliberately has no free lists, no splitting and no merging: a block is free iff the counter of
// its free frames equals its size, and the free block around a frame is the largest such block.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/contract/zones.h"
#include "vocab/observations.h"

namespace mmtwin::model {

inline constexpr unsigned kOrders = kMaxOrder + 1;
inline constexpr std::uint64_t kSectionFrames = std::uint64_t{1} << kMaxOrder;  // one block of the highest order
inline constexpr unsigned kNoZone = 0xff;

// What the model knows of one frame. For blocks above order 0 only the head's record says something.
struct FrameRecord {
  FrameState state = FrameState::kFree;  // kFree also inside used blocks; kListed and kUsed stand in the head
  Role role = Role::kNone;
  std::uint8_t order = 0;
  std::uint8_t cpu = 0;  // kListed: whose list
  std::uint8_t zone = kNoZone;
  bool boot = false;     // taken at boot, for ever
  bool zeroed = false;   // all zero since it was taken, as far as events tell
  bool linked = false;   // a table that hangs in a tree
  std::uint32_t changed_in = 0;  // the operation that last changed it, for Changes
  std::uint32_t object = 0;      // role table: number in Tables; role anon: number in Pages; 0: not yet
  std::uint32_t watchers = 0;    // TLB and walk-cache slots that name it, on all CPUs
};

struct Zone {
  FrameSpan span;
  std::uint64_t managed = 0;                  // frames that may be handed out
  std::uint64_t free = 0;                     // in free blocks
  std::array<std::uint64_t, kOrders> full{};  // aligned 2^o blocks that are wholly free
  unsigned top = kMaxOrder;                   // order of the largest blocks
  std::uint64_t min = 0;
  std::array<std::uint64_t, kZoneKinds> reserve{};  // kept from requests whose highest zone is of that kind
  std::array<std::uint32_t, kMaxCpus> listed{};  // frames on each CPU's list
  bool exists() const { return managed != 0; }
  // Free blocks of order o: those that are not half of a wholly free block twice as large.
  std::uint64_t free_blocks(unsigned o) const {
    if (o >= top) return o == top ? full[o] : 0;
    return full[o] - 2 * full[o + 1];
  }
};

struct FreeBlock {
  std::uint64_t head = 0;
  unsigned order = 0;
};

class Frames {
 public:
  void start(const MachineDescription& machine);

  bool exists(std::uint64_t pfn) { return zone_of(pfn) != kNoZone; }  // in a zone and in no gap
  FrameRecord& at(std::uint64_t pfn) { return section(pfn).record[pfn % kSectionFrames]; }
  bool is_free(std::uint64_t pfn) { return section(pfn).free_in[pfn % kSectionFrames] != 0; }
  // Every frame of the block is free and in one zone.
  bool is_free_block(std::uint64_t head, unsigned order) {
    return is_full(section(head), head % kSectionFrames, order);
  }
  void take(std::uint64_t head, unsigned order);  // was a free block
  void give_back(std::uint64_t head, unsigned order);  // had no free frame
  FreeBlock free_block_around(std::uint64_t pfn);      // pfn is free
  // Head of the used block that holds pfn; pfn itself if there is none.
  std::uint64_t used_head(std::uint64_t pfn);

  Zone& zone(unsigned number) { return zones_[number]; }
  const Zone& zone(unsigned number) const { return zones_[number]; }
  unsigned zones_existing() const { return zones_existing_; }
  unsigned zone_of(std::uint64_t pfn) { return pfn < limit_ ? at(pfn).zone : kNoZone; }  // kNoZone if absent
  std::uint64_t total_listed() const { return total_listed_; }
  // How often a block was taken or given back: as long as this is the same, no zone has changed.
  std::uint64_t version() const { return version_; }
  void list(std::uint64_t pfn, unsigned cpu);    // onto a per-CPU list
  void unlist(std::uint64_t pfn);                // off it
  std::uint64_t frame_limit() const { return limit_; }
  // Recounts every counter of the touched sections; false: the model is broken.
  bool recount() const;

 private:
  struct Section {
    std::array<FrameRecord, kSectionFrames> record;
    std::array<std::uint16_t, 2 * kSectionFrames> free_in;  // order o, block b: at kSectionFrames * 2 >> o, plus b
  };
  Section& section(std::uint64_t pfn) {
    Section* const touched = live_[pfn / kSectionFrames];
    return touched != nullptr ? *touched : touch(pfn / kSectionFrames);
  }
  Section& touch(std::uint64_t index);
  static bool is_full(const Section& section, std::uint64_t local, unsigned order);
  unsigned described_zone(std::uint64_t pfn) const;
  bool recount_full() const;
  void build(Section& section, std::uint64_t first) const;
  void start_zone(const MachineDescription& machine, unsigned node, unsigned kind);
  void keep_low_memory(unsigned node, std::uint64_t ratio);

  std::vector<FrameSpan> gaps_;  // holes and reserved frames
  std::array<Zone, kMaxZones> zones_{};
  std::array<Zone, kMaxZones> pristine_zones_{};
  std::vector<std::unique_ptr<Section>> sections_, pristine_;
  std::vector<Section*> live_;          // by section; null: untouched since start
  std::vector<std::uint32_t> touched_;  // sections touched since start
  std::uint64_t total_listed_ = 0;
  std::uint64_t version_ = 0;
  unsigned zones_existing_ = 0;
  std::uint64_t limit_ = 0;
  MachineDescription machine_;
  bool started_ = false;
};

}  // namespace mmtwin::model
