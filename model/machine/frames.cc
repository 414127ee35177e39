#include "model/machine/frames.h"

#include <algorithm>

namespace mmtwin::model {

namespace {

// Where the counters of an order begin in Section::free_in: 1024 of order 0, 512 of order 1, ...
constexpr std::uint64_t first_counter(unsigned order) {
  std::uint64_t at = 0;
  for (unsigned o = 0; o < order; ++o) at += kSectionFrames >> o;
  return at;
}
constexpr std::array<std::uint64_t, kOrders> kFirstCounter = [] {
  std::array<std::uint64_t, kOrders> all{};
  for (unsigned o = 0; o < kOrders; ++o) all[o] = first_counter(o);
  return all;
}();

// Aligned blocks of 2^order frames inside [first, end).
std::uint64_t blocks_inside(std::uint64_t first, std::uint64_t end, unsigned order) {
  const std::uint64_t size = std::uint64_t{1} << order;
  const std::uint64_t from = (first + size - 1) / size;
  const std::uint64_t to = end / size;
  return to > from ? to - from : 0;
}

}  // namespace

void Frames::start_zone(const MachineDescription& machine, unsigned node, unsigned kind) {
  Zone& zone = zones_[node * kZoneKinds + kind];
  zone = Zone{};
  zone.span = machine.node[node].zones[kind];
  zone.min = machine.watermark_min;
  zone.top = machine.top_order;
  // The pieces of the zone between its gaps.
  std::vector<FrameSpan> cuts;
  for (const FrameSpan& gap : gaps_) {
    const std::uint64_t from = std::max(gap.first.raw(), zone.span.first.raw());
    const std::uint64_t to = std::min(gap.end().raw(), zone.span.end().raw());
    if (from < to) cuts.push_back({Pfn(from), PageCount(to - from)});
  }
  std::sort(cuts.begin(), cuts.end());
  std::uint64_t at = zone.span.first.raw();
  cuts.push_back({zone.span.end(), PageCount(0)});
  for (const FrameSpan& cut : cuts) {
    const std::uint64_t end = cut.first.raw();
    if (end > at) {
      zone.managed += end - at;
      for (unsigned o = 0; o < kOrders; ++o) zone.full[o] += blocks_inside(at, end, o);
    }
    at = std::max(at, cut.end().raw());
  }
  zone.free = zone.managed;
}

// A zone keeps frames from who could have had a higher one of the node: the frames of the zones above it, up to the
// highest that the request may have, / ratio. Source: Linux Documentation/admin-guide/sysctl/vm.rst,
// lowmem_reserve_ratio.
void Frames::keep_low_memory(unsigned node, std::uint64_t ratio) {
  Zone* const zones = &zones_[node * kZoneKinds];
  for (unsigned low = 0; low < kZoneKinds; ++low) {
    std::uint64_t above = 0;
    for (unsigned highest = low + 1; highest < kZoneKinds; ++highest) {
      above += zones[highest].managed;
      zones[low].reserve[highest] = above / ratio;
    }
  }
}

void Frames::start(const MachineDescription& machine) {
  total_listed_ = 0;
  version_ = 0;
  if (started_ && machine == machine_) {
    zones_ = pristine_zones_;
    for (const std::uint32_t index : touched_) {
      *sections_[index] = *pristine_[index];
      live_[index] = nullptr;
    }
    touched_.clear();
    return;
  }
  machine_ = machine;
  started_ = true;
  limit_ = machine.frame_limit();
  gaps_.clear();
  for (const FrameSpan& hole : machine.hole)
    if (hole.count.raw() != 0) gaps_.push_back(hole);
  for (const FrameSpan& reserved : machine.reserved)
    if (reserved.count.raw() != 0) gaps_.push_back(reserved);
  for (Zone& zone : zones_) zone = Zone{};
  for (unsigned node = 0; node < machine.nodes; ++node) {
    for (unsigned kind = 0; kind < kZoneKinds; ++kind) start_zone(machine, node, kind);
    if (machine.lowmem_ratio != 0) keep_low_memory(node, machine.lowmem_ratio);
  }
  zones_existing_ = static_cast<unsigned>(
      std::count_if(zones_.begin(), zones_.end(), [](const Zone& zone) { return zone.exists(); }));
  pristine_zones_ = zones_;
  const std::uint64_t count = (limit_ + kSectionFrames - 1) / kSectionFrames;
  sections_.clear();
  pristine_.clear();
  sections_.resize(count);
  pristine_.resize(count);
  live_.assign(count, nullptr);
  touched_.clear();
}

unsigned Frames::described_zone(std::uint64_t pfn) const {
  for (const FrameSpan& gap : gaps_)
    if (gap.contains(Pfn(pfn))) return kNoZone;
  for (unsigned z = 0; z < kMaxZones; ++z)
    if (zones_[z].span.contains(Pfn(pfn))) return z;
  return kNoZone;
}

void Frames::build(Section& section, std::uint64_t first) const {
  for (std::uint64_t i = 0; i < kSectionFrames; ++i) {
    section.record[i] = FrameRecord{};
    const unsigned zone = described_zone(first + i);
    section.record[i].zone = static_cast<std::uint8_t>(zone);
    if (zone == kNoZone) section.record[i].state = FrameState::kAbsent;
    section.free_in[i] = zone == kNoZone ? 0 : 1;
  }
  for (unsigned o = 1; o < kOrders; ++o)
    for (std::uint64_t b = 0; b < kSectionFrames >> o; ++b)
      section.free_in[kFirstCounter[o] + b] = static_cast<std::uint16_t>(
          section.free_in[kFirstCounter[o - 1] + 2 * b] + section.free_in[kFirstCounter[o - 1] + 2 * b + 1]);
}

Frames::Section& Frames::touch(std::uint64_t index) {
  if (!sections_[index]) {
    sections_[index] = std::make_unique<Section>();
    pristine_[index] = std::make_unique<Section>();
    build(*pristine_[index], index * kSectionFrames);
    *sections_[index] = *pristine_[index];
  }
  live_[index] = sections_[index].get();
  touched_.push_back(static_cast<std::uint32_t>(index));
  return *sections_[index];
}

// `local`: any frame of the block, counted from the section's first.
bool Frames::is_full(const Section& section, std::uint64_t local, unsigned order) {
  const std::uint64_t size = std::uint64_t{1} << order;
  if (section.free_in[kFirstCounter[order] + (local >> order)] != size) return false;
  const std::uint64_t head = local & ~(size - 1);
  return section.record[head].zone == section.record[head + size - 1].zone;
}

void Frames::take(std::uint64_t head, unsigned order) {
  ++version_;
  Section& here = section(head);
  const std::uint64_t local = head % kSectionFrames;
  Zone& zone = zones_[here.record[local].zone];
  const std::uint64_t size = std::uint64_t{1} << order;
  bool full = true;  // a block with a half that is not full is not full
  for (unsigned o = 0; o < kOrders; ++o) {
    std::uint16_t* counters = &here.free_in[kFirstCounter[o] + (local >> o)];
    if (o < order) {
      std::fill_n(counters, size >> o, std::uint16_t{0});
      zone.full[o] -= size >> o;
    } else {
      full = full && is_full(here, local, o);
      if (full) --zone.full[o];
      *counters = static_cast<std::uint16_t>(*counters - size);
    }
  }
  zone.free -= size;
}

void Frames::give_back(std::uint64_t head, unsigned order) {
  ++version_;
  Section& here = section(head);
  const std::uint64_t local = head % kSectionFrames;
  Zone& zone = zones_[here.record[local].zone];
  const std::uint64_t size = std::uint64_t{1} << order;
  bool full = true;
  for (unsigned o = 0; o < kOrders; ++o) {
    std::uint16_t* counters = &here.free_in[kFirstCounter[o] + (local >> o)];
    if (o < order) {
      std::fill_n(counters, size >> o, static_cast<std::uint16_t>(1u << o));
      zone.full[o] += size >> o;
    } else {
      *counters = static_cast<std::uint16_t>(*counters + size);
      full = full && is_full(here, local, o);
      if (full) ++zone.full[o];
    }
  }
  zone.free += size;
}

FreeBlock Frames::free_block_around(std::uint64_t pfn) {
  const Section& here = section(pfn);
  FreeBlock block{pfn, 0};
  const unsigned top = zones_[here.record[pfn % kSectionFrames].zone].top;
  for (unsigned o = 1; o <= top && is_full(here, pfn % kSectionFrames, o); ++o) block = {pfn >> o << o, o};
  return block;
}

std::uint64_t Frames::used_head(std::uint64_t pfn) {
  const Section& here = section(pfn);
  const std::uint64_t local = pfn % kSectionFrames;
  for (unsigned o = 0; o < kOrders; ++o) {
    const FrameRecord& record = here.record[local >> o << o];
    if (record.state == FrameState::kUsed && record.order >= o) return pfn >> o << o;
  }
  return pfn;
}

void Frames::list(std::uint64_t pfn, unsigned cpu) {
  FrameRecord& record = at(pfn);
  record.state = FrameState::kListed;
  record.cpu = static_cast<std::uint8_t>(cpu);
  record.order = 0;
  ++zones_[record.zone].listed[cpu];
  ++total_listed_;
}

void Frames::unlist(std::uint64_t pfn) {
  FrameRecord& record = at(pfn);
  record.state = FrameState::kFree;
  --zones_[record.zone].listed[record.cpu];
  --total_listed_;
}

// The zone's full blocks, as its sections' counters tell them, against what the zone counts.
bool Frames::recount_full() const {
  std::array<std::array<std::uint64_t, kOrders>, kMaxZones> lost{};
  for (const std::uint32_t index : touched_)
    for (unsigned o = 0; o < kOrders; ++o)
      for (std::uint64_t first = 0; first < kSectionFrames; first += std::uint64_t{1} << o) {
        if (!is_full(*pristine_[index], first, o)) continue;  // nothing becomes free that never was
        if (!is_full(*sections_[index], first, o)) ++lost[sections_[index]->record[first].zone][o];
      }
  for (unsigned z = 0; z < kMaxZones; ++z)
    for (unsigned o = 0; o < kOrders; ++o)
      if (zones_[z].full[o] + lost[z][o] != pristine_zones_[z].full[o]) return false;
  return true;
}

bool Frames::recount() const {
  std::array<std::uint64_t, kMaxZones> taken{}, listed{};
  for (const std::uint32_t index : touched_) {
    const Section& here = *sections_[index];
    const Section& fresh = *pristine_[index];
    for (std::uint64_t i = 0; i < kSectionFrames; ++i) {
      const FrameRecord& record = here.record[i];
      if (record.zone == kNoZone) continue;
      taken[record.zone] += fresh.free_in[i] - here.free_in[i];
      if (record.state == FrameState::kListed) ++listed[record.zone];
      if (record.state != FrameState::kFree && here.free_in[i] != 0) return false;
    }
    for (unsigned o = 1; o < kOrders; ++o)
      for (std::uint64_t b = 0; b < kSectionFrames >> o; ++b) {
        const std::uint64_t halves = kFirstCounter[o - 1] + 2 * b;
        if (here.free_in[kFirstCounter[o] + b] != here.free_in[halves] + here.free_in[halves + 1]) return false;
      }
  }
  std::uint64_t all_listed = 0;
  for (unsigned z = 0; z < kMaxZones; ++z) {
    std::uint64_t on_lists = 0;
    for (const std::uint32_t n : zones_[z].listed) on_lists += n;
    if (zones_[z].free + taken[z] != zones_[z].managed || on_lists != listed[z]) return false;
    all_listed += on_lists;
  }
  return all_listed == total_listed_ && recount_full();
}

}  // namespace mmtwin::model
