#include "impl/slab/slab.h"

#include <utility>

#include "impl/platform/lock_guard.h"

namespace mmtwin::impl {
namespace {

const SlabHeader& header_of(const Ram& ram, std::uint32_t frame) { return ram.at_start<SlabHeader>(Pfn(frame)); }
SlabHeader& edit_header(Ram& ram, std::uint32_t frame) { return ram.edit_start<SlabHeader>(Pfn(frame)); }
Ref<std::uint16_t> link_ref(std::uint32_t frame, std::uint32_t index) {
  return {(std::uint64_t{frame} << kPageShift) + sizeof(SlabHeader) + index * 2};
}
std::uint64_t object_offset(const SlabShape& shape, std::uint32_t frame, std::uint32_t index) {
  return (std::uint64_t{frame} << kPageShift) + shape.first_object + std::uint64_t{index} * shape.object_bytes;
}
std::uint32_t magic_of(CacheName name) { return kSlabMagic + static_cast<std::uint32_t>(name); }

}  // namespace

Slab::Slab(Hardware& hardware, PageAllocator& pages, const ObjectSizes& sizes)
    : hardware_(hardware), pages_(pages), caches_(hardware.boot_memory().place<Cache>(kCaches)) {
  for (unsigned i = 0; i < kCaches; ++i) {
    caches_[i].shape = slab_shape(sizes[i], hardware.machine().slab_objects);
    check(caches_[i].shape.capacity != 0, "an object fits into a frame");
  }
}

// ---- allocation ----

Outcome<std::uint64_t> Slab::allocate_bytes(CpuId cpu, CacheName name, std::uint32_t bytes) {
  Cache& cache = caches_[static_cast<unsigned>(name)];
  check(bytes <= cache.shape.object_bytes, "an object is as large as its cache was told");
  Event event{.kind = EventKind::kObjectRequested, .cpu = cpu, .order = {}, .frame = {},
              .place = static_cast<std::uint64_t>(name)};
  hardware_.emit(event);
  event.kind = EventKind::kObjectRefused;
  if (hardware_.failures().request_fails(cpu)) {
    hardware_.emit(event);
    return Refusal::kOom;
  }
  if (const std::uint64_t object = take_free_object(cpu, name, cache); object != 0) return object;
  // A page request may wait: nobody holds a spinning lock meanwhile.
  const Outcome<Pfn> fresh = new_frame(cpu, name, cache);
  if (!fresh) {
    hardware_.emit(event);
    return fresh.refusal();
  }
  const LockGuard guard(hardware_, cpu, LockClass::kSlab, static_cast<std::uint64_t>(name), cache.lock);
  const auto frame = static_cast<std::uint32_t>((*fresh).raw());
  ++cache.frames;
  link(cache, frame);
  return take_object(name, cache, frame);
}

// 0: the cache has none.
std::uint64_t Slab::take_free_object(CpuId cpu, CacheName name, Cache& cache) {
  const LockGuard guard(hardware_, cpu, LockClass::kSlab, static_cast<std::uint64_t>(name), cache.lock);
  if (cache.partial == kNoFrame && cache.empty != kNoFrame) link(cache, std::exchange(cache.empty, kNoFrame));
  return cache.partial != kNoFrame ? take_object(name, cache, cache.partial) : 0;
}

// On no list yet: nobody else knows it.
Outcome<Pfn> Slab::new_frame(CpuId cpu, CacheName name, const Cache& cache) {
  const Outcome<Pfn> taken = pages_.allocate(cpu, {.role = Role::kSlab, .gfp = kGfpWait, .cache = name});
  if (!taken) return taken;
  const auto frame = static_cast<std::uint32_t>((*taken).raw());
  Ram& ram = hardware_.ram();
  const std::uint32_t capacity = cache.shape.capacity;
  edit_header(ram, frame) = {.magic = magic_of(name), .capacity = static_cast<std::uint16_t>(capacity), .used = 0,
                                 .first_free = 0, .on_partial_list = 0, .next = kNoFrame, .prev = kNoFrame,
                                 .unused = 0};
  for (std::uint32_t i = 0; i < capacity; ++i) {
    ram.edit(link_ref(frame, i)) = i + 1 == capacity ? kLastLink : static_cast<std::uint16_t>(i + 1);
  }
  const std::uint64_t objects = object_offset(cache.shape, frame, 0);
  ram.forbid(objects, (std::uint64_t{frame} + 1) * kPageBytes - objects);
  return taken;
}

// From the first free object of a frame on the partial list.
std::uint64_t Slab::take_object(CacheName name, Cache& cache, std::uint32_t frame) {
  Ram& ram = hardware_.ram();
  SlabHeader& header = edit_header(ram, frame);
  check(header.magic == magic_of(name) && header.used < header.capacity, "FRAME-1: a slab of this cache has room");
  const std::uint32_t index = header.first_free;
  check(index < header.capacity, "FRAME-1: a slab that counts a free object has one");
  std::uint16_t& own = ram.edit(link_ref(frame, index));
  check(own != kUsedLink, "FRAME-1: an object is handed out once");
  header.first_free = own;
  own = kUsedLink;
  ++header.used;
  ++cache.objects;
  if (header.used == header.capacity) unlink(cache, frame);
  const std::uint64_t offset = object_offset(cache.shape, frame, index);
  ram.permit(offset, cache.shape.object_bytes);
  return offset;
}

// ---- freeing ----

void Slab::free_bytes(CpuId cpu, CacheName name, std::uint64_t offset) {
  Cache& cache = caches_[static_cast<unsigned>(name)];
  const LockGuard guard(hardware_, cpu, LockClass::kSlab, static_cast<std::uint64_t>(name), cache.lock);
  const auto frame = static_cast<std::uint32_t>(offset >> kPageShift);
  const auto in_frame = static_cast<std::uint32_t>(offset & (kPageBytes - 1));
  Ram& ram = hardware_.ram();
  SlabHeader& header = edit_header(ram, frame);
  check(header.magic == magic_of(name), "FRAME-1: an object is freed to its own cache");
  const std::uint32_t index = (in_frame - cache.shape.first_object) / cache.shape.object_bytes;
  check(in_frame >= cache.shape.first_object && index < header.capacity &&
            object_offset(cache.shape, frame, index) == offset,
        "FRAME-1: what is freed is the start of an object");
  std::uint16_t& own = ram.edit(link_ref(frame, index));
  check(own == kUsedLink, "FRAME-1: an object is freed once");
  hardware_.emit({.kind = EventKind::kObjectReturned, .cpu = cpu, .order = {}, .frame = {},
                  .place = static_cast<std::uint64_t>(name)});
  // Junk first: a reader that ASan does not stop shall not find its old object.
  if constexpr (kChecked) {
    for (std::uint32_t at = 0; at < cache.shape.object_bytes; at += 8) {
      ram.edit(Ref<std::uint64_t>{offset + at}) = ~(offset + at);
    }
  }
  own = header.first_free;
  header.first_free = static_cast<std::uint16_t>(index);
  const bool was_full = header.used == header.capacity;
  --header.used;
  --cache.objects;
  ram.forbid(offset, cache.shape.object_bytes);
  if (header.used == 0) {
    if (!was_full) unlink(cache, frame);
    retire(cpu, name, cache, frame);
  } else if (was_full) {
    link(cache, frame);
  }
}

// A frame on no list without used objects: one is kept, so that a single object going to and fro costs no frame.
void Slab::retire(CpuId cpu, CacheName name, Cache& cache, std::uint32_t frame) {
  if (cache.empty == kNoFrame) {
    cache.empty = frame;
    return;
  }
  check(header_of(hardware_.ram(), frame).magic == magic_of(name), "FRAME-1: a slab goes back from its own cache");
  --cache.frames;
  hardware_.ram().permit(std::uint64_t{frame} << kPageShift, kPageBytes);
  pages_.free(cpu, Pfn(frame), Order(0));
}

void Slab::shrink(CpuId cpu) {
  for (unsigned i = 0; i < kCaches; ++i) {
    Cache& cache = caches_[i];
    const LockGuard guard(hardware_, cpu, LockClass::kSlab, i, cache.lock);
    if (cache.empty == kNoFrame) continue;
    const std::uint32_t frame = cache.empty;
    cache.empty = kNoFrame;
    --cache.frames;
    hardware_.ram().permit(std::uint64_t{frame} << kPageShift, kPageBytes);
    pages_.free(cpu, Pfn(frame), Order(0));
  }
}

// ---- the partial list ----

void Slab::link(Cache& cache, std::uint32_t frame) {
  Ram& ram = hardware_.ram();
  SlabHeader& header = edit_header(ram, frame);
  check(header.on_partial_list == 0, "FRAME-1: a slab is linked once");
  header.on_partial_list = kOnPartialList;
  header.next = cache.partial;
  header.prev = kNoFrame;
  if (cache.partial != kNoFrame) edit_header(ram, cache.partial).prev = frame;
  cache.partial = frame;
}

void Slab::unlink(Cache& cache, std::uint32_t frame) {
  Ram& ram = hardware_.ram();
  SlabHeader& header = edit_header(ram, frame);
  check(header.on_partial_list == kOnPartialList, "FRAME-1: only a linked slab is unlinked");
  header.on_partial_list = 0;
  if (header.prev == kNoFrame) {
    check(cache.partial == frame, "FRAME-1: the first slab of a list is where the list starts");
    cache.partial = header.next;
  } else {
    edit_header(ram, header.prev).next = header.next;
  }
  if (header.next != kNoFrame) edit_header(ram, header.next).prev = header.prev;
}

// ---- audit and dump ----

void Slab::audit_frame(Audit& audit, CacheName name, const Cache& cache, std::uint32_t frame) const {
  const Ram& ram = hardware_.ram();
  const SlabHeader& header = header_of(ram, frame);
  audit.claim(header.magic == magic_of(name) && header.capacity == cache.shape.capacity,
              "FRAME-1: a slab names its cache");
  audit.claim(role_of(hardware_.frame(Pfn(frame)).tag) == static_cast<unsigned>(Role::kSlab),
        "FRAME-1: a slab's frame was taken for a slab");
  std::uint32_t used = 0;
  for (std::uint32_t i = 0; i < header.capacity; ++i) used += ram.at(link_ref(frame, i)) == kUsedLink ? 1 : 0;
  audit.claim(used == header.used, "ACCT-1: a slab counts the objects it handed out");
  std::uint32_t free = 0;
  for (std::uint32_t i = header.first_free; i != kLastLink; i = ram.at(link_ref(frame, i))) {
    const bool is_listed_once = i < header.capacity && ++free <= header.capacity;
    if (!audit.claim(is_listed_once, "FRAME-1: each free object is in its slab's list once")) return;
  }
  audit.claim(used + free == header.capacity, "FRAME-1: each object is handed out or free");
}

void Slab::audit_slab(Audit& audit) const {
  for (unsigned i = 0; i < kCaches; ++i) {
    const Cache& cache = caches_[i];
    const auto name = static_cast<CacheName>(i);
    std::uint64_t used = 0;
    std::uint64_t frames = 0;
    for (std::uint32_t at = cache.partial; at != kNoFrame && frames <= cache.frames && audit.is_clean(); ++frames) {
      audit_frame(audit, name, cache, at);
      const SlabHeader& header = header_of(hardware_.ram(), at);
      audit.claim(header.used != 0 && header.used < header.capacity && header.on_partial_list == kOnPartialList,
            "FRAME-1: a partial list holds slabs that are neither full nor empty");
      used += header.used;
      at = header.next;
    }
    if (cache.empty != kNoFrame) {
      audit_frame(audit, name, cache, cache.empty);
      audit.claim(header_of(hardware_.ram(), cache.empty).used == 0, "ROLLBACK-2: the kept frame is empty");
      ++frames;
    }
    // All other frames are full.
    audit.claim(cache.objects == used + (cache.frames - frames) * cache.shape.capacity,
          "ACCT-1: a cache counts its objects and frames");
  }
}

void Slab::dump(std::FILE* to) const {
  for (unsigned i = 0; i < kCaches; ++i) {
    const Cache& cache = caches_[i];
    std::fprintf(to, "cache %s object_bytes %u capacity %u objects %llu frames %llu partial:", kCacheNames[i].data(),
                 cache.shape.object_bytes, cache.shape.capacity, static_cast<unsigned long long>(cache.objects),
                 static_cast<unsigned long long>(cache.frames));
    for (std::uint32_t at = cache.partial; at != kNoFrame; at = header_of(hardware_.ram(), at).next) {
      std::fprintf(to, " %u", at);
    }
    std::fprintf(to, "\n");
  }
}

}  // namespace mmtwin::impl
