#include "lockstep/suts/ours/decoder.h"

#include <algorithm>

namespace mmtwin::lockstep {

namespace {

using impl::BlockState;
using impl::FrameDescriptor;
using impl::kNoFrame;

// Entries of x86-64 page tables, Intel SDM volume 3, table 4-20. Written down here once more on purpose.
constexpr std::uint64_t kPresentBit = 0x1;
constexpr std::uint64_t kWritableBit = 0x2;
constexpr std::uint64_t kUserBit = 0x4;
constexpr std::uint64_t kAccessedBit = 0x20;
constexpr std::uint64_t kDirtyBit = 0x40;
constexpr std::uint64_t kNoExecuteBit = 0x8000'0000'0000'0000;
constexpr std::uint64_t kFrameBits = 0x000f'ffff'ffff'f000;
constexpr unsigned kTopLevel = 3;
constexpr unsigned kTopOrder = 10;

std::uint64_t frame_in(std::uint64_t entry) { return (entry & kFrameBits) / 4096; }

std::uint64_t size_of(unsigned order) { return std::uint64_t{1} << order; }

// Two accounts of one thing. If they differ, both are shown, in a number that no judge mistakes for either.
std::uint64_t agreed(std::uint64_t counted, std::uint64_t kept) {
  if (counted == kept) return counted;
  return std::uint64_t{1} << 63 | (counted & 0x7fff'ffff) << 32 | (kept & 0xffff'ffff);
}

// Free blocks of the top order that nobody has taken since boot have no descriptor that says so.
const impl::UntouchedRun* untouched_run(const impl::Zone& zone, std::uint64_t frame) {
  for (const impl::UntouchedRun& run : zone.untouched) {
    if (frame >= run.next && frame < run.end) return &run;
  }
  return nullptr;
}

}  // namespace

Decoder::Decoder(const impl::Hardware& hardware, const impl::PageAllocator& pages, const impl::Slab& slab)
    : hardware_(hardware),
      pages_(pages),
      slab_(slab),
      ram_(hardware.ram()),
      bits_per_level_(hardware.machine().geometry == GeometryName::kX86 ? 9 : 4) {}

// The head of the block around a frame is found by trying every aligned start, smallest block first.
FrameObservation Decoder::frame(Pfn at) const {
  FrameObservation seen;
  const std::uint64_t f = at.raw();
  if (f >= hardware_.frames()) return seen;
  for (unsigned order = 0; order <= kTopOrder; ++order) {
    const std::uint64_t head = f - f % size_of(order);
    const FrameDescriptor& d = hardware_.frame(Pfn(head));
    const BlockState state = impl::state_of(d.tag);
    if (state == BlockState::kListed && order == 0) {
      seen.state = FrameState::kListed;
      seen.cpu = CpuId(impl::cpu_of(d.tag));
      return seen;
    }
    if ((state != BlockState::kFreeHead && state != BlockState::kUsedHead) || impl::order_of(d.tag) < order) continue;
    seen.state = state == BlockState::kUsedHead ? FrameState::kUsed : FrameState::kFree;
    seen.order = Order(impl::order_of(d.tag));
    seen.head = Pfn(head);
    if (state == BlockState::kFreeHead) return seen;
    seen.role = static_cast<Role>(impl::role_of(d.tag));
    seen.references = d.references;
    if (seen.role == Role::kAnon) {
      seen.mappings = d.mappings & ~impl::kExclusiveBit;
      seen.exclusive = (d.mappings & impl::kExclusiveBit) != 0;
    }
    return seen;
  }
  for (unsigned index = 0; index < impl::kMaxZones; ++index) {
    const impl::Buddy* buddy = pages_.zone(index);
    if (buddy == nullptr || untouched_run(buddy->zone(), f) == nullptr) continue;
    seen.state = FrameState::kFree;
    const unsigned top = hardware_.machine().top_order;
    seen.order = Order(top);
    seen.head = Pfn(f - f % size_of(top));
    return seen;
  }
  return seen;
}

std::uint64_t Decoder::blocks_on_list(const impl::Zone& zone, unsigned order) const {
  std::uint64_t blocks = 0;
  for (std::uint32_t f = zone.heads[order]; f != kNoFrame && f < hardware_.frames();) {
    const FrameDescriptor& d = hardware_.frame(Pfn(f));
    const bool belongs = impl::state_of(d.tag) == BlockState::kFreeHead && impl::order_of(d.tag) == order &&
                         impl::zone_of(d.tag) == zone.index;
    // A list that runs astray or in a circle shows as a count that nobody can explain.
    if (!belongs || ++blocks > zone.span.count.raw()) return ~std::uint64_t{0};
    f = d.next;
  }
  return blocks;
}

Decoder::ZoneCount Decoder::count_zone(const impl::Zone& zone) const {
  ZoneCount count;
  for (std::uint64_t f = zone.span.first.raw(); f < zone.span.end().raw(); ++f) {
    const FrameDescriptor& d = hardware_.frame(Pfn(f));
    const unsigned order = impl::order_of(d.tag);
    if (impl::state_of(d.tag) == BlockState::kFreeHead && order <= kTopOrder) ++count.blocks[order];
    if (impl::state_of(d.tag) == BlockState::kListed) ++count.listed;
  }
  for (const impl::UntouchedRun& run : zone.untouched) {
    const unsigned top = hardware_.machine().top_order;
    count.blocks[top] += (run.end - run.next) / size_of(top);
  }
  return count;
}

// Frames that really hang on the per-CPU lists of the zone, each list as long as it says.
std::uint64_t Decoder::frames_on_lists(const impl::Zone& zone) const {
  std::uint64_t all = 0;
  for (unsigned cpu = 0; cpu < hardware_.machine().cpus; ++cpu) {
    const impl::CpuList& list = pages_.list(CpuId(cpu), zone.index);
    std::uint64_t frames = 0;
    if (list.hot() != kNoFrame && impl::state_of(hardware_.frame(Pfn(list.hot())).tag) == BlockState::kListed) ++frames;
    for (std::uint32_t f = list.first(); f != kNoFrame && f < hardware_.frames();) {
      const FrameDescriptor& d = hardware_.frame(Pfn(f));
      const bool belongs = impl::state_of(d.tag) == BlockState::kListed && impl::cpu_of(d.tag) == cpu &&
                           impl::zone_of(d.tag) == zone.index;
      if (!belongs || ++frames > list.length()) return ~std::uint64_t{0};
      f = d.next;
    }
    if (frames != list.length()) return ~std::uint64_t{0};
    all += frames;
  }
  return all;
}

ZoneObservation Decoder::zone(NodeId node, ZoneKind kind) const {
  ZoneObservation seen;
  const impl::Buddy* buddy = pages_.zone(impl::zone_index(node, kind));
  if (buddy == nullptr) return seen;
  const impl::Zone& zone = buddy->zone();
  const ZoneCount count = count_zone(zone);
  std::uint64_t free = 0;
  for (unsigned order = 0; order <= kTopOrder; ++order) {
    free += count.blocks[order] * size_of(order);
    const bool is_counted = count.blocks[order] == zone.blocks[order];
    const bool is_linked = order == hardware_.machine().top_order || count.blocks[order] == blocks_on_list(zone, order);
    seen.free_blocks[order] = is_counted && is_linked ? zone.blocks[order] : ~std::uint32_t{0};
  }
  const std::uint64_t listed = frames_on_lists(zone);
  seen.free = PageCount(listed == count.listed ? agreed(free, zone.free) : agreed(count.listed, listed));
  seen.managed = PageCount(agreed(frames_to_give(zone.span), zone.managed));
  return seen;
}

std::uint64_t Decoder::frames_to_give(const FrameSpan& span) const {
  std::uint64_t frames = span.count.raw();
  const auto take_off = [&](const FrameSpan& gap) {
    const std::uint64_t first = std::max(gap.first.raw(), span.first.raw());
    const std::uint64_t end = std::min(gap.end().raw(), span.end().raw());
    if (first < end) frames -= end - first;
  };
  for (const FrameSpan& hole : hardware_.machine().hole) take_off(hole);
  for (const FrameSpan& reserved : hardware_.machine().reserved) take_off(reserved);
  return frames;
}

// Free blocks, and what nobody has touched since boot, are stepped over whole.
template <class Visit>
void Decoder::for_each_slab_frame(Visit&& visit) const {
  for (unsigned index = 0; index < impl::kMaxZones; ++index) {
    const impl::Buddy* buddy = pages_.zone(index);
    if (buddy == nullptr) continue;
    const impl::Zone& zone = buddy->zone();
    for (std::uint64_t f = zone.span.first.raw(); f < zone.span.end().raw();) {
      if (const impl::UntouchedRun* run = untouched_run(zone, f)) {
        f = run->end;
        continue;
      }
      const std::uint32_t tag = hardware_.frame(Pfn(f)).tag;
      const BlockState state = impl::state_of(tag);
      const bool is_head = state == BlockState::kFreeHead || state == BlockState::kUsedHead;
      const bool is_slab = state == BlockState::kUsedHead && impl::role_of(tag) == static_cast<unsigned>(Role::kSlab);
      if (is_slab) visit(Pfn(f));
      f += is_head && impl::order_of(tag) <= kTopOrder ? size_of(impl::order_of(tag)) : 1;
    }
  }
}

// Slab frames of the cache are known by their magic number, objects that are handed out by their links.
CacheObservation Decoder::cache(CacheName name) const {
  std::uint64_t objects = 0, frames = 0;
  for_each_slab_frame([&](Pfn frame) {
    const auto& header = *reinterpret_cast<const impl::SlabHeader*>(ram_.raw(frame));
    if (header.magic != impl::kSlabMagic + static_cast<std::uint32_t>(name)) return;
    ++frames;
    const auto* links = reinterpret_cast<const std::uint16_t*>(&header + 1);
    const std::size_t capacity = std::min<std::size_t>(header.capacity, (4096 - sizeof(header)) / sizeof(*links));
    const auto used = static_cast<std::uint64_t>(std::count(links, links + capacity, impl::kUsedLink));
    objects += agreed(used, header.used);
  });
  return {frames == slab_.frames_held(name) ? agreed(objects, slab_.objects_used(name)) : ~std::uint64_t{0}};
}

std::span<const std::uint8_t> Decoder::bytes(Pfn at) const {
  if (frame(at).state != FrameState::kUsed) return {};
  return {reinterpret_cast<const std::uint8_t*>(ram_.raw(at)), 4096};
}

// In order of addresses, without recursion. The tree is as deep as its ranges are many at worst; a link that leads in a
// circle ends the walk at a count that no machine allows.
template <class Visit>
void Decoder::for_each_range(impl::Ref<impl::Space> space, Visit&& visit) const {
  static constexpr std::size_t kDeepest = 64;
  impl::Ref<impl::Range> above[kDeepest];
  std::size_t depth = 0;
  std::uint64_t visited = 0;
  impl::Ref<impl::Range> at = ram_.at(space).ranges.root;
  while (depth > 0 || !at.is_none()) {
    if (!at.is_none()) {
      if (depth == kDeepest) return;
      above[depth++] = at;
      at = ram_.at(at).left;
      continue;
    }
    const impl::Range& range = ram_.at(above[--depth]);
    visit(range);
    if (++visited > std::uint64_t{1} << 20) return;
    at = range.right;
  }
}

void Decoder::ranges(impl::Ref<impl::Space> space, std::vector<RangeObservation>& into) const {
  for_each_range(space, [&](const impl::Range& range) {
    RangeObservation seen;
    seen.start = Address(range.start);
    seen.end = Address(range.end);
    seen.prot = range.prot;
    seen.flags = range.flags;
    seen.accounted = range.accounted != 0;
    seen.file = FileId(range.file);
    seen.offset = range.offset;
    into.push_back(seen);
  });
}

SpaceObservation Decoder::space(impl::Ref<impl::Space> space) const {
  const impl::Space& object = ram_.at(space);
  SpaceObservation seen;
  seen.ranges = object.range_count;
  seen.total_pages = object.total_pages;
  seen.resident_anon = object.tables.resident;
  seen.tables = object.tables.tables;
  return seen;
}

SpaceObservation Decoder::recounted(impl::Ref<impl::Space> space) const {
  const impl::Space& object = ram_.at(space);
  RangeCount ranges;
  for_each_range(space, [&](const impl::Range& range) {
    ++ranges.ranges;
    ranges.pages += (range.end - range.start) / 4096;
  });
  TableCount tables;
  if (object.killed == 0) count_tables(object.tables.root, kTopLevel, tables);
  SpaceObservation seen;
  seen.ranges = agreed(ranges.ranges, object.range_count);
  seen.total_pages = agreed(ranges.pages, object.total_pages);
  seen.resident_anon = agreed(tables.resident, object.tables.resident);
  seen.tables = agreed(tables.tables, object.tables.tables);
  return seen;
}

std::uint64_t Decoder::entry_at(std::uint64_t table, std::uint64_t index) const {
  return reinterpret_cast<const std::uint64_t*>(ram_.raw(Pfn(table)))[index];
}

bool Decoder::is_anonymous(std::uint64_t frame) const {
  if (frame >= hardware_.frames()) return false;
  const std::uint32_t tag = hardware_.frame(Pfn(frame)).tag;
  return impl::state_of(tag) == BlockState::kUsedHead && impl::role_of(tag) == static_cast<unsigned>(Role::kAnon);
}

// A table that hangs in the tree twice is counted twice, which shows.
void Decoder::count_tables(std::uint64_t table, unsigned level, TableCount& into) const {
  if (table >= hardware_.frames() || into.tables > hardware_.frames()) return;
  ++into.tables;
  const std::uint64_t entries = size_of(bits_per_level_);
  for (std::uint64_t index = 0; index < entries; ++index) {
    const std::uint64_t entry = entry_at(table, index);
    if (entry == 0) continue;
    if (level > 0) {
      if ((entry & kPresentBit) != 0) count_tables(frame_in(entry), level - 1, into);
    } else if (is_anonymous(frame_in(entry))) {
      ++into.resident;
    }
  }
}

EntryObservation Decoder::entry(impl::Ref<impl::Space> space, Vpn page) const {
  EntryObservation seen;
  if (is_killed(space)) return seen;
  std::uint64_t table = ram_.at(space).tables.root;
  for (unsigned level = kTopLevel;; --level) {
    if (table >= hardware_.frames()) return seen;
    const std::uint64_t index = (page.raw() >> level * bits_per_level_) % size_of(bits_per_level_);
    const std::uint64_t entry = entry_at(table, index);
    if ((entry & kPresentBit) == 0) return seen;
    table = frame_in(entry);
    if (level > 0) continue;
    seen.present = true;
    seen.writable = (entry & kWritableBit) != 0;
    seen.user = (entry & kUserBit) != 0;
    seen.executable = (entry & kNoExecuteBit) == 0;
    seen.accessed = (entry & kAccessedBit) != 0;
    seen.dirty = (entry & kDirtyBit) != 0;
    seen.frame = Pfn(frame_in(entry));
    return seen;
  }
}

}  // namespace mmtwin::lockstep
