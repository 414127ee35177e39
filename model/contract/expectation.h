// Expectation: what an operation may answer, as alternatives.
//
// Laws: ANSWER. Context: a value, good until the contract changes. Cost: three alternatives, no memory of its own. A
// refusal has *grounds*: what must have been true for it to be legal. Whether it was, only the machine knows, and for
// grounds `none` the contract knows it itself. It deliberately says nothing of what an answer does: Contract::adopt.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "model/contract/blocks.h"
#include "model/contract/ranges.h"
#include "vocab/responses.h"

namespace mmtwin::model {

enum class Grounds : std::uint8_t {
  kNone,    // it follows from what exists
  kMemory,  // a request for memory was refused
  kCap,     // a page had as many references as it may have
};

// What the value of an answer must be.
enum class ValueRule : std::uint8_t {
  kExact,      // Alternative::value
  kFreeGap,    // a free gap of the length asked for; by Linux's own placement it is Alternative::value
  kFreeBlock,  // the first frame of a block that may be given
};

struct Alternative {
  Refusal refusal = Refusal::kNone;
  Grounds grounds = Grounds::kNone;
  ValueRule rule = ValueRule::kExact;
  std::uint64_t value = 0;
};

class Expectation {
 public:
  void add(const Alternative& alternative) { all_[count_++] = alternative; }
  // Of kFreeGap and of kFreeBlock.
  void ask_gap(const Ranges& ranges, std::uint64_t bytes) { ranges_ = &ranges, bytes_ = bytes; }
  void ask_block(const Blocks& blocks, const Wish& wish, std::uint64_t pages) {
    blocks_ = &blocks, wish_ = wish, pages_ = pages;
  }

  // The alternative that the answer is; null: none.
  const Alternative* find(const Response& answer) const;
  // The same, whatever it answers as its value.
  const Alternative* find(Refusal refusal) const;
  bool accepts(const Response& answer) const { return find(answer) != nullptr; }
  // What is answered where nothing but the contract is asked, its value the first that anybody would name.
  Response plainest() const;
  // Why a block that was answered may not be: in words, or nothing.
  std::string objection(const Response& answer) const;
  // "ok 0x12000, or oom".
  std::string words() const;

 private:
  bool fits(const Alternative& alternative, std::uint64_t value) const;

  std::array<Alternative, 3> all_{};
  std::size_t count_ = 0;
  const Ranges* ranges_ = nullptr;
  std::uint64_t bytes_ = 0;
  const Blocks* blocks_ = nullptr;
  Wish wish_;
  std::uint64_t pages_ = 0;
};

}  // namespace mmtwin::model
