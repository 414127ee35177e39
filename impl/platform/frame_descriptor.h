// FrameDescriptor: what the machine remembers about one page frame, 32 bytes (Linux: 64), one array for all frames.
//
// Laws: FRAME, BUDDY and PCP are read from it by a decoder that shares no code with impl/. Context: fields change under
// the zone's lock (free blocks), on the list's CPU (listed) or by the block's owner (used). Cost: 32 bytes a frame,
// lazily mapped: an untouched descriptor is all zero and costs nothing. It deliberately does not mark the frames
// inside a block.
//
// Field        Bytes  Meaning
// tag           0-3   bits 0-7 state, 8-15 order, 16-23 role (vocab Role), 24-27 zone (node * 2 + ZoneKind), 28-31 CPU
//   state 0           inside: covered by the block of some other head, or by an untouched free block, or absent
//   state 1           heads a free block of `order` in `zone`; next and prev link the zone's list of that order
//   state 2           a single frame on the list of (CPU, zone): the list's hot one, or next links it to the others
//   state 3           heads a used block of `order` for `role` in `zone`
// next, prev    4-11  frame numbers, kNoFrame ends a list; prev is stale in the first block of a list; both are
//                     stale in every state that does not use them
// stamp        12-15  the operation that last changed the frame (platform's own)
// references   16-19  used head: reference count, 1 when handed out; at most the machine's reference_cap
// mappings     20-23  used head: bits 0-30 leaf entries that map it, bit 31 exclusive: belongs to one space only
// owner        24-31  used head: a word for whoever holds the block; stale until written
//
// Which block covers frame f: for o = 0 to 10, the frame h = f with the low o bits cleared heads it iff h's state is
// 1 or 3 and its order >= o, or o = 0 and its state is 2. If none does, f lies in a free block of order 10 iff one of
// its zone's untouched runs holds it (Zone in impl/phys/zone.h), else it is absent. Fields that the state does not
// name are stale.
#pragma once

#include <cstdint>

namespace mmtwin::impl {

inline constexpr std::uint32_t kNoFrame = 0xffffffff;
inline constexpr std::uint32_t kExclusiveBit = std::uint32_t{1} << 31;

struct FrameDescriptor {
  std::uint32_t tag = 0;
  std::uint32_t next = 0;
  std::uint32_t prev = 0;
  std::uint32_t stamp = 0;
  std::uint32_t references = 0;
  std::uint32_t mappings = 0;
  std::uint64_t owner = 0;
};
static_assert(sizeof(FrameDescriptor) == 32);

enum class BlockState : std::uint8_t { kInside, kFreeHead, kListed, kUsedHead };

constexpr BlockState state_of(std::uint32_t tag) { return static_cast<BlockState>(tag & 0xff); }
constexpr unsigned order_of(std::uint32_t tag) { return (tag >> 8) & 0xff; }
constexpr unsigned role_of(std::uint32_t tag) { return (tag >> 16) & 0xff; }
constexpr unsigned zone_of(std::uint32_t tag) { return (tag >> 24) & 0xf; }
constexpr unsigned cpu_of(std::uint32_t tag) { return tag >> 28; }

}  // namespace mmtwin::impl
