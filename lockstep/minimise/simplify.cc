#include "lockstep/minimise/simplify.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "vocab/bounds.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/reflection.h"

namespace mmtwin::lockstep {

namespace {

constexpr std::uint64_t kLowestMapping = 0x10000;
constexpr std::uint64_t kNearPages = 64;  // within this distance single pages are tried as steps

std::uint64_t page_down(std::uint64_t raw) { return raw & ~(kPageBytes - 1); }

// Numbers: towards 0 by jumps, halves and, when close, by ones. `unit`: what "one" is.
template <class Take>
void smaller_numbers(std::uint64_t raw, std::uint64_t unit, Take&& take) {
  if (raw == 0) return;
  take(0);
  if (raw > unit) take(unit);
  if (raw % unit != 0) take(raw - raw % unit);
  if (raw / 2 > unit) take(raw / 2 - raw / 2 % unit);
  if (raw > 2 * unit && raw <= kNearPages * unit) take(raw - unit);
}

// 0 (no hint) is the simplest place, then the lowest that may be mapped, then lower ones.
std::tuple<bool, int, std::uint64_t> measure_of(const Place& place) {
  const bool is_absolute = place.base.is_none();
  const int rank = place.offset == 0 ? 0 : is_absolute && place.offset == kLowestMapping ? 1 : 2;
  return {!is_absolute, rank, place.offset};
}

template <class Take>
void simpler_places(const Place& place, Take&& take) {
  std::vector<Place> tried = {{AddressHandle(), 0}, {AddressHandle(), kLowestMapping}};
  const std::uint64_t low = place.offset & (kPageBytes - 1);
  tried.push_back({AddressHandle(), kLowestMapping + low});
  smaller_numbers(place.offset, kPageBytes, [&](std::uint64_t offset) {
    tried.push_back({place.base, offset});
    if (low != 0) tried.push_back({place.base, page_down(offset) + low});
  });
  for (const Place& other : tried) {
    if (other != place && measure_of(other) < measure_of(place)) take(other);
  }
}

// Calls take(value) for every simpler value of the type.
template <class T, class Take>
void simpler_values(const T& value, Take&& take) {
  if constexpr (kIsFlags<T>) {
    if (!value.empty()) take(T{});
    for (unsigned bit = 1; bit <= value.bits(); bit <<= 1) {
      if ((value.bits() & bit) != 0 && value.bits() != bit) take(value.without(T(bit)));
    }
  } else if constexpr (std::is_same_v<T, Place>) {
    simpler_places(value, take);
  } else if constexpr (kIsResult<T>) {
    if (kResultMayBeNone<T::kLetter> && !value.is_none()) take(T{});
  } else if constexpr (std::is_same_v<T, NodeId>) {
    if (value == kAnyNode) return;
    take(kAnyNode);
    if (value.raw() != 0) take(NodeId(0));
  } else if constexpr (std::is_same_v<T, ByteCount>) {
    smaller_numbers(value.raw(), kPageBytes, [&](std::uint64_t raw) { take(T(raw)); });
  } else if constexpr (std::is_same_v<T, Address>) {
    if (value.raw() != 0) take(T(0));  // the geometry's default
  } else if constexpr (std::is_same_v<T, Value>) {
    smaller_numbers(value.raw(), 1, [&](std::uint64_t raw) { take(T(raw)); });
    if (value.raw() > 0xff) take(T(value.raw() & 0xff));
  } else if constexpr (std::is_same_v<T, Pause>) {
    if (!value.is_none()) take(T{});
    if (value.nth > 1) take(T{value.point, static_cast<std::uint8_t>(value.nth - 1)});
  } else if constexpr (kIsUse<T>) {
    // A child's parent may do as well as the child: what was needed to make the child can go then.
    if (value.number() > 1) take(T(1));
  } else {
    using Raw = decltype(value.raw());
    smaller_numbers(value.raw(), 1, [&](std::uint64_t raw) { take(T(static_cast<Raw>(raw))); });
  }
}

template <class T>
bool fits(const T& value, const MachineDescription& machine) {
  return in_bounds(value, machine);
}

}  // namespace

bool propose_arguments(const Program& program, std::size_t index, const TakeProposal& take) {
  bool stopped = false;
  Operation operation = program.operations[index];
  std::visit(
      [&](auto& op) {
        for_each_field(op, [&](auto& field) {
          using F = std::decay_t<decltype(field)>;
          using T = typename F::Value;
          const T old = field.value();
          simpler_values(old, [&](const T& value) {
            if (stopped || !fits(value, program.machine)) return;
            field.value() = value;
            const std::string what = std::string(op.kName) + " with a simpler " + std::string(F::kName);
            Proposal proposal{program, "step " + std::to_string(index + 1) + ": " + what};
            proposal.program.operations[index] = operation;
            stopped = take(std::move(proposal));
          });
          field.value() = old;
        });
      },
      operation);
  return stopped;
}

namespace {

template <class Change>
Program with_every_field(const Program& program, Change&& change) {
  Program other = program;
  for (Operation& operation : other.operations) {
    std::visit([&](auto& op) { for_each_field(op, [&](auto& field) { change(field.value()); }); }, operation);
  }
  return other;
}

// Handles numbered from 1 in the order in which the program first names them.
Program renumbered(const Program& program) {
  std::map<std::pair<char, unsigned>, unsigned> number;
  std::map<char, unsigned> last;
  const auto renamed = [&](char letter, unsigned old) {
    const auto [at, is_new] = number.try_emplace({letter, old}, 0);
    if (is_new) at->second = ++last[letter];
    return at->second;
  };
  return with_every_field(program, [&](auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (kIsUse<T> || kIsResult<T>) {
      if (!value.is_none()) value = T(renamed(T::kLetter, value.number()));
    } else if constexpr (std::is_same_v<T, Place>) {
      if (!value.base.is_none()) value.base = AddressHandle(renamed(AddressHandle::kLetter, value.base.number()));
    }
  });
}

Program with_cpu_zero(const Program& program, CpuId cpu) {
  return with_every_field(program, [&](auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, CpuId>) {
      if (value == cpu) value = CpuId(0);
    }
  });
}

// Whatever was to be done to the space is done to the first one.
Program in_first_space(const Program& program, unsigned space) {
  return with_every_field(program, [&](auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, SpaceHandle>) {
      if (value.number() == space) value = SpaceHandle(1);
    }
  });
}

