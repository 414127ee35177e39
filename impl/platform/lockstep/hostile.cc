#include "version/hostile.h"

#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#endif
#endif

namespace mmtwin::impl {
namespace {

constexpr unsigned kWords = kPageBytes / 8;

constexpr std::uint64_t junk_word(Pfn frame) { return junk_byte(frame) * std::uint64_t{0x0101010101010101}; }

}  // namespace

[[gnu::no_sanitize_address]] void fill_with_junk(std::byte* at, Pfn frame, std::uint64_t bytes) {
  if constexpr (!kPoisons) {
    std::memset(at, junk_byte(frame), bytes);
  } else {  // ASan watches memset
    auto* words = reinterpret_cast<std::uint64_t*>(at);
    for (unsigned i = 0; i < bytes / 8; ++i) words[i] = junk_word(frame);
  }
}

[[gnu::no_sanitize_address]] bool holds_junk(const std::byte* at, Pfn frame) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(at);
  for (unsigned i = 0; i < kWords; ++i) {
    if (words[i] != junk_word(frame)) return false;
  }
  return true;
}

[[gnu::no_sanitize_address]] void copy_frame(std::byte* to, const std::byte* from) {
  auto* a = reinterpret_cast<std::uint64_t*>(to);
  const auto* b = reinterpret_cast<const std::uint64_t*>(from);
  if constexpr (!kPoisons) {
    std::memcpy(a, b, kPageBytes);
  } else {
    for (unsigned i = 0; i < kWords; ++i) a[i] = b[i];
  }
}

[[gnu::no_sanitize_address]] bool frames_equal(const std::byte* a, const std::byte* b) {
  const auto* x = reinterpret_cast<const std::uint64_t*>(a);
  const auto* y = reinterpret_cast<const std::uint64_t*>(b);
  std::uint64_t differing = 0;
  for (unsigned i = 0; i < kWords; ++i) differing |= x[i] ^ y[i];
  return differing == 0;
}

#if defined(ASAN_POISON_MEMORY_REGION)
void poison_memory(const std::byte* at, std::uint64_t bytes) { ASAN_POISON_MEMORY_REGION(at, bytes); }
void unpoison_memory(const std::byte* at, std::uint64_t bytes) { ASAN_UNPOISON_MEMORY_REGION(at, bytes); }
#else
void poison_memory(const std::byte*, std::uint64_t) {}
void unpoison_memory(const std::byte*, std::uint64_t) {}
#endif

PoisonMap poison_map_of([[maybe_unused]] const std::byte* frame) {
  PoisonMap map{};
#if defined(ASAN_POISON_MEMORY_REGION)
  for (unsigned i = 0; i < kWords; ++i) {
    if (__asan_address_is_poisoned(frame + i * 8) != 0) map[i / 64] |= std::uint64_t{1} << (i % 64);
  }
#endif
  return map;
}

void apply_poison_map([[maybe_unused]] const std::byte* frame, [[maybe_unused]] const PoisonMap& map) {
#if defined(ASAN_POISON_MEMORY_REGION)
  for (unsigned i = 0; i < kWords; ++i) {
    if (((map[i / 64] >> (i % 64)) & 1) != 0) {
      poison_memory(frame + i * 8, 8);
    } else {
      unpoison_memory(frame + i * 8, 8);
    }
  }
#endif
}

}  // namespace mmtwin::impl
