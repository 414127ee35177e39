#include <algorithm>
#include <array>

#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/text.h"
#include "vocab/text_lines.h"
#include "vocab/text_values.h"

namespace mmtwin {
namespace {

using text::KeyValue;
using text::LineReader;
using text::Problem;
using text::Word;

// Which fields of the operation at hand were written.
using Seen = std::vector<std::string_view>;

bool was_seen(const Seen& seen, std::string_view name) {
  return std::find(seen.begin(), seen.end(), name) != seen.end();
}

template <class Op>
bool read_field(LineReader& line, const KeyValue& word, const MachineDescription& machine, Op& op, Seen& seen) {
  bool is_known = false;
  Problem problem;
  for_each_field(op, [&](auto& field) {
    using F = std::decay_t<decltype(field)>;
    if (F::kName != word.key || (kIsResult<typename F::Value> && word.key != "->")) return;
    is_known = true;
    problem = text::read_value(word.value, field.value(), machine);
  });
  if (!is_known) return line.fail(word.key_column, std::string(Op::kName) + " has no field " + in_quotes(word.key));
  if (was_seen(seen, word.key)) return line.fail(word.key_column, "field " + in_quotes(word.key) + " twice");
  if (!problem.empty()) return line.fail(word.value_column, std::string(word.key) + ": " + problem);
  seen.push_back(word.key);
  return true;
}

// `-> b3`, or `field=value`.
template <class Op>
bool read_argument(LineReader& line, const MachineDescription& machine, Op& op, Seen& seen) {
  const Word first = line.take();
  if (first.text == "->") {
    if (line.at_end()) return line.fail(line.column(), "a handle is missing after ->");
    const Word& handle = line.take();
    return read_field(line, {first.text, handle.text, first.column, handle.column, true}, machine, op, seen);
  }
  const KeyValue word = text::key_value_of(first);
  if (!word.has_value || word.key == "->") {
    return line.fail(first.column, in_quotes(first.text) + " is no field=value");
  }
  return read_field(line, word, machine, op, seen);
}

// A use of a handle must be written, and so must every field whose default is out of bounds.
template <class Op>
bool is_complete(LineReader& line, const MachineDescription& machine, const Op& op, const Seen& seen) {
  bool complete = true;
  for_each_field(op, [&](const auto& field) {
    using F = std::decay_t<decltype(field)>;
    if (!complete || was_seen(seen, F::kName)) return;
    if (kIsUse<typename F::Value> || !in_bounds(field.value(), machine)) {
      complete = line.fail(line.column(), std::string(Op::kName) + " needs " + in_quotes(F::kName));
    }
  });
  return complete;
}

bool read_range(LineReader& line, RangeObservation& range, bool& is_last) {
  range = RangeObservation{};
  const auto without_comma = [&](std::string_view word) {
    is_last = !word.ends_with(',');
    return is_last ? word : word.substr(0, word.size() - 1);
  };
  const Word word = line.take();
  const std::string_view text = without_comma(word.text);
  const std::size_t dash = text.find('-'), colon = text.find(':');
  std::uint64_t start = 0, end = 0;
  if (dash == std::string_view::npos || colon == std::string_view::npos || dash > colon || text.size() < colon + 4 ||
      !text::read_number(text.substr(0, dash), start).empty() ||
      !text::read_number(text.substr(dash + 1, colon - dash - 1), end).empty()) {
    return line.fail(word.column, in_quotes(text) + " is no range: START-END:rwx, then letters of snka");
  }
  range.start = Address(start);
  range.end = Address(end);
  for (unsigned bit = 0; bit < kProtBits; ++bit) {
    const char letter = text[colon + 1 + bit];
    const bool is_given = letter == ProtTag::kNames[bit][0];
    if (is_given) range.prot = range.prot | Prot(1u << bit);
    if (!is_given && letter != '-') {
      return line.fail(word.column + colon + 1 + bit, "a protection is rwx, - for each not given");
    }
  }
  for (std::size_t i = colon + 4; i < text.size(); ++i) {
    if (text[i] == 's') range.flags = range.flags | kMapShared;
    else if (text[i] == 'n') range.flags = range.flags | kMapNoReserve;
    else if (text[i] == 'k') range.flags = range.flags | kMapStack;
    else if (text[i] == 'a') range.accounted = true;
    else return line.fail(word.column + i, "an attribute is s, n, k or a");
  }
  while (is_last && !line.at_end()) {
    const KeyValue more = text::key_value_of(line.take());
    const std::string_view value = without_comma(more.value);
    std::uint64_t raw = 0;
    const bool is_file = more.key == "file";
    if (!more.has_value || (!is_file && more.key != "offset")) {
      return line.fail(more.key_column, in_quotes(more.key) + " is neither file= nor offset=");
    }
    Problem problem = is_file ? text::read_bounded(value, {0, kMaxFile}, raw) : text::read_number(value, raw);
    if (!problem.empty()) return line.fail(more.value_column, std::string(more.key) + ": " + problem);
    if (is_file) range.file = FileId(raw);
    else range.offset = raw;
  }
  return true;
}

// Reads a program line by line.
class ProgramReader {
 public:
  Parsed<Program> read(std::string_view text) {
    std::size_t number = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      LineReader line(text.substr(0, end), ++number);
      text = text.substr(std::min(end + 1, text.size()));
      if (!line.at_end() && !read_line(line)) return *line.error();
    }
    if (header_ == 0)
      return ParseError{number + 1, 1, "the text ends before 'mmtwin " + std::to_string(kNewestHeader) + "'"};
    if (!has_machine_) return ParseError{number + 1, 1, "the text ends before the machine line"};
    return std::move(program_);
  }

