#include "model/judges/observations.h"

#include <algorithm>

#include "model/court.h"

namespace mmtwin::model {
namespace {

std::string text(const RangeObservation& r) {
  std::string s;
  const auto hex = [](std::uint64_t v) {
    std::string digits;
    do digits.insert(digits.begin(), "0123456789abcdef"[v % 16]);
    while ((v /= 16) != 0);
    return digits;
  };
  s += hex(r.start.raw()) + "-" + hex(r.end.raw()) + " ";
  for (unsigned b = 0; b < kProtBits; ++b) s += (r.prot.bits() >> b & 1) != 0 ? *ProtTag::kNames[b] : '-';
  s += r.flags.any(kMapShared) ? 's' : 'p';
  if (r.flags.any(kMapNoReserve)) s += 'n';
  if (r.flags.any(kMapStack)) s += 'k';
  if (r.accounted) s += 'a';
  s += " file " + std::to_string(r.file.raw()) + " offset " + hex(r.offset);
  return s;
}

}  // namespace

void ObservationJudge::judge_frame(Pfn at, const FrameObservation& seen) {
  const std::uint64_t pfn = at.raw();
  report.count_item();
  if (!machine.frames.exists(pfn)) {
    if (seen.state != FrameState::kAbsent)
      violated(Law::kFrame1, "state", "absent", std::string(kFrameStateNames[static_cast<unsigned>(seen.state)]));
    return;
  }
  // Only frames that are neither free nor heads nor listed need the search for the block that covers them.
  const bool speaks_for_itself = machine.frames.at(pfn).state != FrameState::kFree || machine.frames.is_free(pfn);
  const std::uint64_t head = speaks_for_itself ? pfn : machine.frames.used_head(pfn);
  FrameRecord& record = machine.frames.at(head);
  FrameState expected = record.state;
  if (expected == FrameState::kFree && !machine.frames.is_free(pfn))
    expected = FrameState::kAbsent;  // the model is broken
  if (seen.state != expected)
    return violated(
        Law::kFrame1, "state", std::string(kFrameStateNames[static_cast<unsigned>(expected)]),
        std::string(kFrameStateNames[static_cast<unsigned>(seen.state)]) + ", frame " + std::to_string(pfn));
  if (expected == FrameState::kFree) {
    const FreeBlock block = machine.frames.free_block_around(pfn);
    note(Law::kBuddy2);
    if (seen.order.raw() > block.order) return judge_too_large_block(seen);
    if (seen.order.raw() != block.order) return violated(Law::kBuddy2, "order", block.order, seen.order.raw());
    if (seen.head.raw() != block.head) return violated(Law::kBuddy1, "head", block.head, seen.head.raw());
    return;
  }
  if (expected == FrameState::kListed) {
    if (seen.cpu.raw() != record.cpu) violated(Law::kPcp1, "cpu", record.cpu, seen.cpu.raw());
    return;
  }
  if (seen.head.raw() != head) return violated(Law::kFrame1, "head", head, seen.head.raw());
  if (seen.order.raw() != record.order) return violated(Law::kFrame1, "order", record.order, seen.order.raw());
  if (seen.role != record.role)
    return violated(Law::kFrame1, "role", std::string(name_of(record.role)), std::string(name_of(seen.role)));
  judge_counts(record, seen);
}

// A free block that is larger than the frames around allow: does it at least start and end where a block may?
void ObservationJudge::judge_too_large_block(const FrameObservation& seen) {
  if (seen.order.raw() > machine.description.top_order)
    return violated(Law::kBuddy1, "order", machine.description.top_order, seen.order.raw());
  const std::uint64_t size = std::uint64_t{1} << seen.order.raw();
  const std::uint64_t first = seen.head.raw(), last = first + size - 1;
  if (first % size != 0) return violated(Law::kBuddy1, "head", "a multiple of the block's size", std::to_string(first));
  if (!machine.frames.exists(first) || !machine.frames.exists(last) ||
      machine.frames.zone_of(first) != machine.frames.zone_of(last))
    return violated(Law::kBuddy1, "block", "one zone", std::to_string(first) + " to " + std::to_string(last));
  violated(Law::kFrame1, "block", "frames that are free", std::to_string(first) + " to " + std::to_string(last));
}

void ObservationJudge::judge_counts(const FrameRecord& record, const FrameObservation& seen) {
  note(Law::kFrame2);
  if (record.role != Role::kAnon) {
    if (seen.references != 1) return violated(Law::kFrame2, "references", 1, seen.references);
    if (seen.mappings != 0) return violated(Law::kFrame2, "mappings", 0, seen.mappings);
    return;
  }
  if (record.object == 0) return;
  Page& page = machine.pages.at(record.object);
  if (seen.mappings != page.mappings) return violated(Law::kFrame2, "mappings", page.mappings, seen.mappings);
  if (seen.references != page.mappings) return violated(Law::kFrame2, "references", page.mappings, seen.references);
  if (page.exclusive == Exclusive::kUnknown && page.mappings <= 1) {
    page.exclusive = seen.exclusive ? Exclusive::kYes : Exclusive::kNo;
  } else if (seen.exclusive != (page.exclusive == Exclusive::kYes)) {
    violated(Law::kFrame2, "exclusive", std::uint64_t{page.exclusive == Exclusive::kYes},
             std::uint64_t{seen.exclusive});
  }
}

// VMA-1, of the list alone.
bool ObservationJudge::is_well_formed(const std::vector<RangeObservation>& seen) {
  note(Law::kVma1);
  std::uint64_t end = 0;
  for (const RangeObservation& r : seen) {
    const bool aligned = r.start.raw() % kPage == 0 && r.end.raw() % kPage == 0;
    if (!aligned || r.start.raw() < end || r.end <= r.start || r.end.raw() > machine.geometry->user_end) {
      violated(Law::kVma1, "range", "sorted, disjoint, aligned, in the user half", text(r));
      return false;
    }
    end = r.end.raw();
  }
  return true;
}

void ObservationJudge::judge_ranges(SpaceHandle handle, const std::vector<RangeObservation>& seen) {
  const std::uint32_t number = machine.space_number(handle);
  if (!is_well_formed(seen)) return;
  if (number == 0 && !seen.empty()) return violated(Law::kVma2, "ranges of no space", 0, seen.size());
  if (number == 0) return;
  // What a refusal for want of memory left behind is its own law.
  const Law law = act().refusal.any && number == now.space ? Law::kRollback1 : Law::kVma2;
  note(law);
  std::size_t i = 0;
  for (const auto& [start, range] : ranges_of(number)->all()) {
    const RangeObservation expected = Ranges::observe(range);
    report.count_item();
    if (i >= seen.size()) return violated(law, "range", text(expected), "none");
    if (!(seen[i] == expected)) return violated(law, "range", text(expected), text(seen[i]));
    ++i;
  }
  if (i < seen.size()) violated(law, "range", "none", text(seen[i]));
}

void ObservationJudge::judge_space(SpaceHandle handle, const SpaceObservation& seen) {
  const std::uint32_t number = machine.space_number(handle);
  const Space& space = machine.spaces[number];  // an empty handle has nothing, as the kernel's space
  const Ranges* const list = ranges_of(number);
  const std::uint64_t ranges = list != nullptr ? list->all().size() : 0;
  const std::uint64_t pages_total = list != nullptr ? list->total_pages() : 0;
  note(Law::kAcct2);
  if (seen.ranges != ranges) return violated(Law::kAcct2, "ranges", ranges, seen.ranges);
  if (seen.total_pages != pages_total) return violated(Law::kAcct2, "total_pages", pages_total, seen.total_pages);
  if (!claims.has(Claim::kTables)) return;
  if (seen.resident_anon != space.resident_anon)
    return violated(Law::kAcct2, "resident_anon", space.resident_anon, seen.resident_anon);
  if (seen.tables != space.tables) violated(Law::kAcct2, "tables", space.tables, seen.tables);
}

void ObservationJudge::judge_zone(NodeId node, ZoneKind kind, const ZoneObservation& seen) {
  const Zone& zone = machine.frames.zone(node.raw() * kZoneKinds + static_cast<unsigned>(kind));
  note(Law::kAcct1);
  if (seen.managed.raw() != zone.managed) return violated(Law::kAcct1, "managed", zone.managed, seen.managed.raw());
  if (seen.free.raw() != zone.free) return violated(Law::kAcct1, "free", zone.free, seen.free.raw());
  note(Law::kBuddy3);
  for (unsigned o = 0; o < kOrders; ++o)
    if (seen.free_blocks[o] != zone.free_blocks(o))
      return violated(Law::kBuddy3, "free_blocks", zone.free_blocks(o), seen.free_blocks[o]);
}

void ObservationJudge::judge_cache(CacheName cache, const CacheObservation& seen) {
  const std::uint64_t expected = court.objects.live_objects(static_cast<unsigned>(cache));
  note(Law::kAcct1);
  report.count_item();
  if (seen.objects != expected) violated(Law::kAcct1, name_of(cache), expected, seen.objects);
}

void ObservationJudge::judge_entry(SpaceHandle handle, Vpn page, const EntryObservation& seen) {
  const std::uint32_t number = machine.space_number(handle);
  if (number == 0) return;
  const std::uint64_t entry = machine.leaf(number, page.raw()).entry;
  report.count_item();
  note(Law::kPt3);
  if (seen.present != present(entry))
    return violated(Law::kPt3, "present", std::uint64_t{present(entry)}, std::uint64_t{seen.present});
  if (!present(entry)) return;
  if (seen.frame.raw() != frame_in(entry)) return violated(Law::kPt3, "frame", frame_in(entry), seen.frame.raw());
  const bool same = seen.writable == writable(entry) && seen.user == user(entry) &&
                    seen.executable == executable(entry) && seen.dirty == dirty(entry) &&
                    seen.accessed == ((entry & kBitAccessed) != 0);
  if (!same) violated(Law::kPt3, "flags", "as stored", "others");
}

void ObservationJudge::judge_bytes(Pfn at, std::span<const std::uint8_t> seen) {
  const std::uint64_t pfn = at.raw();
  if (!machine.frames.exists(pfn) || seen.size() != kPage) return;
  const FrameRecord& record = machine.frames.at(pfn);
  if (record.state != FrameState::kUsed) return;
  static constexpr PageBytes kZeros{};
  const PageBytes* expected = &kZeros;
  if (record.role == Role::kAnon && record.object != 0) {
    const Page& page = machine.pages.at(record.object);
    if (page.mappings == 0) return;
    if (!page.is_zero) expected = page.bytes.get();
  } else if (pfn != machine.zero_frame) {
    return;
  }
  note(Law::kContent2);
  report.count_item();
  if (std::equal(seen.begin(), seen.end(), expected->begin())) return;
  std::size_t i = 0;
  while (seen[i] == (*expected)[i]) ++i;
  violated(Law::kContent2, "byte", (*expected)[i], seen[i]);
}

void ObservationJudge::judge_complaint(std::string_view complaint) {
  note(Law::kAudit1);
  if (complaint.empty()) return;
  violated(Law::kAudit1, "claim of the system itself", "true", "false: " + std::string(complaint));
}

void ObservationJudge::judge_rest() {
  note(Law::kLive1);
  if (machine.live_spaces != 0) return violated(Law::kLive1, "spaces", 0, machine.live_spaces);
  if (machine.frames.total_listed() != 0)
    return violated(Law::kLive1, "listed frames", 0, machine.frames.total_listed());
  for (unsigned cache = 0; cache < kCaches; ++cache)
    if (machine.slab_frames[cache] != 0)
      return violated(Law::kLive1, "slab frames kept", 0, machine.slab_frames[cache]);
  for (const std::uint64_t used : machine.used_by_role)
    if (used != 0) return violated(Law::kLive1, "frames kept", 0, used);
}

}  // namespace mmtwin::model
