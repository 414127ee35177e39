// The machine description: what hardware a program runs on. It is the second line of every trace.
//
// Laws: none; `problem_with` says in words why a description is not usable. Context: plain value, compared and copied.
// Cost: about 500 bytes. Every field has a bound and a default; text is `machine PRESET key=value …` where only what
// differs from the preset is printed. It deliberately knows nothing of page tables or allocators.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "vocab/units.h"

namespace mmtwin {

// Compiled geometries (impl/base/geometry.h, model/contract/geometry.h): x86 = 9 bits a level, order-9 pageblocks;
// small = 4 bits a level, 16-frame huge pages, narrow counters. Both have 4 levels and 4096-byte pages.
enum class GeometryName : std::uint8_t { kX86, kSmall };

// In the order of their addresses in Linux (Documentation/mm/physical_memory.rst, "Zones").
enum class ZoneKind : std::uint8_t { kDma, kDma32, kNormal, kMovable };
inline constexpr unsigned kZoneKinds = 4;
inline constexpr std::array<std::string_view, kZoneKinds> kZoneKindNames = {"dma", "dma32", "normal", "movable"};

inline constexpr unsigned kMaxNodes = 4;
inline constexpr unsigned kMaxCpus = 8;
inline constexpr unsigned kMaxHoles = 4;
inline constexpr unsigned kMaxReserved = 2;
inline constexpr std::uint64_t kMaxFrames = std::uint64_t{1} << 31;  // links in descriptors are 32 bits

struct FrameSpan {
  Pfn first;
  PageCount count;  // 0: absent
  constexpr bool contains(Pfn f) const { return f >= first && f - first < count; }
  constexpr Pfn end() const { return first + count; }
  friend constexpr auto operator<=>(const FrameSpan&, const FrameSpan&) = default;
};

struct NodeDescription {
  std::array<FrameSpan, kZoneKinds> zones;  // by ZoneKind; all absent: a memoryless node
  constexpr FrameSpan& zone(ZoneKind kind) { return zones[static_cast<unsigned>(kind)]; }
  constexpr const FrameSpan& zone(ZoneKind kind) const { return zones[static_cast<unsigned>(kind)]; }
  friend constexpr auto operator<=>(const NodeDescription&, const NodeDescription&) = default;
};

struct MachineDescription {
  GeometryName geometry = GeometryName::kSmall;
  std::uint8_t nodes = 1;
  std::uint8_t cpus = 1;
  std::array<NodeDescription, kMaxNodes> node{};
  std::array<std::array<std::uint8_t, kMaxNodes>, kMaxNodes> distance{};  // ACPI SLIT style: 10 is local
  std::array<std::uint8_t, kMaxCpus> cpu_node{};                          // node of each CPU
  std::array<FrameSpan, kMaxHoles> hole{};                                // frames inside zones that do not exist
  std::array<FrameSpan, kMaxReserved> reserved{};  // frames that exist and are never handed out: present, not managed
  std::uint32_t watermark_min = 4;   // per zone, frames: kept for high-priority requests
  std::uint32_t lowmem_ratio = 0;    // a zone keeps from requests that could have had higher zones of its node: the
                                     // managed frames of those zones / ratio; 0: none
  std::uint16_t pcp_batch = 4;       // frames moved at once between a zone and a per-CPU list
  std::uint16_t pcp_high = 12;       // per-CPU list length that may not be exceeded after an operation
  std::uint16_t tlb_entries = 16;    // per CPU, a power of two
  std::uint16_t walk_cache_entries = 4;  // per CPU and cached level, a power of two
  std::uint32_t range_cap = 32;      // most ranges a space may have (Linux: max_map_count)
  std::uint32_t reference_cap = 63;  // most references a frame may have (Linux: 2^31 - 1)
  std::uint8_t top_order = kMaxOrder;  // of the largest free blocks; a request of a higher order gets nothing
  std::uint16_t flush_batch = 64;    // frames of a space that wait for one flush, at most
  std::uint16_t slab_objects = 0;    // objects a slab frame holds, at most; 0: as many as fit

  friend constexpr bool operator==(const MachineDescription&, const MachineDescription&) = default;

  // One past the highest frame of any zone.
  std::uint64_t frame_limit() const;
  // Frames that exist (zones minus holes), reserved ones included.
  std::uint64_t frames_present() const;
  // Frames of a zone that may be handed out: neither holes nor reserved.
  std::uint64_t frames_managed(NodeId node, ZoneKind kind) const;
};

struct Preset {
  std::string_view name;
  MachineDescription machine;
};

// tiny (1 node, 64 frames, 1 CPU), small (2 nodes, 512 frames, 2 CPUs: the fuzz default), small-x86 (the same with real
// page-table geometry), numa4 (4 nodes, one of them memoryless, unaligned ends and a hole), scale-10 and scale-20
// (1 node, 2^10 / 2^20 frames, alike but for size), server (1 TiB of frames, metadata only).
//
// What a preset's name means depends on the header it stands under (`mmtwin 2`), so that a stored trace keeps its
// machine. Headers differ in capacities alone: from 2 on those of small machines are small, so that short programs meet
// them.
inline constexpr unsigned kNewestHeader = 2;
std::span<const Preset> presets(unsigned header = kNewestHeader);
const Preset* find_preset(std::string_view name, unsigned header = kNewestHeader);

// nullopt: usable. Otherwise one sentence: which field, its value, the bound.
std::optional<std::string> problem_with(const MachineDescription& machine);

}  // namespace mmtwin
