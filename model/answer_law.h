// Whose claim a wrong answer breaks.
#pragma once

#include "model/contract/expectation.h"
#include "model/laws.h"
#include "vocab/operations.h"

namespace mmtwin::model {

inline Law law_of(const Operation& operation, const Expectation& expected, const Response& answer) {
  const bool is_wrong_value = expected.find(answer.refusal) != nullptr;
  if (expected.find(Refusal::kKilled) != nullptr) return Law::kAnswer;  // of a space that is gone
  return std::visit(
      [&]<class Op>(const Op&) {
        const bool has_value = answers<Op>() != Answers::kNothing && answer.refusal == Refusal::kNone;
        if (is_wrong_value && !has_value) return Law::kAnswer;
        if constexpr (IsAccess<Op>) return is_wrong_value ? Law::kContent1 : Law::kPerm1;
        if (is_wrong_value && answers<Op>() == Answers::kAddress) return Law::kVma3;
        if (is_wrong_value && answers<Op>() == Answers::kFrame) return Law::kFrame1;
        return Law::kAnswer;
      },
      operation);
}

}  // namespace mmtwin::model
