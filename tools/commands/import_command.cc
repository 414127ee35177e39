#include <fmt/core.h>

#include "tools/commands/commands.h"
#include "tools/host/files.h"
#include "tools/import/import_kmem_pages.h"
#include "tools/import/import_strace.h"
#include "tools/import/import_vmadelta.h"
#include "tools/reports/json_lines.h"
#include "vocab/text.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

ImportResult import_as(const ImportOptions& options, std::string_view text) {
  if (options.format == "strace") return import_strace(text, options.file, {.adds_accesses = options.adds_accesses});
  if (options.format == "vmadelta") return import_vmadelta(text, options.file);
  return import_kmem_pages(text, options.file);
}

void print_table(const std::map<std::string, std::uint64_t>& counts, std::string_view heading) {
  for (const auto& [name, count] : counts) fmt::print(stderr, "  {} {}: {}\n", heading, mentioned(name), count);
}

}  // namespace

ExitCode import_log(const ImportOptions& options) {
  if (auto problem = output_problem(options.output)) {
    fmt::print(stderr, "--output: {}\n", *problem);
    return ExitCode::kUsage;
  }
  auto text = read_file(options.file);
  if (auto* problem = std::get_if<FileProblem>(&text)) {
    fmt::print(stderr, "{}\n", problem->message);
    return ExitCode::kMalformed;
  }
  ImportResult result = import_as(options, std::get<std::string>(text));
  if (!result.imported) {
    fmt::print(stderr, "{}\n", result.problem);
    return ExitCode::kMalformed;
  }
  const Imported& imported = *result.imported;
  bool counts_only = options.json && options.output.empty();
  if (!counts_only) {
    if (auto problem = write_file(options.output, print(imported.program))) {
      fmt::print(stderr, "{}\n", *problem);
      return ExitCode::kHarness;
    }
  }
  if (options.json) {
    // With "-" the program itself is on standard output.
    fmt::print(options.output == "-" ? stderr : stdout, "{}\n", import_line(options.file, imported));
  } else {
    const ImportCounts& counts = imported.counts;
    fmt::print(stderr, "{}: {}, {} imported, {}\n", mentioned(options.file), counted(counts.seen(), "call"),
               counts.imported(), counted(imported.program.length(), "operation"));
    print_table(counts.ignored, "ignored");
    print_table(counts.additions, "added");
    print_table(counts.attributes, "not modelled");
  }
  return imported.program.operations.empty() ? ExitCode::kNothing : ExitCode::kAgreed;
}

}  // namespace mmtwin::tools
