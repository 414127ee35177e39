// Positions, counts and orders as types, so that a frame number is never added to a frame number.
//
// Laws: none. Context: values, any thread. Cost: the raw integer. It deliberately has no implicit conversions and only
// the arithmetic that means something.
#pragma once

#include <compare>
#include <cstdint>

namespace mmtwin {

template <class Unit>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::uint64_t raw) : raw_(raw) {}
  constexpr std::uint64_t raw() const { return raw_; }
  friend constexpr auto operator<=>(Quantity, Quantity) = default;

 private:
  std::uint64_t raw_ = 0;
};

using Pfn = Quantity<struct PfnUnit>;              // physical frame number
using Vpn = Quantity<struct VpnUnit>;              // virtual page number, sign bits included
using Address = Quantity<struct AddressUnit>;      // virtual byte address, 64 bits, not necessarily canonical
using PageCount = Quantity<struct PageCountUnit>;  // pages or frames
using ByteCount = Quantity<struct ByteCountUnit>;
using StepNumber = Quantity<struct StepNumberUnit>;  // 1-based position in a program

constexpr Pfn operator+(Pfn at, PageCount n) { return Pfn(at.raw() + n.raw()); }
constexpr PageCount operator-(Pfn a, Pfn b) { return PageCount(a.raw() - b.raw()); }
constexpr Vpn operator+(Vpn at, PageCount n) { return Vpn(at.raw() + n.raw()); }
constexpr PageCount operator-(Vpn a, Vpn b) { return PageCount(a.raw() - b.raw()); }
constexpr Address operator+(Address at, ByteCount n) { return Address(at.raw() + n.raw()); }
constexpr ByteCount operator-(Address a, Address b) { return ByteCount(a.raw() - b.raw()); }
constexpr PageCount operator+(PageCount a, PageCount b) { return PageCount(a.raw() + b.raw()); }
constexpr PageCount operator-(PageCount a, PageCount b) { return PageCount(a.raw() - b.raw()); }
constexpr ByteCount operator+(ByteCount a, ByteCount b) { return ByteCount(a.raw() + b.raw()); }

// Small ordinals: bounded by the machine description, kept in one byte.
template <class Unit>
class Ordinal {
 public:
  constexpr Ordinal() = default;
  constexpr explicit Ordinal(unsigned raw) : raw_(static_cast<std::uint8_t>(raw)) {}
  constexpr unsigned raw() const { return raw_; }
  friend constexpr auto operator<=>(Ordinal, Ordinal) = default;

 private:
  std::uint8_t raw_ = 0;
};

using Order = Ordinal<struct OrderUnit>;  // log2 of a block's frames
using CpuId = Ordinal<struct CpuUnit>;
using NodeId = Ordinal<struct NodeUnit>;

// What else operations take.
using Width = Ordinal<struct WidthUnit>;     // bytes of one memory access, 1 to 8
using Value = Quantity<struct ValueUnit>;    // bytes of a store, little endian, low `width` bytes count
using FileId = Quantity<struct FileIdUnit>;  // identity of a file, 1 to 65535; 0: anonymous
using Count = Quantity<struct CountUnit>;
using Switch = Ordinal<struct SwitchUnit>;   // 0 or 1

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uint64_t kPageBytes = std::uint64_t{1} << kPageShift;
inline constexpr unsigned kMaxOrder = 10;  // Linux 6.12: MAX_PAGE_ORDER on x86-64
inline constexpr NodeId kAnyNode{0xff};    // "the node of the CPU that asks"

constexpr PageCount pages_in(Order order) { return PageCount(std::uint64_t{1} << order.raw()); }
constexpr Vpn page_of(Address at) { return Vpn(at.raw() >> kPageShift); }
constexpr Address address_of(Vpn page) { return Address(page.raw() << kPageShift); }

}  // namespace mmtwin
