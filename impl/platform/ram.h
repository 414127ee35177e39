// Ram: the simulated memory, 4096 bytes a frame; page-table entries, user bytes and slab objects all live in it.
//
// Laws: CONTENT, ISO and PT are judged from its events and bytes. Context: whoever owns the frame; entries are shared
// with hardware walkers and are read and updated as whole words. Cost: a memory access and, in lockstep builds, a mark;
// reads cost nothing extra. Every write passes edit(), store_entry(), mark_entry(), write(), zero() or copy(). It
// deliberately knows neither what a table entry means nor who owns a frame.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "impl/base/check.h"
#include "version/event_port.h"
#include "version/hostile.h"
#include "version/marks.h"
#include "version/shared_word.h"
#include "version/point.h"
#include "vocab/units.h"

namespace mmtwin::impl {

// Where an object lies in Ram. 0 is no object: the first bytes of a frame are never an object.
template <class T>
struct Ref {
  std::uint64_t offset = 0;  // bytes from the start of frame 0

  constexpr bool is_none() const { return offset == 0; }
  constexpr Pfn frame() const { return Pfn(offset >> kPageShift); }
  constexpr unsigned offset_in_frame() const { return static_cast<unsigned>(offset & (kPageBytes - 1)); }
  friend constexpr auto operator<=>(Ref, Ref) = default;
};

class Ram {
 public:
  Ram(std::byte* bytes, Marks& marks, const EventPort& events) : bytes_(bytes), marks_(marks), events_(events) {}

  // ---- page-table entries: 8-byte words ----
  std::uint64_t load_entry(Pfn table, unsigned index) const {
    touches(entry_at(table, index), false, Point::kTouchEntry);
    return load_acquire(*entry_at(table, index));
  }
  // Emits kTableStore.
  void store_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t value);
  // The walker sets A or D: false, and nothing happens, if the entry is not `expected` any more. Emits kTableMark.
  [[nodiscard]] bool mark_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t expected, std::uint64_t desired);
  // Software changes an entry that the walker may mark at the same time: returns what was there. Emits kTableStore.
  std::uint64_t exchange_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t value);
  // Bits of `clear` go, bits of `set` come; all others are kept as they are at that very moment.
  std::uint64_t change_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t clear, std::uint64_t set);

  // ---- whole frames ----
  void zero(CpuId cpu, Pfn frame);                            // emits kFrameZeroed
  void zero_table(CpuId cpu, Pfn table, unsigned entries);    // its first 8 * entries bytes; emits kFrameZeroed
  void copy(CpuId cpu, Pfn from, Pfn to);                     // emits kFrameCopied

  // ---- user bytes: `width` (1 to 8) of them inside one frame, little endian ----
  std::uint64_t read(Pfn frame, unsigned offset, unsigned width) const;
  void write(Pfn frame, unsigned offset, unsigned width, std::uint64_t value);

  // ---- objects ----
  template <class T>
  const T& at(Ref<T> ref) const {
    static_assert(std::is_trivially_copyable_v<T>);
    check(!ref.is_none(), "an object is looked at only through a reference that has one");
    return *reinterpret_cast<const T*>(bytes_ + ref.offset);
  }
  template <class T>
  T& edit(Ref<T> ref) {
    static_assert(std::is_trivially_copyable_v<T>);
    check(!ref.is_none(), "an object is changed only through a reference that has one");
    marks_.touch_content(ref.frame());
    return *reinterpret_cast<T*>(bytes_ + ref.offset);
  }
  // What a frame starts with: the only objects that may lie at offset 0.
  template <class T>
  const T& at_start(Pfn frame) const {
    return *reinterpret_cast<const T*>(raw(frame));
  }
  template <class T>
  T& edit_start(Pfn frame) {
    marks_.touch_content(frame);
    return *reinterpret_cast<T*>(bytes_ + frame.raw() * kPageBytes);
  }
  // Nobody may touch these bytes, or anybody may again (ASan builds only). Edit something in the frame first: the
  // snapshot remembers poison with contents.
  void forbid(std::uint64_t offset, std::uint64_t bytes) { poison(bytes_ + offset, bytes); }
  void permit(std::uint64_t offset, std::uint64_t bytes) { unpoison(bytes_ + offset, bytes); }

  // For decoders: the 4096 bytes of a frame. Those of a frame that is not used, and of a free object, are poisoned.
  const std::byte* raw(Pfn frame) const { return bytes_ + frame.raw() * kPageBytes; }

 private:
  const std::uint64_t* entry_at(Pfn table, unsigned index) const {
    return reinterpret_cast<const std::uint64_t*>(bytes_ + table.raw() * kPageBytes) + index;
  }
  std::uint64_t* edit_entry(Pfn table, unsigned index) {
    marks_.touch_bytes(table, (index + 1) * 8);
    touches(entry_at(table, index), true, Point::kTouchEntry);
    return reinterpret_cast<std::uint64_t*>(bytes_ + table.raw() * kPageBytes) + index;
  }
  void emit_entry(EventKind kind, CpuId cpu, Pfn table, unsigned index, std::uint64_t before,
                  std::uint64_t after) const;

  std::byte* bytes_;
  Marks& marks_;
  const EventPort& events_;
};

}  // namespace mmtwin::impl
