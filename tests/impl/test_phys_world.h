// A machine with nothing above its page allocator, and what it narrated.
//
// Laws: none. Context: tests, one thread. Cost: a machine. It deliberately remembers every event.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"
#include "vocab/events.h"
#include "vocab/machine.h"

namespace mmtwin::impl::test {

struct Recorder final : EventSink {
  std::vector<Event> events;
  // All but locks, which stand between all others.
  void on_event(const Event& event) override {
    if (event.kind != EventKind::kLockTaken && event.kind != EventKind::kLockReleased) events.push_back(event);
  }
  std::uint64_t count(EventKind kind) const {
    std::uint64_t found = 0;
    for (const Event& event : events) found += event.kind == kind ? 1 : 0;
    return found;
  }
  // "page_requested frame_taken ...".
  std::string names() const {
    std::string text;
    for (const Event& event : events) text += (text.empty() ? "" : " ") + std::string(name_of(event.kind));
    return text;
  }
};

// One node with a NORMAL zone of `frames` frames from `first` on.
inline MachineDescription one_zone(std::uint64_t first, std::uint64_t frames) {
  MachineDescription machine;
  machine.node[0].zones[static_cast<unsigned>(ZoneKind::kNormal)] = {Pfn(first), PageCount(frames)};
  machine.distance[0][0] = 10;
  machine.watermark_min = 0;
  machine.pcp_batch = 2;
  machine.pcp_high = 3;
  return machine;
}

struct PhysWorld {
  explicit PhysWorld(const MachineDescription& machine) : hardware(machine), pages(hardware) {
    hardware.finish_boot();
    hardware.connect(&recorder);
  }
  void audit() const {
    Audit audit;
    pages.audit_buddy(audit);
    pages.audit_lists(audit);
    EXPECT_STREQ(audit.complaint(), nullptr);
  }
  Outcome<Pfn> allocate(unsigned order, Gfp gfp = kGfpWait, CpuId cpu = CpuId(0), NodeId node = kAnyNode) {
    hardware.begin_operation();
    recorder.events.clear();
    return pages.allocate(cpu, {.order = Order(order), .gfp = gfp, .node = node});
  }
  void free(Pfn head, unsigned order, CpuId cpu = CpuId(0)) {
    hardware.begin_operation();
    recorder.events.clear();
    pages.free(cpu, head, Order(order));
  }
  const Zone& zone(unsigned node = 0, ZoneKind kind = ZoneKind::kNormal) const {
    return pages.zone(zone_index(NodeId(node), kind))->zone();
  }

  const CpuList& list(CpuId cpu = CpuId(0)) const {
    return pages.list(cpu, zone_index(NodeId(0), ZoneKind::kNormal));
  }

  Recorder recorder;
  Hardware hardware;
  PageAllocator pages;
};

}  // namespace mmtwin::impl::test
