#include "props/smt/path_explorer.h"

#include <algorithm>

namespace mmtwin::smt {
namespace {

constexpr unsigned kQueryMilliseconds = 20'000;
constexpr unsigned kMostPaths = 10'000;

thread_local PathExplorer* exploring = nullptr;

// Marks which explorer constants and decisions belong to while a body runs.
class Exploring {
 public:
  explicit Exploring(PathExplorer* explorer) : before_(std::exchange(exploring, explorer)) {}
  ~Exploring() { exploring = before_; }
  Exploring(const Exploring&) = delete;
  Exploring& operator=(const Exploring&) = delete;

 private:
  PathExplorer* before_;
};

}  // namespace

z3::context& current_context() { return PathExplorer::current().context(); }
bool decide(const z3::expr& claim) { return PathExplorer::current().decide(claim); }
PathExplorer& PathExplorer::current() { return *exploring; }

SymbolicWord PathExplorer::input(const std::string& name, unsigned bits) {
  const SymbolicWord value = SymbolicWord(context_.bv_const(name.c_str(), bits)).widened(64);
  observe(name, value);
  return value;
}

SymbolicInteger<true> PathExplorer::integer(const std::string& name) {
  theory_ = Theory::kIntegers;
  const SymbolicInteger<true> value(context_.int_const(name.c_str()));
  observe(name, value.term());
  assume(SymbolicBool(value.term() >= 0 && value.term() < context_.int_val("18446744073709551616")));
  return value;
}

z3::func_decl PathExplorer::function(const std::string& name, const std::vector<unsigned>& argument_bits) {
  theory_ = Theory::kWordsAndFunctions;
  z3::sort_vector arguments(context_);
  for (const unsigned bits : argument_bits) arguments.push_back(context_.bv_sort(bits));
  return context_.function(name.c_str(), arguments, context_.bv_sort(64));
}

unsigned PathExplorer::choose(const std::string& name, unsigned lowest, unsigned highest) {
  const SymbolicWord chosen = input(name, 32);
  unsigned value = lowest;
  for (; value < highest; ++value) {
    if (position_ == decisions_.size()) decisions_.push_back({true, true, {}, {}});
    if (decisions_[position_++].taken) break;
  }
  assume(chosen == SymbolicWord(value));
  return value;
}

void PathExplorer::observe(const std::string& name, const z3::expr& value) {
  const auto known = [&](const auto& entry) { return entry.first == name; };
  if (std::none_of(observed_.begin(), observed_.end(), known)) observed_.emplace_back(name, value);
}

void PathExplorer::assume(const SymbolicBool& hypothesis) {
  const z3::expr term = hypothesis.term().simplify();
  if (term.is_false()) throw Impossible{};
  assume_term(term);
}

void PathExplorer::assume_term(const z3::expr& term) {
  if (term.is_true()) return;
  assumptions_.push_back(term);
  if (witness_ && !witness_->eval(term, true).is_true()) witness_.reset();
}

// Can some input of this path fulfil the claim? An unknown answer says yes: a path too many costs time, a path too few
// would cost the proof.
PathExplorer::Possibility PathExplorer::possibility_of(const z3::expr& claim) {
  if (witness_ && witness_->eval(claim, true).is_true()) return {true, witness_};
  const Answer answer = ask(claim);
  return {answer != Answer::kUnsatisfiable, answer == Answer::kSatisfiable ? model_ : std::nullopt};
}

void PathExplorer::require(const SymbolicBool& claim, std::string_view sentence) {
  const z3::expr term = claim.term().simplify();
  if (term.is_true()) return;
  switch (ask(!term)) {
    case Answer::kUnsatisfiable:
      return;
    case Answer::kSatisfiable:
      return refute(sentence);
    case Answer::kUnknown:
      return give_up("no answer within the time limit: " + std::string(sentence));
  }
}

void PathExplorer::reached(const std::string& situation) {
  if (!reached_.contains(situation) && some_input_comes_here()) reached_.insert(situation);
}

bool PathExplorer::some_input_comes_here() {
  return witness_.has_value() || ask(context_.bool_val(true)) == Answer::kSatisfiable;
}

bool PathExplorer::decide(const z3::expr& claim) {
  const z3::expr term = claim.simplify();
  if (term.is_true()) return true;
  if (term.is_false()) return false;
  if (position_ == decisions_.size()) {
    const Possibility yes = possibility_of(term), no = possibility_of(!term);
    if (!yes.is_possible && !no.is_possible) throw Impossible{};
    const Possibility& first = yes.is_possible ? yes : no;
    decisions_.push_back({yes.is_possible, yes.is_possible && no.is_possible, first.witness, no.witness});
  }
  const Decision& decision = decisions_[position_++];
  assumptions_.push_back(decision.taken ? term : !term);
  // Witnesses are as good as the decisions are old: only the newest one's has seen every assumption so far.
  if (position_ == decisions_.size()) witness_ = decision.witness;
  return decision.taken;
}

Exploration PathExplorer::explore(const std::function<void(PathExplorer&)>& body,
                                  const std::vector<std::string>& situations) {
  const Exploring mark(this);
  result_ = {};
  try {
    do {
      if (++result_.paths > kMostPaths) give_up("more than " + std::to_string(kMostPaths) + " paths");
      run_path(body);
    } while (next_path());
    if (!a_path_was_possible_) give_up("vacuous: no input fulfils the hypotheses");
    for (const std::string& situation : situations)
      if (!reached_.contains(situation)) give_up("vacuous: no input comes to '" + situation + "'");
    result_.verdict = Verdict::kProved;
  } catch (const Stop&) {
    // The verdict and its reason are in result_.
  }
  return result_;
}

void PathExplorer::run_path(const std::function<void(PathExplorer&)>& body) {
  assumptions_.clear();
  observed_.clear();
  witness_.reset();
  position_ = 0;
  try {
    body(*this);
    if (!a_path_was_possible_) a_path_was_possible_ = some_input_comes_here();
  } catch (const Impossible&) {
    // No input takes this path, so nothing need hold on it.
  }
}

// Depth first: turn around at the last decision whose other way is still open.
bool PathExplorer::next_path() {
  while (!decisions_.empty() && !decisions_.back().other_way_is_open) decisions_.pop_back();
  if (decisions_.empty()) return false;
  decisions_.back() = {!decisions_.back().taken, false, std::move(decisions_.back().other_witness), {}};
  return true;
}

const char* PathExplorer::tactic_for(Theory theory) {
  switch (theory) {
    case Theory::kWords:
      return "qfbv";
    case Theory::kWordsAndFunctions:
      return "qfufbv";
    case Theory::kIntegers:
      break;
  }
  return "qflia";
}

PathExplorer::Answer PathExplorer::ask(const z3::expr& claim) {
  if (is_cancelled_ && is_cancelled_()) give_up("interrupted");
  ++result_.queries;
  z3::solver solver = z3::tactic(context_, tactic_for(theory_)).mk_solver();
  z3::params limits(context_);
  limits.set("timeout", kQueryMilliseconds);
  limits.set("ctrl_c", false);  // the solver's own handler would hide the signal from the program
  solver.set(limits);
  for (const z3::expr& assumption : assumptions_) solver.add(assumption);
  solver.add(claim);
  switch (solver.check()) {
    case z3::unsat:
      return Answer::kUnsatisfiable;
    case z3::sat:
      model_ = solver.get_model();
      return Answer::kSatisfiable;
    case z3::unknown:
      break;
  }
  return Answer::kUnknown;
}

void PathExplorer::refute(std::string_view sentence) {
  result_.verdict = Verdict::kRefuted;
  result_.reason = sentence;
  for (const auto& [name, value] : observed_) {
    const z3::expr found = model_->eval(value, true);
    result_.counterexample.push_back({name, found.get_numeral_uint64()});
  }
  throw Stop{};
}

void PathExplorer::give_up(std::string reason) {
  result_.verdict = Verdict::kUnknown;
  result_.reason = std::move(reason);
  throw Stop{};
}

}  // namespace mmtwin::smt
