#include <fmt/core.h>

#include <filesystem>
#include <functional>
#include <optional>

#include "lockstep/emit_test.h"
#include "lockstep/guard.h"
#include "lockstep/minimise.h"
#include "lockstep/report.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/safe_minimise.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

using lockstep::Verdict;

std::string default_output(const std::string& file) {
  if (file == "-") return "-";
  std::string stem = file.ends_with(".mmt") ? file.substr(0, file.size() - 4) : file;
  return stem + ".min.mmt";
}

// The minimised trace with the verdict it has now.
std::optional<std::string> write_result(lockstep::Runner& runner, const lockstep::Minimised& result,
                                        const std::string& output) {
  lockstep::GuardOptions guard;
  guard.run.digests = true;
  lockstep::GuardedOutcome outcome = run_guarded(runner, result.program, guard);
  lockstep::Footer footer = footer_of(outcome, true);
  if (output == "-") return write_file(output, print(result.program) + print_footer(footer) + "\n");
  return lockstep::write_trace(output, result.program, &footer);
}

}  // namespace

ExitCode minimise(const MinimiseOptions& options) {
  auto read = read_program(options.file, options.bytes ? Form::kBytes : Form::kText);
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  const Program& program = std::get<lockstep::Trace>(read).program;
  auto system = lockstep::make_ours();
  lockstep::Runner runner(*system);
  lockstep::GuardedOutcome original = run_guarded(runner, program, {});
  if (!original.problem.empty()) {
    fmt::print(stderr, "{}: {}\n", options.file, original.problem);
    return ExitCode::kHarness;
  }
  if (original.outcome.verdict == Verdict::kAgreed) {
    fmt::print(stderr, "{}: it agrees, there is nothing to minimise\n", options.file);
    return ExitCode::kNothing;
  }
  std::function<void(const std::string&)> log;
  if (!options.json) log = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  lockstep::Minimised result = minimise_safely(runner, program, original.outcome, options.seconds, log);
  std::string output = options.output.empty() ? default_output(options.file) : options.output;
  auto problem = write_result(runner, result, output);
  if (!problem && !options.test_file.empty()) {
    std::string name = std::filesystem::path(output).stem().string();
    problem = write_file(options.test_file, emit_test(result.program, result.signature, name));
  }
  if (problem) {
    fmt::print(stderr, "{}\n", *problem);
    return ExitCode::kHarness;
  }
  if (options.json) {
    fmt::print(output == "-" ? stderr : stdout, "{}\n", minimise_line(options.file, result));
  } else {
    fmt::print(stderr, "{}: {} to {} operations in {} executions, {:.1f} s, {}: {}\n  replay: mmtwin replay {}\n",
               options.file, result.before, result.after, result.executions, result.seconds,
               result.minimal ? "minimal" : "perhaps not minimal", result.signature.print(), output);
    if (result.after == 0) fmt::print(stderr, "  no operation is needed: boot and tidying up alone show it\n");
  }
  return result.minimal ? ExitCode::kAgreed : ExitCode::kBudget;
}

}  // namespace mmtwin::tools
