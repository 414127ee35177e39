#include "vocab/bytes.h"

#include <array>
#include <optional>

#include "vocab/bytes_values.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin {
namespace {

using bytes::Reader;
using bytes::Writer;

constexpr std::array<std::string_view, 4> kFuzzPresets = {"small", "tiny", "small-x86", "numa4"};
constexpr unsigned kFuzzMachines = kFuzzPresets.size() * kNewestHeader;  // of the newest header first
constexpr unsigned kWholeDescription = 255;

// Every field of a description as raw bytes, for the machines that no preset and variation gives.
template <class Machine, class Visit>
void for_each_number(Machine& m, Visit&& visit) {
  visit(m.geometry);
  visit(m.nodes);
  visit(m.cpus);
  for (auto& node : m.node) {
    for (auto& zone : node.zones) visit(zone);
  }
  for (auto& row : m.distance) {
    for (auto& entry : row) visit(entry);
  }
  for (auto& entry : m.cpu_node) visit(entry);
  for (auto& hole : m.hole) visit(hole);
  for (auto& reserved : m.reserved) visit(reserved);
  visit(m.watermark_min);
  visit(m.lowmem_ratio);
  visit(m.pcp_batch);
  visit(m.pcp_high);
  visit(m.tlb_entries);
  visit(m.walk_cache_entries);
  visit(m.range_cap);
  visit(m.reference_cap);
  visit(m.top_order);
  visit(m.flush_batch);
  visit(m.slab_objects);
}

struct ReadNumber {
  Reader& in;
  template <class T>
  void operator()(T& into) const {
    into = static_cast<T>(in.raw(sizeof(T)));
  }
  void operator()(FrameSpan& into) const {
    const std::uint64_t first = in.raw(4);
    into = {Pfn(first), PageCount(in.raw(4))};
  }
};
struct WriteNumber {
  Writer& out;
  template <class T>
  void operator()(const T& value) const {
    out.raw(static_cast<std::uint64_t>(value), sizeof(T));
  }
  void operator()(const FrameSpan& span) const {
    out.raw(span.first.raw(), 4);
    out.raw(span.count.raw(), 4);
  }
};

// Variations of a preset, one bit of a byte each, so that campaigns meet other limits on the same frames.
void vary(unsigned bits, MachineDescription& m) {
  if (bits & 1u) m.pcp_batch = 1;
  if (bits & 2u) m.pcp_high = static_cast<std::uint16_t>(m.pcp_batch + 1);
  if (bits & 4u) m.watermark_min = 0;
  if (bits & 8u) m.lowmem_ratio = m.lowmem_ratio == 0 ? 2 : 0;
  if (bits & 16u) m.tlb_entries = 2;
  if (bits & 32u) m.walk_cache_entries = 1;
  if (bits & 64u) m.range_cap = 4;
  if ((bits & 80u) == 80u) m.reference_cap = 3;
  if (bits & 128u) m.cpus = 1;
}

const std::array<MachineDescription, kFuzzMachines>& fuzz_machines() {
  static const auto machines = [] {
    std::array<MachineDescription, kFuzzMachines> all;
    for (unsigned i = 0; i < all.size(); ++i) {
      const unsigned header = kNewestHeader - i / kFuzzPresets.size();
      all[i] = find_preset(kFuzzPresets[i % kFuzzPresets.size()], header)->machine;
    }
    return all;
  }();
  return machines;
}

void decode_machine(Reader& in, MachineDescription& machine) {
  const unsigned choice = in.byte();
  machine = fuzz_machines()[choice % kFuzzMachines];
  if (choice != kWholeDescription) {
    vary(in.byte(), machine);
    return;
  }
  MachineDescription whole;
  for_each_number(whole, ReadNumber{in});
  if (!problem_with(whole)) machine = whole;
}

// The choice and variation that give `machine`, or none.
std::optional<std::array<std::uint8_t, 2>> variation_of(const MachineDescription& machine) {
  for (unsigned choice = 0; choice < kFuzzMachines; ++choice) {
    const MachineDescription& preset = fuzz_machines()[choice];
    if (preset.geometry != machine.geometry || preset.node != machine.node) continue;  // variations keep these
    for (unsigned bits = 0; bits < 256; ++bits) {
      MachineDescription varied = preset;
      vary(bits, varied);
      if (varied == machine) return {{static_cast<std::uint8_t>(choice), static_cast<std::uint8_t>(bits)}};
    }
  }
  return std::nullopt;
}

void encode_machine(const MachineDescription& machine, Writer& out) {
  if (const auto found = variation_of(machine)) {
    out.byte((*found)[0]);
    out.byte((*found)[1]);
    return;
  }
  out.byte(kWholeDescription);
  for_each_number(machine, WriteNumber{out});
}

void encode_operation(const Operation& operation, const MachineDescription& machine, Writer& out) {
  out.byte(static_cast<unsigned>(operation.index()));
  std::visit([&](const auto& op) {
    for_each_field(op, [&](const auto& field) { bytes::write(out, field.value(), machine); });
  }, operation);
}

}  // namespace

std::span<const std::string_view> fuzz_presets() { return kFuzzPresets; }

void decode(std::span<const std::uint8_t> data, Program& into) {
  into.clear();
  Reader in(data);
  decode_machine(in, into.machine);
  while (!in.at_end()) {
    Operation& operation = into.operations.emplace_back();
    make_blank(in.byte() % kOperationKinds, operation);
    std::visit([&](auto& op) {
      for_each_field(op, [&](auto& field) { bytes::read(in, field.value(), into.machine); });
    }, operation);
  }
}

void encode(const Program& program, std::vector<std::uint8_t>& into) {
  into.clear();
  Writer out(into);
  encode_machine(program.machine, out);
  for (const Operation& operation : program.operations) encode_operation(operation, program.machine, out);
}

std::vector<std::uint8_t> encode(const Program& program) {
  std::vector<std::uint8_t> out;
  encode(program, out);
  return out;
}

std::size_t encode_within(const Program& program, std::vector<std::uint8_t>& into, std::size_t limit) {
  into.clear();
  Writer out(into);
  encode_machine(program.machine, out);
  for (std::size_t done = 0; done < program.operations.size(); ++done) {
    const std::size_t before = into.size();
    encode_operation(program.operations[done], program.machine, out);
    if (into.size() > limit) {
      into.resize(before);
      return done;
    }
  }
  return program.operations.size();
}

}  // namespace mmtwin
