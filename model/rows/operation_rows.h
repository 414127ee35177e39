// Rows of operations: what may be said of a kind of operation whoever judges it.
//
// Laws: none; the judges that read a row name theirs. Context: constants, and what one operation says. Cost: one visit
// when an operation begins. It is the only place of the machine's judges that asks which operation one is; what
// an operation answers and does to ranges, contents and handles is the contract's.
#pragma once

#include <cstdint>

#include "vocab/events.h"
#include "vocab/flags.h"
#include "vocab/handles.h"
#include "vocab/units.h"

namespace mmtwin {
struct Operation;  // vocab/operations.h
}  // namespace mmtwin

namespace mmtwin::model {

enum OperationTrait : std::uint32_t {
  kIsAccess = 1u << 0,
  kStores = 1u << 1,
  kFetches = 1u << 2,
  kMakesSpace = 1u << 3,
  kForks = 1u << 4,
  kEndsSpace = 1u << 5,
  kProtects = 1u << 6,  // refused, it has done what lies before the place where it stopped
  kChangesRanges = 1u << 7,
  kTakesBlock = 1u << 8,
  kTakesExact = 1u << 9,  // each of the block's frames is one of its own, the tail goes back at once
  kFreesBlock = 1u << 10,
  kDrainsList = 1u << 11,
  kShrinks = 1u << 12,     // gives back every slab without an object
  kSwitches = 1u << 13,    // the CPU to a space, or to none
  kSpeculates = 1u << 14,  // walks ahead of the program
  kEvicts = 1u << 15,      // one page from the TLB alone
  kFlushesPage = 1u << 16,
  kFlushesSpace = 1u << 17,
  kOrdersFailure = 1u << 18,
  kNeedsLoadedSpace = 1u << 19,  // means nothing on a lazy CPU
};

// What it may ask for: docs/RULES.md section 2.
struct OperationRow {
  std::uint32_t traits = 0;
  std::uint16_t roles = 0;   // bit r: pages of role r
  std::uint16_t caches = 0;  // bit c: objects of cache c
  bool has(std::uint32_t any) const { return (traits & any) != 0; }
  bool may_ask(Role role) const { return (roles >> static_cast<unsigned>(role) & 1u) != 0; }
  bool may_need(CacheName cache) const { return (caches >> static_cast<unsigned>(cache) & 1u) != 0; }
};
OperationRow row_of(const Operation& operation);

// What it names, for judges. A field that the operation does not have is as it is here.
struct Operands {
  unsigned cpu = 0;
  SpaceHandle space;  // none: it names no space, or leaves the CPU without one
  char makes = 0;            // what its result names: makes<Op>() of vocab/operations.h
  unsigned made = 0;         // the handle of that; 0: none
  unsigned freed_block = 0;  // handle
  std::uint64_t at = 0;      // byte; places are resolved when it begins
  std::uint64_t length = 0;
  unsigned width = 0;       // bytes accessed
  std::uint64_t value = 0;  // stored, little endian
  unsigned target = 0;      // the CPU whose lists are drained
  Gfp gfp{};
  unsigned order = 0;  // of the block that it asks for
  NodeId node = kAnyNode;
  std::uint64_t pages = 0;  // that it keeps of the block
  std::uint64_t count = 0;  // requests until one fails
};
Operands operands_of(const Operation& operation);

}  // namespace mmtwin::model
