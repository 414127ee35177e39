// Reads and updates of words that several CPUs share: plain memory accesses where one operation runs at a time.
//
// Laws: none. Context: any. Cost: one instruction. The threads version of this header has the same functions on
// atomics. They deliberately name the ordering that the caller needs, not the one that x86 gives.
#pragma once

#include <cstdint>

namespace mmtwin::impl {

template <class Word>
constexpr Word load_relaxed(const Word& word) { return word; }
template <class Word>
constexpr Word load_acquire(const Word& word) { return word; }
template <class Word>
constexpr void store_relaxed(Word& word, Word value) { word = value; }
template <class Word>
constexpr void store_release(Word& word, Word value) { word = value; }

// Both return the value before.
template <class Word>
constexpr Word add_shared(Word& word, Word by) {
  const Word before = word;
  word = static_cast<Word>(before + by);
  return before;
}
template <class Word>
constexpr Word subtract_shared(Word& word, Word by) {
  const Word before = word;
  word = static_cast<Word>(before - by);
  return before;
}

template <class Word>
constexpr void set_bits(Word& word, Word bits) {
  word = static_cast<Word>(word | bits);
}
template <class Word>
constexpr void clear_bits(Word& word, Word bits) {
  word = static_cast<Word>(word & ~bits);
}

// True: the word was `expected` and is `desired`. False: `expected` now says what it was instead.
template <class Word>
constexpr bool compare_exchange(Word& word, Word& expected, Word desired) {
  if (word != expected) {
    expected = word;
    return false;
  }
  word = desired;
  return true;
}

}  // namespace mmtwin::impl
