// How a slab's frame is laid out: header, links, objects.
//
// Laws: FRAME-1 for objects: each is in exactly one place, its owner's hands or its slab's free list. Context: the
// cache's lock. Cost: 24 bytes and 2 bytes an object of each frame. A decoder reads a slab from this table alone:
//
// Bytes                       Field
// 0-3                         magic 0x51ab0000 + CacheName
// 4-5, 6-7                    objects the frame has room for; objects handed out
// 8-9                         index of the first free object, kLastLink: none
// 10-11                       kOnPartialList or 0
// 12-15, 16-19                next, prev frame on the cache's partial list (kNoFrame ends it)
// 20-23                       0
// 24 + 2 * i                  link of object i: index of the next free one, kLastLink, or kUsedLink while handed out
// first_object + i * size     object i; free objects are junk and poisoned
//
// It deliberately keeps links outside of objects: a write after free hits poison, not a list.
#pragma once

#include <cstdint>

#include "vocab/units.h"

namespace mmtwin::impl {

inline constexpr std::uint32_t kSlabMagic = 0x51ab0000;
inline constexpr std::uint16_t kLastLink = 0xffff;
inline constexpr std::uint16_t kUsedLink = 0xfffe;
inline constexpr std::uint16_t kOnPartialList = 1;

struct SlabHeader {
  std::uint32_t magic;
  std::uint16_t capacity;
  std::uint16_t used;
  std::uint16_t first_free;
  std::uint16_t on_partial_list;
  std::uint32_t next;
  std::uint32_t prev;
  std::uint32_t unused;
};
static_assert(sizeof(SlabHeader) == 24);

struct SlabShape {
  std::uint32_t object_bytes = 0;   // a multiple of 8
  std::uint32_t capacity = 0;       // objects a frame has room for
  std::uint32_t first_object = 0;   // byte offset in the frame, a multiple of 8
};

// The most objects that fit into one frame, or `most` of them, if not 0. `bytes`: size of one, at least 1.
constexpr SlabShape slab_shape(std::uint32_t bytes, std::uint32_t most = 0) {
  const std::uint32_t object = (bytes + 7) & ~std::uint32_t{7};
  std::uint32_t capacity = (kPageBytes - sizeof(SlabHeader)) / (object + 2);
  auto first = [&] { return (static_cast<std::uint32_t>(sizeof(SlabHeader)) + 2 * capacity + 7) & ~std::uint32_t{7}; };
  while (capacity != 0 && first() + capacity * object > kPageBytes) --capacity;
  if (most != 0 && capacity > most) capacity = most;
  return {object, capacity, first()};
}
static_assert(slab_shape(64).capacity == 61 && slab_shape(64).first_object == 152);
static_assert(slab_shape(8).first_object + slab_shape(8).capacity * 8 <= kPageBytes);
static_assert(slab_shape(64, 3).capacity == 3 && slab_shape(4000, 3).capacity == 1);
static_assert(slab_shape(4000).capacity == 1 && slab_shape(4090).capacity == 0);

}  // namespace mmtwin::impl
