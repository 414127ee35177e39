// A theorem: a claim in one sentence and the function that checks it on symbolic words.
//
// Laws: none; each theorem's id names the law it supports. Context: proving uses only the calling thread; theorems may
// be proved side by side. Cost: milliseconds to seconds. It deliberately knows no rule: theorems_*.h do.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "props/smt/path_explorer.h"

namespace mmtwin::smt {

struct Theorem {
  std::string id;                            // "buddy.involution", "x86.walk.reads_the_tree"
  std::string claim;                         // one sentence
  std::function<void(PathExplorer&)> body;   // run once for each path
  std::vector<std::string> situations = {};  // what some input must come to, lest the theorem say nothing
};

struct TheoremResult {
  std::string id;
  std::string claim;
  Verdict verdict = Verdict::kUnknown;
  double seconds = 0;
  std::string reason;                      // refuted: the requirement that fails; unknown: why; proved: empty
  std::vector<Assignment> counterexample;  // refuted only
  unsigned paths = 0;
  unsigned queries = 0;
};

std::string_view name_of(Verdict verdict);  // "proved", "refuted", "unknown"

// Once `is_cancelled` says so, nothing is proved any more.
TheoremResult prove(const Theorem& theorem, const std::function<bool()>& is_cancelled = {});

}  // namespace mmtwin::smt
