// Programs as text: one operation a line, for eyes first. What `mmtwin replay` reads and every failure prints.
//
// Laws: none. Context: pure functions. Cost: linear in the text. It deliberately has no line per operation: names and
// fields come from vocab/operations.h. Errors are values with line and column, never exceptions.
//
//   mmtwin 2                                    older headers are read too; what is printed has the newest
//   machine PRESET key=value …                  only what differs from the preset; keys: text_machine.cc
//   1 cpu=0 range_map_anon space=p1 at=0x10000 length=0x4000 prot=rw -> a1 = 0x10000
//   expect ranges 0x10000-0x14000:rw-, …        what step 1 left, if a real kernel was asked
//
// Fields at their default are not printed, but `cpu` and uses of handles always are. Numbers are decimal or 0x hex.
// `= …` is a recorded answer: a value, `ok`, a refusal's name, or `assumed`, which nobody recorded. A range is
// START-END:rwx, then letters s (shared), n (noreserve), k (stack), a (accounted), then `file=` and `offset=`. From `#`
// to the line's end is a comment; that of a step stays with it as its note.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "vocab/machine.h"
#include "vocab/program.h"
#include "vocab/responses.h"

namespace mmtwin {

struct ParseError {
  std::size_t line = 0;    // both from 1
  std::size_t column = 0;  // in bytes
  std::string message;
  friend bool operator==(const ParseError&, const ParseError&) = default;
};
std::string print(const ParseError& error);  // "LINE:COLUMN: MESSAGE"

template <class T>
class Parsed {
 public:
  Parsed(T value) : outcome_(std::move(value)) {}            // NOLINT: implicit on purpose, as std::expected
  Parsed(ParseError error) : outcome_(std::move(error)) {}   // NOLINT
  bool ok() const { return outcome_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return std::get<0>(outcome_); }
  const T& value() const { return std::get<0>(outcome_); }
  const ParseError& error() const { return std::get<1>(outcome_); }

 private:
  std::variant<T, ParseError> outcome_;
};

Parsed<Program> parse_program(std::string_view text);
// "PRESET key=value …", as on the machine line and on command lines. The result is usable.
Parsed<MachineDescription> parse_machine(std::string_view text);
// "cpu=0 NAME field=value … -> b3", without step number and answer.
Parsed<Operation> parse_operation(std::string_view text, const MachineDescription& machine);

// For a program in bounds (vocab/kinds.h), parse_program(print(p)) is p; print(parse_program(x)) is canonical. A note
// is printed as it is, so it may hold no line's end.
std::string print(const Program& program);
std::string print(const MachineDescription& machine);
std::string print(const Operation& operation);
std::string print(const Response& response);
std::string print(const RangeObservation& range);
// "3 cpu=0 NAME …", without a line's end.
std::string print_step(std::uint64_t number, const Operation& operation);

}  // namespace mmtwin
