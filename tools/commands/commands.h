// The subcommands of `mmtwin`: what each is told, and the function that does it.
//
// Laws: none. Context: one thread in the calling process; fuzz and guarded runs fork. Cost: see each. What is asked for
// goes to standard output, with `json` as JSON Lines (DESIGN section 9); problems go to standard error, one line each.
// It deliberately parses no command line: main.cc does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lockstep/system.h"
#include "tools/commands/exit_code.h"

namespace mmtwin::tools {

struct ReplayOptions {
  std::vector<std::string> files;
  std::string sut = "ours";    // or "recorded": the recording is judged; "model": the contract plays
  std::string expect_verdict;  // empty: agreed
  bool strict = false;         // a mismatch with the recording is a disagreement; of a recording an assumed answer
  bool bytes = false;          // the files are byte programs
  bool no_asserts = false;     // the implementation's own asserts do not abort: only the judge finds
  bool json = false;
  double watchdog_seconds = 60;
};
ExitCode replay(const ReplayOptions& options);

struct MinimiseOptions {
  std::string file;
  std::string sut = "ours";  // as of ReplayOptions
  std::string output;     // empty: FILE with .min.mmt, or standard output for "-"
  std::string test_file;  // a GoogleTest of the result
  double seconds = 60;
  bool bytes = false;
  bool json = false;
};
ExitCode minimise(const MinimiseOptions& options);
ExitCode minimise_on(lockstep::System& system, const MinimiseOptions& options);  // that the trace fails on

struct InitOptions {
  std::string folder;  // made if it is not there; no file in it is overwritten
};
ExitCode init_plugin(const InitOptions& options);

struct ExplainOptions {
  std::string file;
  std::uint64_t first_step = 0, last_step = 0;  // 0: no limit
  bool with_events = true;
  bool bytes = false;
  bool json = false;
};
ExitCode explain(const ExplainOptions& options);

struct ExploreCommandOptions {
  std::string file;         // empty: all pairs on a shared page
  std::uint64_t first = 0;  // step from which on the operations are in flight together
  std::uint64_t most_runs = 1'000'000;
  bool prunes = true;
  bool touches = false;     // are points too
  bool outcomes = false;
};
ExitCode explore(const ExploreCommandOptions& options);

struct GenerateCommandOptions {
  std::uint64_t seed = 1;
  std::uint64_t operations = 64;
  std::string machine = "small";
  std::string weights;  // "pages=4,space=2"; empty: the generator's own
  unsigned pauses = 0;  // percent of programs with operations that pause
  std::string output;
  bool json = false;
};
ExitCode generate(const GenerateCommandOptions& options);

struct ConvertOptions {
  std::string file;
  std::string to = "text";  // bytes, gtest
  std::string from;         // empty: text if it begins as text, else bytes
  std::string name;         // of the GoogleTest; empty: from the file's name
  std::string output;
  bool json = false;
};
ExitCode convert(const ConvertOptions& options);

struct FuzzOptions {
  double seconds = 60;
  unsigned jobs = 1;
  std::uint64_t seed = 1;
  std::string target = "machine";  // pages, spaces
  std::string sut = "ours";        // or "model": the contract plays
  std::string machine;             // empty: drawn anew every few programs
  std::string weights;
  unsigned pauses = 40;           // percent of programs with operations that pause
  std::uint64_t operations = 64;  // a program
  std::uint64_t executions = 0;   // programs; 0: until the time is up
  std::string corpus;             // a folder of traces to run first
  std::string output = ".";       // folder for findings
  double minimise_seconds = 30;   // to make a finding short
  bool perturb = false;
  bool no_asserts = false;
  bool json = false;
};
ExitCode fuzz(const FuzzOptions& options);

struct ProveOptions {
  std::string only;  // part of a theorem's id
  unsigned jobs = 2;
  bool json = false;
};
ExitCode prove(const ProveOptions& options);

struct LawsOptions {
  bool points = false;    // the places where operations may pause, instead
  bool freedoms = false;  // what the judge leaves open, measured
  std::uint64_t programs = 200;     // generated ones
  std::uint64_t seed = 1;           // of them
  unsigned pauses = 0;              // percent of them some of whose operations pause
  std::vector<std::string> corpus;  // folders of traces to measure with instead, as far as `most` goes
  std::uint64_t most = 16;          // things of one sort to alter in a trace
  bool json = false;
};
ExitCode laws(const LawsOptions& options);

struct BugsOptions {
  std::string action = "list";  // run, matrix
  std::string id;
  std::string source = ".";  // the source tree
  std::string work;          // folder to build in; empty: SOURCE/build/bugs
  double seconds = 60;       // of the campaign, each; 0: only the stored trace is tried
  std::uint64_t seed = 1;
  std::string machine;       // of the campaigns; empty: drawn
  bool json = false;
};
ExitCode bugs(const BugsOptions& options);

struct MutantsOptions {
  std::string source = ".";  // the source tree
  std::string work;          // folder to build in; empty: SOURCE/build/mutants
  std::string only;          // files, as a shell's pattern; empty: all
  std::string ids_file;      // only the mutants whose ids begin its lines; empty: `count` drawn at random
  std::uint64_t count = 100;
  std::uint64_t seed = 1;
  unsigned jobs = 1;
  std::uint64_t operations = 2'000'000;  // of the campaigns on one mutant
  double seconds = 300;                  // after which a mutant has survived however few operations were done
  bool list = false;
  bool json = false;
};
ExitCode mutants(const MutantsOptions& options);

struct ImportOptions {
  std::string format;  // strace, vmadelta, kmem-pages
  std::string file;
  std::string output;  // empty: standard output; with json and no output: only the counts
  bool adds_accesses = true;
  bool json = false;
};
ExitCode import_log(const ImportOptions& options);

}  // namespace mmtwin::tools
