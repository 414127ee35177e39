// Observations: what can be compared of a machine, said in words of the specification.
//
// Laws: every law of the judge holds over these, extracted from the system under test, never over model state. Context:
// values. Cost: tens of bytes each. They deliberately leave out what is policy (list order, link fields, slab layout).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/events.h"
#include "vocab/handles.h"
#include "vocab/responses.h"
#include "vocab/units.h"

namespace mmtwin {

enum class FrameState : std::uint8_t {
  kAbsent = 0,  // a hole, reserved, or in no zone
  kFree = 1,    // inside a free block of its zone
  kListed = 2,  // on a per-CPU list
  kUsed = 3,    // handed out
};
inline constexpr std::string_view kFrameStateNames[] = {"absent", "free", "listed", "used"};

struct FrameObservation {
  FrameState state = FrameState::kAbsent;
  Role role = Role::kNone;       // kUsed: why it was handed out
  Order order;                   // kFree: of the free block around it; kUsed: of the block it belongs to
  CpuId cpu;                     // kListed: whose list
  Pfn head;                      // kFree, kUsed: first frame of that block
  std::uint32_t references = 0;  // kUsed: reference count of the block's head
  std::uint32_t mappings = 0;    // kUsed, anon: leaf entries that map it
  bool exclusive = false;        // kUsed, anon: marked as belonging to one space only
  friend constexpr bool operator==(const FrameObservation&, const FrameObservation&) = default;
};

struct ZoneObservation {
  PageCount managed;
  PageCount free;                            // in free blocks, per-CPU lists not included
  std::uint32_t free_blocks[kMaxOrder + 1] = {};  // by order
  friend constexpr bool operator==(const ZoneObservation&, const ZoneObservation&) = default;
};

// What the owner of blocks saw of them beyond their frames: bytes that it left there, and what there is to take.
struct BlocksObservation {
  std::optional<Pfn> overwritten;  // in use, and its bytes are not those that its owner left there
  std::optional<Pfn> not_zeroed;   // given as zeroed, and it is not
  // When everything had been given back, single frames that were taken until none was to be had; absent: nobody tried.
  std::optional<PageCount> taken{};
  PageCount missing{};                 // so many fewer than at the start
  std::optional<Pfn> given_wrongly{};  // of them: one that may not be handed out, or was already
};

// A cache of slab objects.
struct CacheObservation {
  std::uint64_t objects = 0;  // handed out
  friend constexpr bool operator==(const CacheObservation&, const CacheObservation&) = default;
};

struct SpaceObservation {
  std::uint64_t ranges = 0;
  std::uint64_t total_pages = 0;      // sum of range lengths (total_vm)
  std::uint64_t resident_anon = 0;    // leaf entries that map private anonymous pages (MM_ANONPAGES)
  std::uint64_t tables = 0;           // page-table frames, root included
  friend constexpr bool operator==(const SpaceObservation&, const SpaceObservation&) = default;
};

// A leaf entry as the independent decoder reads it from the table frames.
struct EntryObservation {
  bool present = false;
  bool writable = false, user = false, executable = false, accessed = false, dirty = false;
  Pfn frame;
  friend constexpr bool operator==(const EntryObservation&, const EntryObservation&) = default;
};

// What one operation touched on one side: only these are compared.
struct Changes {
  std::vector<Pfn> frames;          // descriptors or contents; no duplicates
  std::vector<SpaceHandle> spaces;  // range lists or counters; no duplicates
  void clear() {
    frames.clear();
    spaces.clear();
  }
};

}  // namespace mmtwin
