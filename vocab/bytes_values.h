// How a field's value is coded in bytes, by its type. Only vocab/bytes.cc includes this.
//
// Laws: none. Context: pure functions. Cost: 1 to 11 bytes a field. Every byte string decodes to a value in bounds, and
// `write` finds for every value in bounds a short code that `read` turns back into it. Short codes are the interesting
// values: page-aligned places in small windows, lengths of few pages, low handles. It deliberately knows no operations.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "vocab/bounds.h"

namespace mmtwin::bytes {

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> data) : data_(data) {}
  bool at_end() const { return at_ >= data_.size(); }
  unsigned byte() { return at_ < data_.size() ? data_[at_++] : 0u; }
  std::uint64_t raw(unsigned count) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }

 private:
  std::span<const std::uint8_t> data_;
  std::size_t at_ = 0;
};

class Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& into) : into_(into) {}
  void byte(unsigned value) { into_.push_back(static_cast<std::uint8_t>(value)); }
  void raw(std::uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) byte(static_cast<unsigned>(value >> (8 * i)) & 0xffu);
  }

 private:
  std::vector<std::uint8_t>& into_;
};

// ---- 64-bit numbers: a small one in a byte, or that many bytes ----
inline constexpr unsigned kSmallNumbers = 240;  // bytes below stand for themselves

inline void write_number(Writer& out, std::uint64_t value) {
  if (value < kSmallNumbers) return out.byte(static_cast<unsigned>(value));
  unsigned count = 1;
  while (count < 8 && value >> (8 * count) != 0) ++count;
  out.byte(kSmallNumbers + count - 1);
  out.raw(value, count);
}
inline std::uint64_t read_number(Reader& in) {
  const unsigned first = in.byte();
  return first < kSmallNumbers ? first : in.raw((first - kSmallNumbers) % 8 + 1);
}

// ---- bounded types ----
template <class T>
void write(Writer& out, const T& value, const MachineDescription& machine) {
  const Bounds bounds = bounds_of<T>(machine);
  write_number(out, value.raw() - bounds.least);
}
template <class T>
void read(Reader& in, T& value, const MachineDescription& machine) {
  const Bounds bounds = bounds_of<T>(machine);
  std::uint64_t raw = read_number(in);
  if (raw > bounds.most - bounds.least) raw %= bounds.most - bounds.least + 1;
  value = T(static_cast<decltype(T{}.raw())>(bounds.least + raw));
}

inline void write(Writer& out, const NodeId& node, const MachineDescription&) {
  out.byte(node == kAnyNode ? 0 : node.raw() + 1);
}
inline void read(Reader& in, NodeId& node, const MachineDescription& machine) {
  const unsigned choice = in.byte() % (machine.nodes + 1u);
  node = choice == 0 ? kAnyNode : NodeId(choice - 1);
}

template <class Tag>
void write(Writer& out, const Flags<Tag>& flags, const MachineDescription&) {
  out.byte(flags.bits());
}
template <class Tag>
void read(Reader& in, Flags<Tag>& flags, const MachineDescription&) {
  flags = Flags<Tag>(in.byte() & ((1u << flag_count(flags)) - 1));
}

// ---- handles: 0 is none, 255 announces two bytes ----
inline constexpr unsigned kWideHandle = 255;

inline void write_handle(Writer& out, unsigned number) {
  if (number <= kFuzzHandles) return out.byte(number);
  out.byte(kWideHandle);
  out.raw(number, 2);
}
inline unsigned read_handle(Reader& in) {
  const unsigned first = in.byte();
  if (first == kWideHandle) return static_cast<unsigned>(in.raw(2));
  return first == 0 ? 0 : (first - 1) % kFuzzHandles + 1;
}

template <char Letter>
void write(Writer& out, const Register<Letter>& use, const MachineDescription&) {
  write_handle(out, use.number());
}
template <char Letter>
void read(Reader& in, Register<Letter>& use, const MachineDescription&) {
  use = Register<Letter>(read_handle(in));
}
template <char Letter>
void write(Writer& out, const Fresh<Letter>& result, const MachineDescription&) {
  write_handle(out, result.number());
}
template <char Letter>
void read(Reader& in, Fresh<Letter>& result, const MachineDescription&) {
  result = Fresh<Letter>(read_handle(in));
  if (result.is_none() && !kResultMayBeNone<Letter>) result = Fresh<Letter>(1);
}

// ---- pauses: a byte for none and for most numbers, two for a point and its passing ----
inline void write(Writer& out, const Pause& pause, const MachineDescription&) {
  if (pause.is_none()) return out.byte(0);
  out.byte(256 - static_cast<unsigned>(pause.point));
  out.byte(pause.nth - 1u);
}
inline void read(Reader& in, Pause& pause, const MachineDescription&) {
  const unsigned point = 256 - in.byte();
  pause = Pause();
  if (point >= kPoints.size()) return;
  pause = {static_cast<Point>(point), static_cast<std::uint8_t>(in.byte() % Pause::kMostPassings + 1)};
}

// ---- sizes: below 64 pages in a byte, pages and a few bytes more or less in three, else as a number ----
inline constexpr unsigned kSmallPages = 64;
enum SizeCode : unsigned { kPagesAndBytes = kSmallPages, kPagesWide, kAnySize, kSizeCodes };

