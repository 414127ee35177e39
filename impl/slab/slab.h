// Slab: objects of a few fixed sizes, packed into frames of the page allocator.
//
// Laws: OOM-1 (a refusal follows a refused page request or an injected failure), ROLLBACK-2 (at most one empty frame is
// kept per cache, and none after shrink). Context: any CPU inside an operation; one lock per cache. Cost: O(1); 24
// bytes a frame and 2 bytes an object. A new frame is taken only when the cache has no free object. Requests are
// narrated: kObjectRequested, then possibly a page request, then possibly kObjectRefused; so are returns:
// kObjectReturned. Objects are junk when handed out and poisoned when freed. It deliberately has no per-CPU layer and
// one frame per slab. Layout: slab_layout.h.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>

#include "impl/base/audit.h"
#include "impl/base/outcome.h"
#include "impl/phys/page_allocator.h"
#include "impl/platform/hardware.h"
#include "impl/platform/ram.h"
#include "impl/slab/slab_layout.h"
#include "version/lock.h"
#include "vocab/events.h"
#include "vocab/units.h"

namespace mmtwin::impl {

inline constexpr unsigned kCaches = static_cast<unsigned>(kCacheNames.size());
// Bytes of an object of each cache, by CacheName; 0: the cache does not exist.
using ObjectSizes = std::array<std::uint32_t, kCaches>;

// The sizes of types that each say `static constexpr CacheName kCache`.
template <class... Objects>
constexpr ObjectSizes object_sizes() {
  ObjectSizes sizes{};
  ((sizes[static_cast<unsigned>(Objects::kCache)] = sizeof(Objects)), ...);
  return sizes;
}

class Slab {
 public:
  Slab(Hardware& hardware, PageAllocator& pages, const ObjectSizes& sizes);

  // An object whose bytes are junk. Refusals: kOom.
  template <class T>
  Outcome<Ref<T>> allocate(CpuId cpu) {
    static_assert(alignof(T) <= 8);
    const Outcome<std::uint64_t> at = allocate_bytes(cpu, T::kCache, sizeof(T));
    if (!at) return at.refusal();
    return Ref<T>{*at};
  }
  template <class T>
  void free(CpuId cpu, Ref<T> object) {
    free_bytes(cpu, T::kCache, object.offset);
  }
  // The empty frames that the caches keep go back to the page allocator.
  void shrink(CpuId cpu);

  SlabShape shape(CacheName cache) const { return caches_[static_cast<unsigned>(cache)].shape; }
  std::uint64_t objects_used(CacheName cache) const { return caches_[static_cast<unsigned>(cache)].objects; }
  std::uint64_t frames_held(CacheName cache) const { return caches_[static_cast<unsigned>(cache)].frames; }

  void dump(std::FILE* to) const;
  // Walks every partial list: links, counts, states. Aborts with a sentence.
  void audit_slab(Audit& audit) const;

 private:
  struct Cache {
    SlabShape shape;
    Lock lock;
    std::uint32_t partial = kNoFrame;  // frames with at least one free and one used object, last changed first
    std::uint32_t empty = kNoFrame;    // the one frame without used objects that is kept
    std::uint64_t objects = 0;
    std::uint64_t frames = 0;
  };

  Outcome<std::uint64_t> allocate_bytes(CpuId cpu, CacheName name, std::uint32_t bytes);
  void free_bytes(CpuId cpu, CacheName name, std::uint64_t offset);
  std::uint64_t take_free_object(CpuId cpu, CacheName name, Cache& cache);
  Outcome<Pfn> new_frame(CpuId cpu, CacheName name, const Cache& cache);
  std::uint64_t take_object(CacheName name, Cache& cache, std::uint32_t frame);
  void retire(CpuId cpu, CacheName name, Cache& cache, std::uint32_t frame);
  void link(Cache& cache, std::uint32_t frame);
  void unlink(Cache& cache, std::uint32_t frame);
  void audit_frame(Audit& audit, CacheName name, const Cache& cache, std::uint32_t frame) const;

  Hardware& hardware_;
  PageAllocator& pages_;
  Cache* caches_;  // in boot memory
};

}  // namespace mmtwin::impl
