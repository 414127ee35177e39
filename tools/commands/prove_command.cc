#include <fmt/core.h>

#include <cstdio>

#include "props/smt/prove.h"
#include "tools/commands/commands.h"
#include "tools/commands/ending.h"
#include "tools/host/interrupt.h"
#include "tools/reports/json_lines.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

void print_result(const smt::TheoremResult& result) {
  fmt::print("{:8} {:7.2f} s  {}: {}\n", smt::name_of(result.verdict), result.seconds, result.id, result.claim);
  if (result.verdict == smt::Verdict::kProved) return;
  if (!result.reason.empty()) fmt::print("  {}\n", result.reason);
  for (const auto& assignment : result.counterexample) fmt::print("  {} = {:#x}\n", assignment.name, assignment.value);
}

Ending ending_of(std::size_t proved, std::size_t refuted, std::size_t all) {
  if (refuted != 0) return {"refuted", ExitCode::kDisagreed};
  if (proved == all) return {"agreed", ExitCode::kAgreed};
  return {interrupted() ? "interrupted" : "unknown", ExitCode::kBudget};
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
  catch_interrupts();
  const auto tell = [&](const smt::TheoremResult& result) {
    proved += result.verdict == smt::Verdict::kProved;
    refuted += result.verdict == smt::Verdict::kRefuted;
    if (options.json) {
      fmt::print("{}\n", theorem_line(result));
    } else {
      print_result(result);
    }
    std::fflush(stdout);
  };
  smt::prove_all(theorems, options.jobs, tell, interrupted);
  const Ending ending = ending_of(proved, refuted, theorems.size());
  if (options.json) {
    fmt::print("{}\n", prove_line(theorems.size(), proved, refuted, ending.verdict));
  } else {
    fmt::print("{} of {} theorems proved, {} refuted\n{}", proved, theorems.size(), refuted, in_words(ending));
  }
  return ending.code;
}

}  // namespace mmtwin::tools