inline std::uint64_t nudged(std::uint64_t pages, unsigned biased) {
  return (pages << kPageShift) + biased - 128;
}
// Page number and biased distance of the nearest page boundary, if the distance fits a byte.
inline bool near_page(std::uint64_t value, std::uint64_t& page, unsigned& biased) {
  page = (value + 128) >> kPageShift;
  const std::uint64_t distance = value + 128 - (page << kPageShift);
  biased = static_cast<unsigned>(distance);
  return distance < 256 && value <= std::numeric_limits<std::uint64_t>::max() - 128;
}

inline void write(Writer& out, const ByteCount& size, const MachineDescription&) {
  const std::uint64_t value = size.raw();
  std::uint64_t page = 0;
  unsigned biased = 0;
  if (value % kPageBytes == 0 && value >> kPageShift < kSmallPages) {
    out.byte(static_cast<unsigned>(value >> kPageShift));
  } else if (near_page(value, page, biased) && page < 256) {
    out.byte(kPagesAndBytes);
    out.byte(static_cast<unsigned>(page));
    out.byte(biased);
  } else if (value % kPageBytes == 0 && value >> kPageShift < 65536) {
    out.byte(kPagesWide);
    out.raw(value >> kPageShift, 2);
  } else {
    out.byte(kAnySize);
    out.raw(value, 8);
  }
}
inline void read(Reader& in, ByteCount& size, const MachineDescription&) {
  const unsigned code = in.byte();
  if (code == kPagesAndBytes) {
    const unsigned page = in.byte();
    size = ByteCount(nudged(page, in.byte()));
  } else if (code == kPagesWide) {
    size = ByteCount(in.raw(2) << kPageShift);
  } else if (code == kAnySize) {
    size = ByteCount(in.raw(8));
  } else {
    size = ByteCount(std::uint64_t{code % kSmallPages} << kPageShift);
  }
}

// ---- places: a window's page, perhaps some bytes beside it, absolute or from a handle; else eight bytes ----

// Starts of windows of 256 pages each; the last three hold the end of the user half and addresses beyond it.
inline constexpr unsigned kWindows = 8;
inline std::array<std::uint64_t, kWindows> windows_of(const MachineDescription& machine) {
  if (machine.geometry == GeometryName::kSmall) {
    return {0x10000, 0, 0x1000000, 0x7000000 - (256u << kPageShift), 0x2aaa000, 0x8000000 - (128u << kPageShift),
            0xfffffffff8000000, 0xffffffffffff0000};
  }
  return {0x10000, 0, 0x555555559000, 0x7ffff7fff000 - (256u << kPageShift), 0x2aaaaaaaa000,
          0x800000000000 - (128u << kPageShift), 0xffff800000000000, 0xffffffffffff0000};
}

// Low two bits of the code: how the offset is written; the next: whether a handle comes first; the rest: which window.
enum PlaceForm : unsigned { kPage, kPageAndBytes, kPageWide, kAnyOffset };

inline void write_offset(Writer& out, std::uint64_t value, bool has_base, AddressHandle base,
                         const MachineDescription& machine) {
  const auto windows = windows_of(machine);
  const unsigned flag = has_base ? 4u : 0u;
  const auto start = [&](PlaceForm form, unsigned window) {
    out.byte(form | flag | window << 3);
    if (has_base) write_handle(out, base.number());
  };
  for (unsigned w = 0; w < (has_base ? 1u : kWindows); ++w) {
    const std::uint64_t from = value - (has_base ? 0 : windows[w]);
    std::uint64_t page = 0;
    unsigned biased = 0;
    if (from % kPageBytes == 0 && from >> kPageShift < 256) {
      start(kPage, w);
      return out.byte(static_cast<unsigned>(from >> kPageShift));
    }
    if (near_page(from, page, biased) && page < 256) {
      start(kPageAndBytes, w);
      out.byte(static_cast<unsigned>(page));
      return out.byte(biased);
    }
    if (from % kPageBytes == 0 && from >> kPageShift < 65536) {
      start(kPageWide, w);
      return out.raw(from >> kPageShift, 2);
    }
  }
  start(kAnyOffset, 0);
  out.raw(value, 8);
}
inline Place read_offset(Reader& in, const MachineDescription& machine) {
  const unsigned code = in.byte();
  const bool has_base = (code & 4u) != 0;
  Place place;
  if (has_base) place.base = AddressHandle(read_handle(in));
  const std::uint64_t from = has_base ? 0 : windows_of(machine)[(code >> 3) % kWindows];
  switch (static_cast<PlaceForm>(code & 3u)) {
    case kPage:
      place.offset = from + (std::uint64_t{in.byte()} << kPageShift);
      break;
    case kPageAndBytes: {
      const unsigned page = in.byte();
      place.offset = from + nudged(page, in.byte());
      break;
    }
    case kPageWide:
      place.offset = from + (in.raw(2) << kPageShift);
      break;
    case kAnyOffset:
      place.offset = in.raw(8);
      break;
  }
  return place;
}

inline void write(Writer& out, const Place& place, const MachineDescription& machine) {
  write_offset(out, place.offset, !place.base.is_none(), place.base, machine);
}
inline void read(Reader& in, Place& place, const MachineDescription& machine) { place = read_offset(in, machine); }

// An address of its own (the heap's start, the top of placement): 0 asks for the default and is the usual one.
inline void write(Writer& out, const Address& address, const MachineDescription& machine) {
  if (address.raw() == 0) return out.byte(0);
  out.byte(1);
  write_offset(out, address.raw(), false, {}, machine);
}
inline void read(Reader& in, Address& address, const MachineDescription& machine) {
  address = Address(in.byte() % 4 != 1 ? 0 : read_offset(in, machine).offset);
}

}  // namespace mmtwin::bytes
