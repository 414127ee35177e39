// Handles: stable names of operation results (b3, p1, a2), and places in an address space.
//
// Laws: none. Context: values. Cost: 2 bytes a handle. Number 0 means "none". A handle is never an index modulo what is
// live: deleting one operation of a program does not retarget the others.
#pragma once

#include <compare>
#include <cstdint>

#include "vocab/units.h"

namespace mmtwin {

inline constexpr unsigned kMaxHandle = 65535;  // highest number in text
inline constexpr unsigned kFuzzHandles = 12;   // highest in fuzzed programs: 64 would waste half of all operations

// A use of a handle of one kind.
template <char Letter>
class Register {
 public:
  static constexpr char kLetter = Letter;
  constexpr Register() = default;
  constexpr explicit Register(unsigned number) : number_(static_cast<std::uint16_t>(number)) {}
  constexpr unsigned number() const { return number_; }
  constexpr bool is_none() const { return number_ == 0; }
  friend constexpr auto operator<=>(Register, Register) = default;

 private:
  std::uint16_t number_ = 0;
};

// The handle that an operation's result gets.
template <char Letter>
class Fresh {
 public:
  static constexpr char kLetter = Letter;
  constexpr Fresh() = default;
  constexpr explicit Fresh(unsigned number) : handle_(number) {}
  constexpr unsigned number() const { return handle_.number(); }
  constexpr Register<Letter> handle() const { return handle_; }
  constexpr bool is_none() const { return handle_.is_none(); }
  friend constexpr auto operator<=>(Fresh, Fresh) = default;

 private:
  Register<Letter> handle_;
};

using BlockHandle = Register<'b'>;    // page frames handed out by pages_alloc
using SpaceHandle = Register<'p'>;    // an address space (a process)
using AddressHandle = Register<'a'>;  // an address that the machine chose

// A byte address in a space: absolute, or relative to an address that the machine chose. Unchecked 64 bits.
struct Place {
  AddressHandle base;  // none: absolute
  std::uint64_t offset = 0;
  friend constexpr auto operator<=>(const Place&, const Place&) = default;
};

}  // namespace mmtwin
