#include "lockstep/perturb/altered.h"

#include <algorithm>
#include <iterator>

namespace mmtwin::lockstep {

namespace {

// A neighbour, or anything below `limit`; never `old`. limit >= 2.
std::uint64_t another(std::uint64_t old, std::uint64_t limit, Random& random) {
  if (random.percent(50)) {
    if (random.percent(50) && old > 0) return old - 1;
    return old + 1 < limit ? old + 1 : old - 1;
  }
  const std::uint64_t drawn = random.below(limit - 1);
  return drawn < old ? drawn : drawn + 1;
}

// One bit of a word, low ones more often: they are flags, slots and small counts.
std::uint64_t with_a_bit_flipped(std::uint64_t old, Random& random) {
  const std::uint64_t bit = random.percent(60) ? random.below(12) : random.below(52);
  return old ^ (std::uint64_t{1} << bit);
}

std::uint64_t another_frame(std::uint64_t old, const MachineDescription& machine, Random& random) {
  return another(old, std::max<std::uint64_t>(machine.frame_limit() + 1, old + 2), random);
}

std::uint64_t another_count(std::uint64_t old, Random& random) {
  if (old > 0 && random.percent(50)) return old - 1;
  return old + random.between(1, 3);
}

template <class T>
void count_else(T& count, Random& random) {
  count = static_cast<T>(another_count(count, random));
}

}  // namespace

std::string alter(Event& event, const MachineDescription& machine, Random& random) {
  const auto fields = meaningful_fields(event.kind);
  return alter(event, fields[random.below(fields.size())], machine, random);
}

std::string alter(Event& event, EventField field, const MachineDescription& machine, Random& random) {
  const std::uint64_t old = value_of(event, field);
  std::uint64_t value = old;
  switch (field) {
    case EventField::kCpu:
      if (machine.cpus < 2) return {};
      value = another(old, machine.cpus, random);
      break;
    case EventField::kOrder: value = another(old, kMaxOrder + 1, random); break;
    case EventField::kRole: value = another(old, kRoleNames.size(), random); break;
    case EventField::kLevel: value = another(old, 4, random); break;
    case EventField::kAccess: value = another(old, 3, random); break;
    case EventField::kIndex: value = another(old, old + 4, random); break;
    case EventField::kFrame: value = another_frame(old, machine, random); break;
    case EventField::kPlace:
      value = event.kind == EventKind::kFrameCopied ? another_frame(old, machine, random)
                                                    : another(old, old + 4, random);
      break;
    case EventField::kBefore:
    case EventField::kAfter:
      value = event.kind == EventKind::kSpaceLoaded ? old ^ 1 : with_a_bit_flipped(old, random);
      break;
  }
  set_value(event, field, value);
  return std::string(name_of(field));
}

std::string alter(Response& response, Random& random) {
  if (random.percent(50)) {
    const auto old = static_cast<std::uint64_t>(response.refusal);
    response.refusal = static_cast<Refusal>(another(old, kRefusalNames.size(), random));
    return "refusal";
  }
  const bool near = random.percent(50);
  response.value = near ? another_count(response.value, random) : with_a_bit_flipped(response.value, random);
  return "value";
}

std::string alter(FrameObservation& seen, const MachineDescription& machine, Random& random) {
  enum Choice { kState, kHead, kOrder, kCpu, kRole, kReferences, kMappings, kExclusive };
  std::vector<Choice> choices = {kState};
  if (seen.state == FrameState::kFree) choices.insert(choices.end(), {kHead, kOrder});
  if (seen.state == FrameState::kListed && machine.cpus > 1) choices.push_back(kCpu);
  if (seen.state == FrameState::kUsed) {
    choices.insert(choices.end(), {kHead, kOrder, kRole, kReferences});
    if (seen.role == Role::kAnon) choices.insert(choices.end(), {kMappings, kExclusive});
  }
  switch (random.pick_from(choices)) {
    case kState:
      seen.state = static_cast<FrameState>(another(static_cast<std::uint64_t>(seen.state), 4, random));
      return "state";
    case kHead: seen.head = Pfn(another_frame(seen.head.raw(), machine, random)); return "head";
    case kOrder:
      seen.order = Order(static_cast<unsigned>(another(seen.order.raw(), kMaxOrder + 1, random)));
      return "order";
    case kCpu: seen.cpu = CpuId(static_cast<unsigned>(another(seen.cpu.raw(), machine.cpus, random))); return "cpu";
    case kRole:
      seen.role = static_cast<Role>(another(static_cast<std::uint64_t>(seen.role), kRoleNames.size(), random));
      return "role";
    case kReferences: count_else(seen.references, random); return "references";
    case kMappings: count_else(seen.mappings, random); return "mappings";
    case kExclusive: seen.exclusive = !seen.exclusive; return "exclusive";
  }
  return {};
}

std::string alter(std::vector<RangeObservation>& seen, Random& random) {
  if (seen.empty()) return {};
  const std::size_t index = random.below(seen.size());
  RangeObservation& range = seen[index];
  switch (random.below(9)) {
    case 0: seen.erase(seen.begin() + static_cast<std::ptrdiff_t>(index)); return "dropped";
    case 1: range.start = Address(range.start.raw() + kPageBytes); return "start";
    case 2: range.end = Address(range.end.raw() + kPageBytes); return "end";
    case 3:
      range.prot = Prot(static_cast<unsigned>(another(range.prot.bits(), 1u << kProtBits, random)));
      return "prot";
    case 4: {
      const unsigned bits[] = {kMapShared.bits(), kMapNoReserve.bits(), kMapStack.bits()};
      range.flags = MapFlags(range.flags.bits() ^ random.pick(bits));
      return "flags";
    }
    case 5: range.accounted = !range.accounted; return "accounted";
    case 6: range.file = FileId(another_count(range.file.raw(), random)); return "file";
    case 7: range.offset += kPageBytes; return "offset";
    default: seen.push_back(range); return "twice";
  }
}

std::string alter(SpaceObservation& seen, Random& random) {
  static constexpr const char* kNames[] = {"ranges", "total_pages", "resident_anon", "tables"};
  std::uint64_t* const counts[] = {&seen.ranges, &seen.total_pages, &seen.resident_anon, &seen.tables};
  const std::size_t chosen = random.below(std::size(counts));
  count_else(*counts[chosen], random);
  return kNames[chosen];
}

std::string alter(ZoneObservation& seen, Random& random) {
  switch (random.below(3)) {
    case 0: seen.managed = PageCount(another_count(seen.managed.raw(), random)); return "managed";
    case 1: seen.free = PageCount(another_count(seen.free.raw(), random)); return "free";
    default: count_else(seen.free_blocks[random.below(kMaxOrder + 1)], random); return "free_blocks";
  }
}

std::string alter(CacheObservation& seen, Random& random) {
  seen.objects = another_count(seen.objects, random);
  return "objects";
}

std::string alter(EntryObservation& seen, const MachineDescription& machine, Random& random) {
  static constexpr const char* kNames[] = {"present", "writable", "user", "executable", "accessed", "dirty"};
  bool* const bits[] = {&seen.present, &seen.writable, &seen.user, &seen.executable, &seen.accessed, &seen.dirty};
  const std::size_t chosen = seen.present ? random.below(std::size(bits) + 1) : 0;
  if (chosen == std::size(bits)) {
    seen.frame = Pfn(another_frame(seen.frame.raw(), machine, random));
    return "frame";
  }
  *bits[chosen] = !*bits[chosen];
  return kNames[chosen];
}

}  // namespace mmtwin::lockstep
