// The machine line. Every field of a description has one key, named in for_each_key and nowhere else.
#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "vocab/text.h"
#include "vocab/text_lines.h"
#include "vocab/text_values.h"

namespace mmtwin {
namespace {

using text::Problem;

constexpr std::array<std::string_view, kMaxNodes * kZoneKinds> kZoneKeys = {
    "node0.dma", "node0.dma32", "node0.normal", "node0.movable", "node1.dma", "node1.dma32", "node1.normal",
    "node1.movable", "node2.dma", "node2.dma32", "node2.normal", "node2.movable", "node3.dma", "node3.dma32",
    "node3.normal", "node3.movable"};
constexpr std::array<std::string_view, kMaxNodes> kDistanceKeys = {"distance0", "distance1", "distance2", "distance3"};
constexpr std::array<std::string_view, kMaxHoles> kHoleKeys = {"hole0", "hole1", "hole2", "hole3"};
constexpr std::array<std::string_view, kMaxReserved> kReservedKeys = {"reserved0", "reserved1"};
constexpr std::array<std::string_view, 2> kGeometryNames = {"x86", "small"};  // by GeometryName

template <class Machine, class Visit>
void for_each_key(Machine& m, Visit&& visit) {
  visit("geometry", m.geometry);
  visit("nodes", m.nodes);
  visit("cpus", m.cpus);
  for (unsigned i = 0; i < kZoneKeys.size(); ++i) visit(kZoneKeys[i], m.node[i / kZoneKinds].zones[i % kZoneKinds]);
  for (unsigned i = 0; i < kMaxHoles; ++i) visit(kHoleKeys[i], m.hole[i]);
  for (unsigned i = 0; i < kMaxReserved; ++i) visit(kReservedKeys[i], m.reserved[i]);
  for (unsigned i = 0; i < kMaxNodes; ++i) visit(kDistanceKeys[i], m.distance[i]);
  visit("cpu_node", m.cpu_node);
  visit("min", m.watermark_min);
  visit("lowmem_ratio", m.lowmem_ratio);
  visit("batch", m.pcp_batch);
  visit("high", m.pcp_high);
  visit("tlb", m.tlb_entries);
  visit("walk_cache", m.walk_cache_entries);
  visit("range_cap", m.range_cap);
  visit("reference_cap", m.reference_cap);
  visit("top_order", m.top_order);
  visit("flush_batch", m.flush_batch);
  visit("slab_objects", m.slab_objects);
}

// ---- values of keys, by type ----

template <class T>
std::string write_key(const T& value) {
  return std::to_string(value);
}
std::string write_key(const GeometryName& geometry) {
  return std::string(kGeometryNames[static_cast<unsigned>(geometry) % kGeometryNames.size()]);
}
std::string write_key(const FrameSpan& span) {
  if (span == FrameSpan{}) return "none";
  return std::to_string(span.first.raw()) + "+" + std::to_string(span.count.raw());
}
// Trailing zeros are left out, the first entry never is.
template <std::size_t N>
std::string write_key(const std::array<std::uint8_t, N>& row) {
  std::size_t used = N;
  while (used > 1 && row[used - 1] == 0) --used;
  std::string out;
  for (std::size_t i = 0; i < used; ++i) out += (i == 0 ? "" : ",") + std::to_string(row[i]);
  return out;
}

template <class T>
Problem read_key(std::string_view token, T& value) {
  std::uint64_t raw = 0;
  Problem problem = text::read_bounded(token, {0, std::numeric_limits<T>::max()}, raw);
  value = static_cast<T>(raw);
  return problem;
}
Problem read_key(std::string_view token, GeometryName& geometry) {
  const auto found = std::find(kGeometryNames.begin(), kGeometryNames.end(), token);
  if (found == kGeometryNames.end()) return in_quotes(token) + " is no geometry: x86 or small";
  geometry = static_cast<GeometryName>(found - kGeometryNames.begin());
  return {};
}
Problem read_key(std::string_view token, FrameSpan& span) {
  span = FrameSpan{};
  if (token == "none") return {};
  const std::size_t plus = token.find('+');
  if (plus == std::string_view::npos) return in_quotes(token) + " is not FIRST+COUNT, or none";
  std::uint64_t first = 0, count = 0;
  Problem problem = text::read_bounded(token.substr(0, plus), {0, kMaxFrames}, first);
  if (problem.empty()) problem = text::read_bounded(token.substr(plus + 1), {0, kMaxFrames}, count);
  span = {Pfn(first), PageCount(count)};
  return problem;
}
template <std::size_t N>
Problem read_key(std::string_view token, std::array<std::uint8_t, N>& row) {
  row = {};
  for (std::size_t i = 0;; ++i) {
    const std::size_t comma = token.find(',');
    if (i == N) return "more than " + std::to_string(N) + " entries";
    if (Problem problem = read_key(token.substr(0, comma), row[i]); !problem.empty()) return problem;
    if (comma == std::string_view::npos) return {};
    token = token.substr(comma + 1);
  }
}

// "key=value" for all keys in which `m` differs from `base`.
std::vector<std::string> differences(const MachineDescription& m, const MachineDescription& base) {
  std::vector<std::string> in_base, out;
  for_each_key(base, [&](std::string_view, const auto& value) { in_base.push_back(write_key(value)); });
  std::size_t number = 0;
  for_each_key(m, [&](std::string_view key, const auto& value) {
    const std::string written = write_key(value);
    if (written != in_base[number++]) out.push_back(std::string(key) + "=" + written);
  });
  return out;
}

bool read_machine_key(text::LineReader& line, MachineDescription& machine, std::vector<std::string_view>& seen) {
  const text::KeyValue word = text::key_value_of(line.take());
  Problem problem = "unknown key";
  for_each_key(machine, [&](std::string_view key, auto& value) {
    if (key != word.key) return;
    problem = word.has_value ? read_key(word.value, value) : "a value is missing: key=value";
  });
  if (problem == "unknown key") return line.fail(word.key_column, "unknown key " + in_quotes(word.key));
  if (!problem.empty()) return line.fail(word.value_column, std::string(word.key) + ": " + problem);
  if (std::find(seen.begin(), seen.end(), word.key) != seen.end()) {
    return line.fail(word.key_column, "key " + in_quotes(word.key) + " twice");
  }
  seen.push_back(word.key);
  return true;
}

}  // namespace

bool text::read_machine(LineReader& line, unsigned header, MachineDescription& machine) {
  const std::size_t start = line.column();
  const Preset* preset = line.at_end() ? nullptr : find_preset(line.peek().text, header);
  if (preset == nullptr) {
    std::string known;
    for (const Preset& p : presets(header)) known += (known.empty() ? "" : ", ") + std::string(p.name);
    return line.fail(start, line.at_end() ? "a preset is missing: one of " + known
                                          : in_quotes(line.peek().text) + " is no preset: one of " + known);
  }
  line.take();
  machine = preset->machine;
  std::vector<std::string_view> seen;
  while (!line.at_end()) {
    if (!read_machine_key(line, machine, seen)) return false;
  }
  if (auto problem = problem_with(machine)) return line.fail(start, "no usable machine: " + *problem);
  return true;
}

Parsed<MachineDescription> parse_machine(std::string_view text) {
  text::LineReader line(text, 1);
  MachineDescription machine;
  if (!text::read_machine(line, kNewestHeader, machine)) return *line.error();
  return machine;
}

std::string print(const MachineDescription& machine) {
  std::string_view name;
  std::vector<std::string> fewest;
  const auto is_alike = [&](const Preset& p) { return p.machine.geometry == machine.geometry; };
  for (const Preset& preset : presets()) {
    if (!is_alike(preset) && std::any_of(presets().begin(), presets().end(), is_alike)) continue;
    std::vector<std::string> found = differences(machine, preset.machine);
    if (name.empty() || found.size() < fewest.size()) {
      name = preset.name;
      fewest = std::move(found);
    }
  }
  std::string out(name);
  for (const std::string& difference : fewest) out += " " + difference;
  return out;
}

}  // namespace mmtwin
