// Reads and updates of words that several CPUs share, on std::atomic_ref.
//
// Laws: none. Context: any CPU's thread. Cost: a plain access for loads and stores, a lock-prefixed instruction for the
// updates. They deliberately work on plain words: descriptors and table entries have one layout in both versions.
#pragma once

#include <atomic>
#include <cstdint>

namespace mmtwin::impl {

template <class Word>
inline Word load_relaxed(const Word& word) {
  return std::atomic_ref<Word>(const_cast<Word&>(word)).load(std::memory_order_relaxed);
}
template <class Word>
inline Word load_acquire(const Word& word) {
  return std::atomic_ref<Word>(const_cast<Word&>(word)).load(std::memory_order_acquire);
}
template <class Word>
inline void store_relaxed(Word& word, Word value) {
  std::atomic_ref<Word>(word).store(value, std::memory_order_relaxed);
}
template <class Word>
inline void store_release(Word& word, Word value) {
  std::atomic_ref<Word>(word).store(value, std::memory_order_release);
}

// Both return the value before.
template <class Word>
inline Word add_shared(Word& word, Word by) {
  return std::atomic_ref<Word>(word).fetch_add(by, std::memory_order_acq_rel);
}
template <class Word>
inline Word subtract_shared(Word& word, Word by) {
  return std::atomic_ref<Word>(word).fetch_sub(by, std::memory_order_acq_rel);
}

template <class Word>
inline void set_bits(Word& word, Word bits) {
  std::atomic_ref<Word>(word).fetch_or(bits, std::memory_order_acq_rel);
}
template <class Word>
inline void clear_bits(Word& word, Word bits) {
  std::atomic_ref<Word>(word).fetch_and(static_cast<Word>(~bits), std::memory_order_acq_rel);
}

// True: the word was `expected` and is `desired`. False: `expected` now says what it was instead.
template <class Word>
inline bool compare_exchange(Word& word, Word& expected, Word desired) {
  return std::atomic_ref<Word>(word).compare_exchange_strong(expected, desired, std::memory_order_acq_rel);
}

}  // namespace mmtwin::impl
