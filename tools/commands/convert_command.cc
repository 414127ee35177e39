#include <fmt/core.h>

#include <filesystem>

#include "lockstep/children/guard.h"
#include "lockstep/generate/generate.h"
#include "lockstep/reports/emit_test.h"
#include "lockstep/suts/ours/ours.h"
#include "tools/campaign/weights.h"
#include "tools/commands/commands.h"
#include "tools/host/files.h"
#include "tools/reports/json_lines.h"
#include "vocab/bytes.h"
#include "vocab/text.h"

namespace mmtwin::tools {
namespace {

ExitCode deliver(const std::string& output, const std::string& content, const Program& program, bool json) {
  bool says_only = json && (output.empty() || output == "-");
  if (!says_only) {
    if (auto problem = write_file(output, content)) {
      fmt::print(stderr, "{}\n", *problem);
      return ExitCode::kHarness;
    }
  }
  if (json) fmt::print("{}\n", program_line(output, print(program.machine), program.length()));
  return ExitCode::kAgreed;
}

// What the program fails with, for the comment of the test; empty parts if it agrees.
lockstep::Signature signature_now(const Program& program) {
  auto system = lockstep::make_ours();
  lockstep::Runner runner(*system);
  return signature_of(run_guarded(runner, program, {})).value_or(lockstep::Signature{});
}

ExitCode refuse_output(const std::string& problem) {
  fmt::print(stderr, "--output: {}\n", problem);
  return ExitCode::kUsage;
}

}  // namespace

ExitCode generate(const GenerateCommandOptions& options) {
  if (auto problem = output_problem(options.output)) return refuse_output(*problem);
  lockstep::GenerateOptions how;
  how.seed = options.seed;
  how.operations = options.operations;
  how.pauses = options.pauses;
  auto machine = parse_machine(options.machine);
  if (!machine) {
    fmt::print(stderr, "--machine: {}\n", print(machine.error()));
    return ExitCode::kUsage;
  }
  how.machine = machine.value();
  if (auto problem = set_weights(options.weights, how.weights)) {
    fmt::print(stderr, "--weights: {}\n", *problem);
    return ExitCode::kUsage;
  }
  Program program = lockstep::generate(how);
  return deliver(options.output, print(program), program, options.json);
}

ExitCode convert(const ConvertOptions& options) {
  if (auto problem = output_problem(options.output)) return refuse_output(*problem);
  Form form = options.from == "text" ? Form::kText : options.from == "bytes" ? Form::kBytes : Form::kDetect;
  auto read = read_program(options.file, form);
  if (auto* problem = std::get_if<FileProblem>(&read)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  const Program& program = std::get<lockstep::Trace>(read).program;
  std::string content;
  if (options.to == "bytes") {
    auto bytes = encode(program);
    content.assign(bytes.begin(), bytes.end());
  } else if (options.to == "gtest") {
    std::string name = options.name.empty() ? std::filesystem::path(options.file).stem().string() : options.name;
    content = emit_test(program, signature_now(program), name);
  } else {
    content = print(program);
  }
  return deliver(options.output, content, program, options.json);
}

}  // namespace mmtwin::tools
