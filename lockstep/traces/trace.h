// Trace files: a program on disk, with its verdict once it ran, and nothing ever half-written.
//
// Laws: none. Context: one thread. Cost: a file write and a rename. Text is vocab/text.h's; this file adds footer and
// files. It deliberately keeps no state between calls.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lockstep/run/run.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

// The last line of a trace: "# verdict=diverged@4 COW-2 answers=5f3a… events=77c1…(build 1a2b)".
struct Footer {
  Verdict verdict = Verdict::kAgreed;
  StepNumber step;   // 0: agreed
  std::string law;   // law id; for kCrashed the signal's name or "hang"
  std::string answers;  // hexadecimal digest, empty: not computed
  std::string events;
  std::string build;  // whose event digest this is
};
std::string print_footer(const Footer& footer);
// The last footer line in the text, if there is one that can be read.
std::optional<Footer> parse_footer(std::string_view text);

struct TraceError {
  std::string file;
  unsigned line = 0;  // 0: the file could not be read at all
  unsigned column = 0;
  std::string message;
  std::string print() const;  // "file:line:column: message"
};
struct Trace {
  Program program;
  std::optional<Footer> footer;
};
std::variant<Trace, TraceError> parse_trace(std::string_view text, const std::string& name);
std::variant<Trace, TraceError> read_trace(const std::filesystem::path& file);

std::string print_trace(const Program& program, const Footer* footer = nullptr);
// Instead of what was there, whole or not at all (lockstep/traces/whole_file.h). nullopt: done; else why not.
std::optional<std::string> write_trace(const std::filesystem::path& file, const Program& program,
                                       const Footer* footer = nullptr);

Footer footer_of(const RunOutcome& outcome, bool has_digests);
// Sixteen hexadecimal digits of the running program's file.
const std::string& build_id();

}  // namespace mmtwin::lockstep
