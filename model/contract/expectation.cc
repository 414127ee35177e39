#include "model/contract/expectation.h"

namespace mmtwin::model {

bool Expectation::fits(const Alternative& alternative, std::uint64_t value) const {
  switch (alternative.rule) {
    case ValueRule::kExact: return value == alternative.value;
    case ValueRule::kFreeGap: return ranges_->may_hold(value, bytes_);
    case ValueRule::kFreeBlock: return blocks_->may_be(wish_, pages_, value);
  }
  return false;
}

const Alternative* Expectation::find(const Response& answer) const {
  for (std::size_t i = 0; i < count_; ++i)
    if (all_[i].refusal == answer.refusal && fits(all_[i], answer.value)) return &all_[i];
  return nullptr;
}

const Alternative* Expectation::find(Refusal refusal) const {
  for (std::size_t i = 0; i < count_; ++i)
    if (all_[i].refusal == refusal) return &all_[i];
  return nullptr;
}

Response Expectation::plainest() const {
  if (all_[0].rule != ValueRule::kFreeBlock) return {all_[0].refusal, all_[0].value};
  const std::optional<std::uint64_t> frame = blocks_->plainest(wish_, pages_);
  return frame ? Response{all_[0].refusal, *frame} : Response{all_[1].refusal, all_[1].value};
}

std::string Expectation::objection(const Response& answer) const {
  const Alternative* const meant = find(answer.refusal);
  const bool is_block = meant != nullptr && meant->rule == ValueRule::kFreeBlock;
  return is_block ? blocks_->objection(wish_, pages_, answer.value) : std::string();
}

std::string Expectation::words() const {
  std::string words;
  for (std::size_t i = 0; i < count_; ++i) {
    if (i != 0) words += ", or ";
    words += name_of(all_[i].refusal);
    if (all_[i].rule == ValueRule::kFreeGap) words += " at a free gap, as";
    if (all_[i].rule == ValueRule::kFreeBlock) {
      words += " with a free block";
      continue;
    }
    if (all_[i].refusal == Refusal::kNone || all_[i].value != 0) words += " " + std::to_string(all_[i].value);
  }
  return words;
}

}  // namespace mmtwin::model
