// Outcome<T>: what a call that may legitimately be refused returns, a value or the reason why there is none.
//
// Laws: none. Context: values. Cost: the value and one byte; returned in registers when T is one word. It deliberately
// carries no error text: the legal refusals of a call are listed where it is declared, and bugs abort.
#pragma once

#include "impl/base/check.h"
#include "vocab/refusals.h"

namespace mmtwin::impl {

struct Done {};  // the value of a call that has nothing to say but "done"

template <class T>
class [[nodiscard]] Outcome {
 public:
  constexpr Outcome(T value) : value_(value) {}           // NOLINT: implicit on purpose, `return pfn;`
  constexpr Outcome(Refusal refusal) : refusal_(refusal) {  // NOLINT: implicit on purpose, `return Refusal::kOom;`
    check(refusal != Refusal::kNone, "a refusal has a reason");
  }

  constexpr bool is_ok() const { return refusal_ == Refusal::kNone; }
  constexpr explicit operator bool() const { return is_ok(); }
  constexpr Refusal refusal() const { return refusal_; }
  constexpr T value() const {
    check(is_ok(), "a refused call has no value");
    return value_;
  }
  constexpr T operator*() const { return value(); }
  constexpr const T* operator->() const {
    check(is_ok(), "a refused call has no value");
    return &value_;
  }

 private:
  T value_{};
  Refusal refusal_ = Refusal::kNone;
};

}  // namespace mmtwin::impl
