// The codecs alone: any bytes as a trace, as a machine line and as a byte program; what was read survives the way back.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/finding.h"
#include "vocab/bytes.h"
#include "vocab/kinds.h"
#include "vocab/text.h"

namespace {

using namespace mmtwin;

void expect(bool holds, const char* claim) {
  if (!holds) fuzz::report_finding(std::string("codecs: ") + claim);
}

void check_trace(std::string_view text) {
  const Parsed<Program> first = parse_program(text);
  if (!first.ok()) {
    expect(first.error().line >= 1 && first.error().column >= 1, "an error names line and column");
    expect(!first.error().message.empty(), "an error has a message");
    return;
  }
  const std::string printed = print(first.value());
  const Parsed<Program> second = parse_program(printed);
  expect(second.ok() && same(first.value(), second.value()), "what is printed reads as what was printed");
  expect(second.ok() && print(second.value()) == printed, "printing is canonical");
}

void check_machine(std::string_view text) {
  const Parsed<MachineDescription> machine = parse_machine(text.substr(0, text.find('\n')));
  if (!machine.ok()) return;
  expect(!problem_with(machine.value()), "a machine that was read is usable");
  const Parsed<MachineDescription> again = parse_machine(print(machine.value()));
  expect(again.ok() && again.value() == machine.value(), "a printed machine reads as itself");
}

void check_bytes(std::span<const std::uint8_t> bytes) {
  static Program first, second;
  static std::vector<std::uint8_t> encoded;
  decode(bytes, first);
  expect(in_bounds(first), "every byte string is a program in bounds");
  encode(first, encoded);
  decode(encoded, second);
  expect(same(first, second), "what is encoded decodes as what was encoded");
  const Parsed<Program> read = parse_program(print(first));
  expect(read.ok() && same(read.value(), first), "a byte program survives text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_trace(text);
  check_machine(text);
  check_bytes({data, size});
  return 0;
}
