#include "props/smt/theorem.h"

#include <chrono>

namespace mmtwin::smt {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kProved:
      return "proved";
    case Verdict::kRefuted:
      return "refuted";
    case Verdict::kUnknown:
      break;
  }
  return "unknown";
}

TheoremResult prove(const Theorem& theorem, const std::function<bool()>& is_cancelled) {
  const auto start = std::chrono::steady_clock::now();
  Exploration found;
  try {
    PathExplorer explorer;
    explorer.set_cancelled(is_cancelled);
    found = explorer.explore(theorem.body, theorem.situations);
  } catch (const z3::exception& problem) {
    found.reason = std::string("the solver failed: ") + problem.msg();
  }
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
  return {theorem.id,
          theorem.claim,
          found.verdict,
          spent.count(),
          std::move(found.reason),
          std::move(found.counterexample),
          found.paths,
          found.queries};
}

}  // namespace mmtwin::smt
