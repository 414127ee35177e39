// Words seen as mathematical integers, for rules that are sums and comparisons of 64-bit numbers.
//
// Laws: none of its own; it carries ZONE to the solver. Context: as SymbolicWord. Cost: a case distinction an
// operation. A chain of 64-bit adders is out of a bit-level solver's reach, the same sums as integers take
// milliseconds. It deliberately has no bit operations: rules with shifts and masks are proved on SymbolicWord.
#pragma once

#include <cstdint>

#include "props/smt/symbolic_word.h"

namespace mmtwin::smt {

// kWraps: sums and differences are taken modulo 2^64, as std::uint64_t takes them. Otherwise they are what they are.
template <bool kWraps>
class SymbolicInteger {
 public:
  explicit SymbolicInteger(std::uint64_t value) : term_(current_context().int_val(value)) {}
  explicit SymbolicInteger(z3::expr term) : term_(std::move(term)) {}
  const z3::expr& term() const { return term_; }
  SymbolicInteger<false> unbounded() const { return SymbolicInteger<false>(term_); }

  friend SymbolicInteger operator+(const SymbolicInteger& a, const SymbolicInteger& b) {
    const z3::expr sum = a.term_ + b.term_;
    return SymbolicInteger(kWraps ? z3::ite(sum >= two_to_64(), sum - two_to_64(), sum) : sum);
  }
  friend SymbolicInteger operator-(const SymbolicInteger& a, const SymbolicInteger& b) {
    const z3::expr difference = a.term_ - b.term_;
    return SymbolicInteger(kWraps ? z3::ite(difference < 0, difference + two_to_64(), difference) : difference);
  }
  friend SymbolicBool operator==(const SymbolicInteger& a, const SymbolicInteger& b) {
    return SymbolicBool(a.term_ == b.term_);
  }
  friend SymbolicBool operator>(const SymbolicInteger& a, const SymbolicInteger& b) {
    return SymbolicBool(a.term_ > b.term_);
  }
  friend SymbolicBool operator>=(const SymbolicInteger& a, const SymbolicInteger& b) {
    return SymbolicBool(a.term_ >= b.term_);
  }

 private:
  static z3::expr two_to_64() { return current_context().int_val("18446744073709551616"); }

  z3::expr term_;
};

}  // namespace mmtwin::smt
