// Hostile memory: what frames hold when nobody has written them, and what ASan may not let anyone touch.
//
// Laws: ISO-2 is worth testing only because stale bytes are never zero. Context: any. Cost: about 50 ns a frame of
// junk; poisoning is nothing without ASan and an eighth of the bytes in shadow memory with it. Junk deliberately
// depends on the frame number alone, so that the same trace reads the same wrong bytes everywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "vocab/units.h"

namespace mmtwin::impl {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kPoisons = true;
#elif defined(__has_feature)
inline constexpr bool kPoisons = __has_feature(address_sanitizer);
#else
inline constexpr bool kPoisons = false;
#endif

// What every byte of frame `frame` is while it holds junk: never zero, and one value a frame, so filling is a memset.
constexpr unsigned char junk_byte(Pfn frame) {
  return static_cast<unsigned char>((frame.raw() + 1) * 0x9e3779b97f4a7c15 >> 56) | 1;
}
// Both may touch poisoned memory.
void fill_with_junk(std::byte* at, Pfn frame, std::uint64_t bytes);
bool holds_junk(const std::byte* at, Pfn frame);
void copy_frame(std::byte* to, const std::byte* from);
bool frames_equal(const std::byte* a, const std::byte* b);

void poison_memory(const std::byte* at, std::uint64_t bytes);
void unpoison_memory(const std::byte* at, std::uint64_t bytes);
inline void poison(const std::byte* at, std::uint64_t bytes) {
  if constexpr (kPoisons) poison_memory(at, bytes);
}
inline void unpoison(const std::byte* at, std::uint64_t bytes) {
  if constexpr (kPoisons) unpoison_memory(at, bytes);
}

// Which 8-byte words of a frame are poisoned, for reset and snapshot. Empty without ASan.
using PoisonMap = std::array<std::uint64_t, kPoisons ? 8 : 0>;
PoisonMap poison_map_of(const std::byte* frame);
void apply_poison_map(const std::byte* frame, const PoisonMap& map);

}  // namespace mmtwin::impl
