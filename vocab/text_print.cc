#include <array>

#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/text.h"
#include "vocab/text_values.h"

namespace mmtwin {
namespace {

// A handle that an operation uses is always named; other fields only where they differ from their default.
template <class T>
bool is_printed(const T& value, const T& by_default) {
  if constexpr (kIsUse<T>) return true;
  return !(value == by_default);
}

std::string print_ranges(const std::vector<RangeObservation>& ranges) {
  std::string out = "expect ranges";
  if (ranges.empty()) return out + " none";
  for (std::size_t i = 0; i < ranges.size(); ++i) out += (i == 0 ? " " : ", ") + print(ranges[i]);
  return out;
}

}  // namespace

std::string print(const ParseError& error) {
  return std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message;
}

std::string print(const Operation& operation) {
  return std::visit(
      [](const auto& op) {
        using Kind = std::decay_t<decltype(op)>;
        const Kind by_default{};
        std::string fields, result;
        for_each_field(op, [&](const auto& field) {
          using F = std::decay_t<decltype(field)>;
          using T = typename F::Value;
          for_each_field(by_default, [&](const auto& other) {
            if constexpr (!std::is_same_v<F, std::decay_t<decltype(other)>>) return;
            else if constexpr (kIsResult<T>) {
              if (!field.is_none()) result = " -> " + text::write_value(field.value());
            } else if (F::kName != "cpu" && is_printed<T>(field.value(), other.value())) {
              fields += " " + std::string(F::kName) + "=" + text::write_value(field.value());
            }
          });
        });
        return "cpu=" + text::write_value(op.cpu.value()) + " " + std::string(Kind::kName) + fields + result;
      },
      operation);
}

std::string print_step(std::uint64_t number, const Operation& operation) {
  return std::to_string(number) + " " + print(operation);
}

std::string print(const Response& response) {
  if (response == Response{}) return "ok";
  if (response.refusal == Refusal::kNone) return text::hex(response.value);
  std::string out(name_of(response.refusal));
  if (response.value != 0) out += ":" + text::hex(response.value);
  return out;
}

std::string print(const RangeObservation& range) {
  std::string out = text::hex(range.start.raw()) + "-" + text::hex(range.end.raw()) + ":";
  for (unsigned bit = 0; bit < kProtBits; ++bit) out += range.prot.has(Prot(1u << bit)) ? ProtTag::kNames[bit] : "-";
  if (range.flags.has(kMapShared)) out += 's';
  if (range.flags.has(kMapNoReserve)) out += 'n';
  if (range.flags.has(kMapStack)) out += 'k';
  if (range.accounted) out += 'a';
  if (range.file.raw() != 0) out += " file=" + text::write_value(range.file);
  if (range.offset != 0) out += " offset=" + text::hex(range.offset);
  return out;
}

std::string print(const Program& program) {
  std::string out = "mmtwin " + std::to_string(kNewestHeader) + "\nmachine " + print(program.machine) + "\n";
  auto recorded = program.recorded.begin();
  auto note = program.notes.begin();
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    out += print_step(i + 1, program.operations[i]);
    while (recorded != program.recorded.end() && recorded->first < i + 1) ++recorded;
    const bool has_answer = recorded != program.recorded.end() && recorded->first == i + 1;
    if (has_answer && recorded->second.is_assumed) out += " = assumed";
    if (has_answer && recorded->second.has_response) out += " = " + print(recorded->second.response);
    while (note != program.notes.end() && note->first < i + 1) ++note;
    if (note != program.notes.end() && note->first == i + 1) out += "  # " + note->second;
    out += '\n';
    if (has_answer && recorded->second.has_ranges) out += print_ranges(recorded->second.ranges) + '\n';
  }
  return out;
}

}  // namespace mmtwin
