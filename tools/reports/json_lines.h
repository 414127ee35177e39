// JSON Lines of the tools that lockstep/reports/report.h does not have: import, theorem, bug and plain facts.
//
// Laws: none. Context: values in, a line out, without the newline. Cost: allocations. Fields are only ever added. It
// deliberately prints nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "props/smt/theorem.h"
#include "tools/bugs/bug_markers.h"
#include "tools/campaign/finding_file.h"
#include "tools/import/imported.h"

namespace mmtwin::tools {

// import {file calls imported ignored{name:count} operations additions{} attributes{} by_call{}}
std::string import_line(std::string_view file, const Imported& imported);

// theorem {id claim verdict seconds paths reason counterexample{}}
std::string theorem_line(const smt::TheoremResult& result);

// prove {theorems proved refuted verdict}: after all theorems, or those before an interruption
std::string prove_line(std::size_t theorems, std::size_t proved, std::size_t refuted, std::string_view verdict);

// program {file machine operations}
std::string program_line(std::string_view file, std::string_view machine, std::uint64_t operations);

// markers {reached triggered}: of an injected bug
std::string markers_line(const MarkerCounts& markers);
// finding {file before operations seconds minimal}: operations before and after minimising, and how long that took
std::string finding_line(const FindingFile& finding);

struct BugReport {
  std::string id;
  std::string source, law_expected, family;
  std::uint64_t operations_needed = 0;
  std::uint64_t reached = 0, triggered = 0;  // times a marker was passed
  bool detected = false;
  std::string detector;  // judge, law, crash; empty: none
  std::string law;       // that broke
  double seconds = 0;    // until detection, or the whole budget
  std::uint64_t operations = 0;
  std::uint64_t minimised = 0;  // operations of the minimised trace; 0: none
  // The first long program that shows it: its operations, those of its minimised form, seconds that minimising took.
  std::uint64_t long_before = 0, long_minimised = 0;
  double long_seconds = 0;
  std::string problem;          // why it could not be tried; empty: it was
};
// Who finds what a run ends with: "judge", "law" or "crash"; empty: nobody.
std::string_view detector_of(lockstep::Verdict verdict);
// bug {id reached triggered detected detector law seconds operations minimised long_before long_minimised long_seconds
//      source expected family needed problem}
std::string bug_line(const BugReport& bug);
// bugs {bugs tried judge law crash verdict}: after all of them, or those before an interruption
struct BugCounts {
  std::size_t bugs = 0, tried = 0, failed = 0;
  std::size_t judge = 0, law = 0, crash = 0;  // detected by
  std::size_t detected() const { return judge + law + crash; }
};
std::string bugs_line(const BugCounts& counts, std::string_view verdict);

}  // namespace mmtwin::tools