// Absolute places in [from, from + length) moved so that `from` becomes `to`.
Program moved(const Program& program, std::uint64_t from, std::uint64_t length, std::uint64_t to) {
  return with_every_field(program, [&](auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Place>) {
      if (value.base.is_none() && value.offset - from <= length) value.offset = value.offset - from + to;
    }
  });
}

bool propose_moves(const Program& program, const TakeProposal& take) {
  std::set<std::pair<std::uint64_t, std::uint64_t>> spans;
  for (const Operation& operation : program.operations) {
    std::visit(
        [&](const auto& op) {
          if constexpr (requires { op.at, op.length; }) {
            const bool is_plain = op.at.base.is_none() && op.at.offset > kLowestMapping && op.length.raw() != 0;
            if (is_plain) spans.emplace(op.at.offset, op.length.raw());
          }
        },
        operation);
  }
  for (const auto& [from, length] : spans) {
    Program other = moved(program, from, length, kLowestMapping + from % kPageBytes);
    if (!same(other, program) && take({std::move(other), "addresses moved down"})) return true;
  }
  return false;
}

}  // namespace

bool propose_together(const Program& program, const TakeProposal& take) {
  Program numbered = renumbered(program);
  if (!same(numbered, program) && take({std::move(numbered), "handles renumbered"})) return true;
  for (unsigned cpu = 1; cpu < program.machine.cpus; ++cpu) {
    Program other = with_cpu_zero(program, CpuId(cpu));
    if (!same(other, program) && take({std::move(other), "CPU " + std::to_string(cpu) + " replaced by 0"})) return true;
  }
  std::set<unsigned> spaces;
  with_every_field(program, [&](auto& value) {
    if constexpr (std::is_same_v<std::decay_t<decltype(value)>, SpaceHandle>) spaces.insert(value.number());
  });
  for (const unsigned space : spaces) {
    if (space > 1 && take({in_first_space(program, space), "space " + std::to_string(space) + " replaced by 1"}))
      return true;
  }
  return propose_moves(program, take);
}

