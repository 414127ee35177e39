// Runs ordinary C++ on symbolic words, once for each path that some input takes, and asks Z3 what must hold on it.
//
// Laws: none of its own. Context: one explorer, one solver context and one thread at a time; several may run side by
// side. Cost: one query for a new condition (a witness of the path shows one way open) and one for a requirement; every
// query has a fresh solver, because incremental ones skip the preprocessing that makes these formulas easy. Decisions
// are replayed from a prefix, so the body must be deterministic. It deliberately neither merges paths nor caches
// queries.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "props/smt/symbolic_integer.h"
#include "props/smt/symbolic_word.h"

namespace mmtwin::smt {

struct Assignment {
  std::string name;
  std::uint64_t value;
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

enum class Verdict : std::uint8_t { kProved, kRefuted, kUnknown };

struct Exploration {
  Verdict verdict = Verdict::kUnknown;
  std::string reason;                      // refuted: the requirement that fails; unknown: why
  std::vector<Assignment> counterexample;  // refuted: values of all inputs and observations on the failing path
  unsigned paths = 0;
  unsigned queries = 0;
};

class PathExplorer {
 public:
  PathExplorer() = default;
  PathExplorer(const PathExplorer&) = delete;
  PathExplorer& operator=(const PathExplorer&) = delete;

  // An arbitrary value of `bits` bits, as a 64-bit word (or a word of `bits`, if more). The same name is the same
  // value.
  SymbolicWord input(const std::string& name, unsigned bits = 64);
  // An arbitrary 64-bit word as an integer; a theorem uses either these or words, not both.
  SymbolicInteger<true> integer(const std::string& name);
  // An arbitrary number between the two, known on each path: every value has paths of its own. For arguments of rules
  // that are not words, such as orders, levels and flags.
  unsigned choose(const std::string& name, unsigned lowest, unsigned highest);
  bool choose(const std::string& name) { return choose(name, 0, 1) == 1; }
  // An arbitrary function from words of the given widths to a word of 64 bits: memory, or what a proof abstracts from.
  z3::func_decl function(const std::string& name, const std::vector<unsigned>& argument_bits);

  // Names a value for the counterexample.
  void observe(const std::string& name, const SymbolicWord& value) { observe(name, value.term()); }
  // From here on, only inputs for which this holds are considered.
  void assume(const SymbolicBool& hypothesis);
  // Must hold for every input on this path. `sentence` says what failed if it does not.
  void require(const SymbolicBool& claim, std::string_view sentence);
  void require(bool claim, std::string_view sentence) { require(SymbolicBool(claim), sentence); }
  // Some input must come past here, or the theorem is vacuous: see `situations` in explore.
  void reached(const std::string& situation);

  // Runs `body` on every path. Proved: every requirement holds on every path, at least one path is possible, and each
  // of `situations` was reached by some input.
  Exploration explore(const std::function<void(PathExplorer&)>& body, const std::vector<std::string>& situations = {});

  // Once it says so, which is asked before each query, the exploration is given up.
  void set_cancelled(const std::function<bool()>& is_cancelled) { is_cancelled_ = is_cancelled; }

  z3::context& context() { return context_; }
  bool decide(const z3::expr& claim);
  static PathExplorer& current();

 private:
  enum class Answer : std::uint8_t { kSatisfiable, kUnsatisfiable, kUnknown };
  enum class Theory : std::uint8_t { kWords, kWordsAndFunctions, kIntegers };
  struct Possibility {
    bool is_possible;
    std::optional<z3::model> witness;  // an input, where one is known
  };
  struct Decision {
    bool taken;
    bool other_way_is_open;
    std::optional<z3::model> witness;        // an input that goes this way, where one is known
    std::optional<z3::model> other_witness;  // and one that goes the other way
  };
  struct Impossible {};  // thrown where the path's assumptions contradict each other: no input comes here
  struct Stop {};        // thrown when the verdict is known

  void observe(const std::string& name, const z3::expr& value);
  void assume_term(const z3::expr& term);
  Possibility possibility_of(const z3::expr& claim);
  Answer ask(const z3::expr& claim);
  bool some_input_comes_here();
  static const char* tactic_for(Theory theory);
  void run_path(const std::function<void(PathExplorer&)>& body);
  bool next_path();
  void refute(std::string_view sentence);
  void give_up(std::string reason);

  z3::context context_;
  std::function<bool()> is_cancelled_;
  Theory theory_ = Theory::kWords;
  std::vector<z3::expr> assumptions_;                       // of the path being run
  std::vector<std::pair<std::string, z3::expr>> observed_;  // on the path being run
  std::vector<Decision> decisions_;                         // the path being run, and how to leave it
  std::size_t position_ = 0;
  std::optional<z3::model> model_;    // of the last satisfiable query
  std::optional<z3::model> witness_;  // an input that takes this path, where one is known
  std::set<std::string> reached_;
  bool a_path_was_possible_ = false;
  Exploration result_;
};

}  // namespace mmtwin::smt
