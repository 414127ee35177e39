// Words and claims that stand for every value at once, so that a rule template runs on all inputs in one execution.
//
// Laws: none of its own; it carries those of model/specs/ to the solver. Context: one thread; constants and decisions
// go to the PathExplorer that is exploring on it. Cost: one solver term an operation. Arithmetic wraps and compares as
// std::uint64_t does. It deliberately has no conversion to a number: a rule that needs one cannot be proved this way.
#pragma once

#include <z3++.h>

#include <cstdint>

namespace mmtwin::smt {

// The solver context of the exploration on this thread.
z3::context& current_context();
// Which way the path being explored goes at a claim; see PathExplorer.
bool decide(const z3::expr& claim);

// A claim that may be true for some inputs and false for others. Using it as a condition splits the path; `&&`, `||`
// and
// `!` between claims build a larger claim instead, since no rule relies on the right side being left out.
class SymbolicBool {
 public:
  explicit SymbolicBool(z3::expr term) : term_(std::move(term)) {}
  explicit SymbolicBool(bool value) : term_(current_context().bool_val(value)) {}
  explicit operator bool() const { return decide(term_); }
  const z3::expr& term() const { return term_; }

  friend SymbolicBool operator!(const SymbolicBool& a) { return SymbolicBool(!a.term_); }
  friend SymbolicBool operator&&(const SymbolicBool& a, const SymbolicBool& b) {
    return SymbolicBool(a.term_ && b.term_);
  }
  friend SymbolicBool operator||(const SymbolicBool& a, const SymbolicBool& b) {
    return SymbolicBool(a.term_ || b.term_);
  }
  friend SymbolicBool operator==(const SymbolicBool& a, const SymbolicBool& b) {
    return SymbolicBool(a.term_ == b.term_);
  }

 private:
  z3::expr term_;
};

inline SymbolicBool implies(const SymbolicBool& a, const SymbolicBool& b) { return !a || b; }

// A word of 64 bits, or of more where a proof needs room that 64 bits do not have: the narrower operand is widened with
// zeros, so a constant fits every width.
class SymbolicWord {
 public:
  explicit SymbolicWord(std::uint64_t value) : term_(current_context().bv_val(value, 64)) {}
  explicit SymbolicWord(z3::expr term) : term_(std::move(term)) {}
  const z3::expr& term() const { return term_; }
  unsigned bits() const { return term_.get_sort().bv_size(); }
  SymbolicWord widened(unsigned bits) const { return SymbolicWord(to_width(term_, bits)); }

  friend SymbolicWord operator~(const SymbolicWord& a) { return SymbolicWord(~a.term_); }
  friend SymbolicWord operator<<(const SymbolicWord& a, unsigned n) {
    return SymbolicWord(z3::shl(a.term_, a.same(n)));
  }
  friend SymbolicWord operator>>(const SymbolicWord& a, unsigned n) {
    return SymbolicWord(z3::lshr(a.term_, a.same(n)));
  }
  friend SymbolicWord operator&(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(a.to(b) & b.to(a));
  }
  friend SymbolicWord operator|(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(a.to(b) | b.to(a));
  }
  friend SymbolicWord operator^(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(a.to(b) ^ b.to(a));
  }
  friend SymbolicWord operator+(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(a.to(b) + b.to(a));
  }
  friend SymbolicWord operator-(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(a.to(b) - b.to(a));
  }
  friend SymbolicWord operator*(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(a.to(b) * b.to(a));
  }
  friend SymbolicWord operator/(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(z3::udiv(a.to(b), b.to(a)));
  }
  friend SymbolicWord operator%(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicWord(z3::urem(a.to(b), b.to(a)));
  }

  friend SymbolicBool operator==(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicBool(a.to(b) == b.to(a));
  }
  friend SymbolicBool operator!=(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicBool(a.to(b) != b.to(a));
  }
  friend SymbolicBool operator<(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicBool(z3::ult(a.to(b), b.to(a)));
  }
  friend SymbolicBool operator<=(const SymbolicWord& a, const SymbolicWord& b) {
    return SymbolicBool(z3::ule(a.to(b), b.to(a)));
  }
  friend SymbolicBool operator>(const SymbolicWord& a, const SymbolicWord& b) { return b < a; }
  friend SymbolicBool operator>=(const SymbolicWord& a, const SymbolicWord& b) { return b <= a; }

 private:
  static z3::expr to_width(const z3::expr& term, unsigned bits) {
    const unsigned now = term.get_sort().bv_size();
    return now < bits ? z3::zext(term, bits - now) : term;
  }
  z3::expr to(const SymbolicWord& other) const { return to_width(term_, other.bits()); }
  z3::expr same(unsigned value) const { return current_context().bv_val(value, bits()); }

  z3::expr term_;
};

// The word that is `yes` where the claim holds and `no` elsewhere, without splitting the path.
inline SymbolicWord select(const SymbolicBool& claim, const SymbolicWord& yes, const SymbolicWord& no) {
  return SymbolicWord(z3::ite(claim.term(), yes.term(), no.term()));
}

}  // namespace mmtwin::smt
