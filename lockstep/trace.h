// Trace files: a program on disk before it runs, its verdict appended after it ran, nothing ever half-written.
//
// Laws: none. Context: one thread; run_guarded forks. Cost: a file write and a rename. Text is vocab/text.h's; this file
// adds the footer, the files and the child process. It deliberately keeps no state between calls.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lockstep/run.h"
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

// Writes through a temporary file and a rename. nullopt: done; else why not.
std::optional<std::string> write_trace(const std::filesystem::path& file, const Program& program,
                                       const Footer* footer = nullptr);

struct GuardOptions {
  RunOptions run;
  std::filesystem::path trace;      // written before the run, completed after it; empty: no file
  double watchdog_seconds = 60;
};
struct GuardedOutcome {
  RunOutcome outcome;       // kCrashed: step and operation are those it died in
  int signal = 0;           // that ended the child; 0: none
  int exit_status = 0;      // of a child that left by itself without an answer (a sanitizer, say)
  bool hung = false;        // the watchdog ended it
  std::string problem;      // the harness itself failed: no fork, no file. Empty: it did not
  std::string how() const;  // "SIGSEGV", "hang", "exit 1"; empty unless kCrashed
};
// Runs in a forked child, so that a crash or hang of the system leaves the trace and a verdict. An observer in the
// options sees its steps in the child only.
GuardedOutcome run_guarded(Runner& runner, const Program& program, const GuardOptions& options);

Footer footer_of(const RunOutcome& outcome, bool has_digests);
Footer footer_of(const GuardedOutcome& outcome, bool has_digests);
// Sixteen hexadecimal digits of the running program's file.
const std::string& build_id();

}  // namespace mmtwin::lockstep