 private:
  bool read_line(LineReader& line) {
    const bool read = header_ == 0    ? read_version(line)
                      : !has_machine_ ? read_machine_line(line)
                      : line.peek().text == "expect" ? read_expectation(line)
                                                     : read_step(line);
    if (!read) return false;
    return line.at_end() || line.fail(line.column(), in_quotes(line.peek().text) + " is one word too many");
  }

  bool read_version(LineReader& line) {
    const std::string newest = std::to_string(kNewestHeader);
    if (!line.take_if("mmtwin")) return line.fail(line.column(), "a trace starts with 'mmtwin " + newest + "'");
    for (unsigned header = 1; header <= kNewestHeader && header_ == 0; ++header)
      if (line.take_if(std::to_string(header))) header_ = header;
    return header_ != 0 || line.fail(line.column(), "this program reads versions 1 to " + newest + " of traces");
  }

  bool read_machine_line(LineReader& line) {
    if (!line.take_if("machine")) return line.fail(line.column(), "the second line is 'machine PRESET key=value …'");
    return has_machine_ = text::read_machine(line, header_, program_.machine);
  }

  bool read_step(LineReader& line) {
    const Word word = line.take();
    std::uint64_t number = 0;
    const std::uint64_t wanted = program_.operations.size() + 1;
    if (!text::read_number(word.text, number).empty() || number != wanted) {
      return line.fail(word.column, "step " + std::to_string(wanted) + " should be here, not " + in_quotes(word.text));
    }
    Operation& operation = program_.operations.emplace_back();
    if (!text::read_operation(line, program_.machine, operation)) return false;
    if (!line.comment().empty()) program_.notes[wanted] = line.comment();
    if (!line.take_if("=")) return true;
    RecordedAnswer& answer = program_.recorded[wanted];
    answer.is_assumed = line.take_if("assumed");
    if (answer.is_assumed) return true;
    return answer.has_response = text::read_response(line, answer.response);
  }

  bool read_expectation(LineReader& line) {
    const std::size_t column = line.take().column;
    if (program_.operations.empty()) return line.fail(column, "there is no step to expect anything of");
    if (!line.take_if("ranges")) return line.fail(line.column(), "only ranges can be expected");
    RecordedAnswer& answer = program_.recorded[program_.operations.size()];
    if (answer.has_ranges) return line.fail(column, "a second list of ranges for one step");
    return answer.has_ranges = text::read_ranges(line, answer.ranges);
  }

  Program program_;
  unsigned header_ = 0;  // 0: not read yet
  bool has_machine_ = false;
};

}  // namespace

bool text::read_operation(LineReader& line, const MachineDescription& machine, Operation& operation) {
  // cpu= stands before the name, so it is read before it is known what it belongs to.
  CpuId cpu;
  const bool has_cpu = !line.at_end() && line.peek().text.starts_with("cpu=");
  if (has_cpu) {
    const KeyValue word = key_value_of(line.take());
    if (Problem problem = read_value(word.value, cpu, machine); !problem.empty()) {
      return line.fail(word.value_column, "cpu: " + problem);
    }
  }
  if (line.at_end()) return line.fail(line.column(), "an operation is missing");
  const Word& name = line.take();
  const auto kind = kind_named(name.text);
  if (!kind) return line.fail(name.column, in_quotes(name.text) + " is no operation");
  make_blank(*kind, operation);
  return std::visit(
      [&](auto& op) {
        Seen seen;
        if (has_cpu) seen.push_back("cpu");
        op.cpu.value() = cpu;
        while (!line.at_end() && line.peek().text != "=") {
          if (!read_argument(line, machine, op, seen)) return false;
        }
        return is_complete(line, machine, op, seen);
      },
      operation);
}

bool text::read_response(LineReader& line, Response& response) {
  if (line.at_end()) return line.fail(line.column(), "an answer is missing after =");
  const Word& word = line.take();
  const std::size_t colon = word.text.find(':');
  const std::string_view name = word.text.substr(0, colon);
  const auto found = std::find(kRefusalNames.begin(), kRefusalNames.end(), name);
  std::string_view value = word.text;
  if (found != kRefusalNames.end()) {
    response.refusal = static_cast<Refusal>(found - kRefusalNames.begin());
    if (colon == std::string_view::npos) return true;
    value = word.text.substr(colon + 1);
  }
  Problem problem = read_number(value, response.value);
  return problem.empty() || line.fail(word.column, in_quotes(word.text) + " is no answer: a value, ok or a refusal");
}

bool text::read_ranges(LineReader& line, std::vector<RangeObservation>& ranges) {
  if (line.take_if("none")) return true;
  bool is_last = false;
  while (!is_last) {
    if (line.at_end()) return line.fail(line.column(), "a range is missing");
    if (!read_range(line, ranges.emplace_back(), is_last)) return false;
  }
  return true;
}

Parsed<Program> parse_program(std::string_view text) { return ProgramReader().read(text); }

Parsed<Operation> parse_operation(std::string_view text, const MachineDescription& machine) {
  LineReader line(text, 1);
  Operation operation;
  if (text::read_operation(line, machine, operation) && !line.at_end()) {
    line.fail(line.column(), in_quotes(line.peek().text) + " is one word too many");
  }
  if (line.error()) return *line.error();
  return operation;
}

}  // namespace mmtwin
