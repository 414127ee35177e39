#include "impl/phys/zone.h"

namespace mmtwin::impl {
namespace {

constexpr unsigned kWordShift = 6;
constexpr std::uint64_t kWordMask = 63;

constexpr std::uint64_t words_for(std::uint64_t bits) { return (bits + kWordMask) >> kWordShift; }
constexpr std::uint64_t first_word_of(FrameSpan span) { return span.first.raw() >> kMaxOrder >> kWordShift; }
constexpr std::uint64_t words_of(FrameSpan span) {
  return words_for((span.end().raw() >> kMaxOrder) + 1) - first_word_of(span);
}
constexpr std::uint64_t all_words_of(FrameSpan span) {
  const std::uint64_t words = words_of(span);
  return words + words_for(words) + words_for(words_for(words));
}

}  // namespace

TopBlocks::TopBlocks(Hardware& hardware, FrameSpan span)
    : first_word_(first_word_of(span)), words_(words_of(span)), bits_(hardware, all_words_of(span)) {
  std::uint64_t start = 0;
  std::uint64_t words = words_;
  for (unsigned level = 0; level < kLevels; ++level) {
    level_start_[level] = start;
    level_words_[level] = words;
    start += words;
    words = words_for(words);
  }
}

void TopBlocks::set_summaries(std::uint64_t word) {
  for (unsigned level = 1; level < kLevels; ++level) {
    const std::uint64_t bit = std::uint64_t{1} << (word & kWordMask);
    word >>= kWordShift;
    if ((bits_.at(level_start_[level] + word) & bit) != 0) return;
    bits_.edit(level_start_[level] + word) |= bit;
  }
}

void TopBlocks::insert(std::uint64_t block) {
  const std::uint64_t word = (block >> kWordShift) - first_word_;
  const std::uint64_t bit = std::uint64_t{1} << (block & kWordMask);
  check((bits_.at(word) & bit) == 0, "FRAME-1: a block is freed once");
  if (bits_.at(word) == 0) set_summaries(word);
  bits_.edit(word) |= bit;
}

void TopBlocks::insert_run(std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t block = first; block < first + count;) {
    const std::uint64_t word = (block >> kWordShift) - first_word_;
    const std::uint64_t room = 64 - (block & kWordMask);
    const std::uint64_t here = room < first + count - block ? room : first + count - block;
    const std::uint64_t ones = here == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1;
    set_summaries(word);
    bits_.edit(word) |= ones << (block & kWordMask);
    block += here;
  }
}

void TopBlocks::remove(std::uint64_t block) {
  std::uint64_t word = (block >> kWordShift) - first_word_;
  std::uint64_t bit = block & kWordMask;
  check(contains(block), "BUDDY-3: only a free block is taken");
  for (unsigned level = 0; level < kLevels; ++level) {
    std::uint64_t& bits = bits_.edit(level_start_[level] + word);
    bits &= ~(std::uint64_t{1} << bit);
    if (bits != 0) return;
    bit = word & kWordMask;
    word >>= kWordShift;
  }
}

std::uint64_t TopBlocks::lowest() const {
  std::uint64_t word = 0;
  while (bits_.at(level_start_[kLevels - 1] + word) == 0) {
    ++word;
    check(word < level_words_[kLevels - 1], "BUDDY-3: a zone that counts a free block of the top order has one");
  }
  for (unsigned level = kLevels - 1; level > 0; --level) {
    word = (word << kWordShift) + static_cast<unsigned>(std::countr_zero(bits_.at(level_start_[level] + word)));
  }
  return ((first_word_ + word) << kWordShift) + static_cast<unsigned>(std::countr_zero(bits_.at(word)));
}

bool TopBlocks::contains(std::uint64_t block) const {
  return ((word(block >> kWordShift) >> (block & kWordMask)) & 1) != 0;
}

std::uint64_t TopBlocks::word(std::uint64_t index) const {
  return index >= first_word_ && index - first_word_ < words_ ? bits_.at(index - first_word_) : 0;
}

}  // namespace mmtwin::impl