namespace {

bool lies_in_a_zone(const FrameSpan& hole, const MachineDescription& machine) {
  for (const NodeDescription& node : machine.node) {
    for (const FrameSpan& zone : node.zones) {
      if (hole.first >= zone.first && hole.end() <= zone.end()) return true;
    }
  }
  return false;
}

// What refers to nodes, CPUs and frames that are gone goes with them.
void forget_missing(MachineDescription& machine) {
  for (unsigned cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (cpu >= machine.cpus || machine.cpu_node[cpu] >= machine.nodes) machine.cpu_node[cpu] = 0;
  }
  for (unsigned a = 0; a < kMaxNodes; ++a) {
    if (a >= machine.nodes) machine.node[a] = NodeDescription{};
    for (unsigned b = 0; b < kMaxNodes; ++b) {
      if (a >= machine.nodes || b >= machine.nodes) machine.distance[a][b] = 0;
    }
  }
  for (FrameSpan& hole : machine.hole) {
    if (!lies_in_a_zone(hole, machine)) hole = FrameSpan{};
  }
}

// Simpler in no field worse: so steps cannot go in circles.
bool is_simpler(const MachineDescription& a, const MachineDescription& b) {
  return a.geometry == b.geometry && a.nodes <= b.nodes && a.cpus <= b.cpus &&
         a.frames_present() <= b.frames_present() && a.tlb_entries <= b.tlb_entries &&
         a.walk_cache_entries <= b.walk_cache_entries && !(a == b) && a.range_cap <= b.range_cap &&
         a.reference_cap <= b.reference_cap &&
         a.watermark_min <= b.watermark_min && a.pcp_batch <= b.pcp_batch && a.pcp_high <= b.pcp_high &&
         a.lowmem_ratio <= b.lowmem_ratio;
}

template <class T, class Take>
void halve(const MachineDescription& machine, T MachineDescription::*field, std::uint64_t least, Take&& take) {
  const std::uint64_t raw = machine.*field;
  for (const std::uint64_t value : {least, raw / 2, raw - 1}) {
    if (value >= raw || value < least) continue;
    MachineDescription other = machine;
    other.*field = static_cast<T>(value);
    take(other);
  }
}

template <class Take>
void smaller_zones(const MachineDescription& machine, Take&& take) {
  for (unsigned node = 0; node < machine.nodes; ++node) {
    for (unsigned kind = 0; kind < kZoneKinds; ++kind) {
      const std::uint64_t count = machine.node[node].zones[kind].count.raw();
      for (const std::uint64_t fewer : {std::uint64_t{0}, std::uint64_t{16}, count / 2}) {
        if (fewer >= count) continue;
        MachineDescription other = machine;
        other.node[node].zones[kind].count = PageCount(fewer);
        if (fewer == 0) other.node[node].zones[kind] = FrameSpan{};
        forget_missing(other);
        take(other);
      }
    }
  }
  for (unsigned hole = 0; hole < kMaxHoles; ++hole) {
    if (machine.hole[hole].count.raw() == 0) continue;
    MachineDescription other = machine;
    other.hole[hole] = FrameSpan{};
    take(other);
  }
}

}  // namespace

bool propose_machines(const Program& program, const TakeProposal& take) {
  const MachineDescription& now = program.machine;
  bool stopped = false;
  const auto offer = [&](const MachineDescription& machine) {
    if (stopped || machine == now || problem_with(machine)) return;
    Proposal proposal{program, "a simpler machine"};
    proposal.program.machine = machine;
    if (in_bounds(proposal.program)) stopped = take(std::move(proposal));
  };
  for (const Preset& preset : presets()) {
    if (is_simpler(preset.machine, now)) offer(preset.machine);
  }
  for (unsigned cpus = 1; cpus < now.cpus; ++cpus) {
    MachineDescription other = now;
    other.cpus = static_cast<std::uint8_t>(cpus);
    forget_missing(other);
    offer(other);
  }
  for (unsigned nodes = 1; nodes < now.nodes; ++nodes) {
    MachineDescription other = now;
    other.nodes = static_cast<std::uint8_t>(nodes);
    forget_missing(other);
    offer(other);
  }
  smaller_zones(now, offer);
  halve(now, &MachineDescription::lowmem_ratio, 0, offer);
  halve(now, &MachineDescription::watermark_min, 0, offer);
  halve(now, &MachineDescription::tlb_entries, 1, offer);
  halve(now, &MachineDescription::walk_cache_entries, 1, offer);
  halve(now, &MachineDescription::pcp_batch, 1, offer);
  halve(now, &MachineDescription::pcp_high, 1, offer);
  halve(now, &MachineDescription::range_cap, 1, offer);
  // Only fork shares pages: elsewhere a smaller number would be one more thing to read, not one less.
  const auto& all = program.operations;
  const auto is_fork = [](const Operation& operation) { return std::holds_alternative<SpaceFork>(operation); };
  if (std::any_of(all.begin(), all.end(), is_fork)) halve(now, &MachineDescription::reference_cap, 1, offer);
  return stopped;
}

}  // namespace mmtwin::lockstep
