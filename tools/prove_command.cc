#include <fmt/core.h>

#include <cstdio>

#include "props/smt/prove.h"
#include "tools/commands.h"
#include "tools/json_lines.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

void print_result(const smt::TheoremResult& result) {
  fmt::print("{:8} {:7.2f} s  {}: {}\n", smt::name_of(result.verdict), result.seconds, result.id, result.claim);
  if (result.verdict == smt::Verdict::kProved) return;
  if (!result.reason.empty()) fmt::print("  {}\n", result.reason);
  for (const auto& assignment : result.counterexample) fmt::print("  {} = {:#x}\n", assignment.name, assignment.value);
}

}  // namespace

ExitCode prove(const ProveOptions& options) {
  std::vector<smt::Theorem> theorems = smt::all_theorems();
  if (!options.only.empty()) {
    std::erase_if(theorems, [&](const auto& theorem) { return theorem.id.find(options.only) == std::string::npos; });
  }
  if (theorems.empty()) {
    fmt::print(stderr, "no theorem has {} in its id\n", in_quotes(options.only));
    return ExitCode::kNothing;
  }
  unsigned proved = 0, refuted = 0;
  smt::prove_all(theorems, options.jobs, [&](const smt::TheoremResult& result) {
    proved += result.verdict == smt::Verdict::kProved;
    refuted += result.verdict == smt::Verdict::kRefuted;
    if (options.json) {
      fmt::print("{}\n", theorem_line(result));
    } else {
      print_result(result);
    }
    std::fflush(stdout);
  });
  if (!options.json) fmt::print("{} of {} theorems proved, {} refuted\n", proved, theorems.size(), refuted);
  if (refuted != 0) return ExitCode::kDisagreed;
  return proved == theorems.size() ? ExitCode::kAgreed : ExitCode::kBudget;
}

}  // namespace mmtwin::tools
