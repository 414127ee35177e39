// A small machine with its memory manager, and the words in which tests about spaces are written.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "impl/mm.h"
#include "vocab/machine.h"

namespace mmtwin::impl {

inline constexpr Prot kRw = kProtRead | kProtWrite;
inline constexpr std::uint64_t kPage = 4096;
inline constexpr CpuId kCpu0(0), kCpu1(1);

struct EventList final : EventSink {
  void on_event(const Event& event) override { events.push_back(event); }
  std::size_t count(EventKind kind) const {
    std::size_t n = 0;
    for (const Event& e : events) n += e.kind == kind;
    return n;
  }
  std::vector<Event> events;
};

template <class Geometry>
struct WorldOf {
  static MachineDescription description(std::uint32_t range_cap = 64, std::uint16_t tlb_entries = 16) {
    MachineDescription machine = find_preset(Geometry::kBitsPerLevel == 9 ? "small-x86" : "small", 1)->machine;
    machine.range_cap = range_cap;
    machine.tlb_entries = tlb_entries;
    return machine;
  }
  explicit WorldOf(std::uint32_t range_cap = 64) : mm(description(range_cap), &seen) {
    for (unsigned cpu = 0; cpu < mm.hardware().machine().cpus; ++cpu) mm.pages_drain(kCpu0, CpuId(cpu));
    free_at_boot = free_frames();
    seen.events.clear();
  }

  SpaceId create() { return mm.space_create(kCpu0, Address(0), Address(0)).value(); }
  // Page `at` of a window that starts at kBase.
  static constexpr std::uint64_t kBase = 0x100000;
  static Address page(std::uint64_t n) { return Address(kBase + n * kPage); }
  void map(SpaceId s, std::uint64_t first, std::uint64_t pages, Prot prot = kRw, MapFlags flags = {}) {
    const auto done = mm.range_map(kCpu0, s, {page(first).raw(), pages * kPage, prot, flags | kMapFixed, 0, 0});
    check(done.is_ok(), "the test maps what it may");
  }
  Refusal try_map(SpaceId s, std::uint64_t first, std::uint64_t pages, Prot prot = kRw, MapFlags flags = {}) {
    return mm.range_map(kCpu0, s, {page(first).raw(), pages * kPage, prot, flags | kMapFixed, 0, 0}).refusal();
  }
  Refusal unmap(SpaceId s, std::uint64_t first, std::uint64_t pages) {
    return mm.range_unmap(kCpu0, s, page(first), ByteCount(pages * kPage)).refusal();
  }
  Refusal protect(SpaceId s, std::uint64_t first, std::uint64_t pages, Prot prot) {
    return mm.range_protect(kCpu0, s, page(first), ByteCount(pages * kPage), prot).refusal();
  }
  Refusal store(SpaceId s, std::uint64_t at, std::uint64_t value, CpuId cpu = kCpu0) {
    return mm.memory_store(cpu, s, page(at), 8, value).refusal();
  }
  // The loaded value, or 10000 + the refusal.
  std::uint64_t load(SpaceId s, std::uint64_t at, CpuId cpu = kCpu0) {
    const auto value = mm.memory_load(cpu, s, page(at), 8);
    return value ? *value : 10000 + static_cast<std::uint64_t>(value.refusal());
  }

  // Ranges inside the window as a drawing: a letter a page, the next letter for each range, dots for holes; lower case
  // for ranges that may not be written.
  std::string drawing(SpaceId s, std::uint64_t pages = 9) {
    std::string text(pages, '.');
    char letter = 'A';
    Ram& ram = mm.hardware().ram();
    RangeTree tree(ram, ranges_of({s.offset}));
    for (Ref<Range> r = tree.first(); !r.is_none(); r = tree.next(r)) {
      const Range& range = ram.at(r);
      const char drawn = range.prot.has(kProtWrite) ? letter : static_cast<char>(letter + 32);
      for (std::uint64_t at = range.start; at < range.end; at += kPage)
        if (at >= kBase && at < kBase + pages * kPage) text[(at - kBase) / kPage] = drawn;
      if (range.end > kBase && range.start < kBase + pages * kPage) ++letter;
    }
    return text;
  }
  const Range& range_at(SpaceId s, std::uint64_t n) {
    Ram& ram = mm.hardware().ram();
    return ram.at(RangeTree(ram, ranges_of({s.offset})).first_ending_after(page(n).raw()));
  }
  const Space& space(SpaceId s) { return mm.hardware().ram().at(Ref<Space>{s.offset}); }

  std::uint64_t free_frames() {
    std::uint64_t frames = 0;
    for (unsigned zone = 0; zone < kMaxZones; ++zone)
      if (const Buddy* buddy = mm.pages().zone(zone)) frames += buddy->zone().free;
    return frames;
  }
  // What rest means: no space, lists drained, slabs shrunk.
  std::uint64_t free_frames_at_rest() {
    mm.slab_shrink(kCpu0);
    for (unsigned cpu = 0; cpu < mm.hardware().machine().cpus; ++cpu) mm.pages_drain(kCpu0, CpuId(cpu));
    return free_frames();
  }
  void audit(std::initializer_list<SpaceId> spaces) {
    for (const SpaceId s : spaces) EXPECT_STREQ(mm.audit(s), nullptr);
    EXPECT_STREQ(mm.audit_machine(), nullptr);
  }

  EventList seen;
  MmOf<Geometry> mm;
  std::uint64_t free_at_boot = 0;
};

using World = WorldOf<SmallGeometry>;

}  // namespace mmtwin::impl
