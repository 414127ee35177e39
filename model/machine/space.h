// Space: what is true of an address space beside its ranges, which are the contract's.
//
// Laws: ACCT-2, CPU-1, TLB-1, LOCK-1 are judged against it. Context: one thread. Cost: a plain value. It deliberately
// goes by numbers of its own: a handle may be given anew while the space it named is still being ended.
#pragma once

#include <cstdint>

#include "vocab/handles.h"

namespace mmtwin::model {

inline constexpr std::uint64_t kNoLock = ~std::uint64_t{0};

struct Space {
  bool live = false;
  bool named = false;               // by its handle: the operation that makes it is over
  SpaceHandle handle;               // how the contract calls it
  std::uint32_t root = 0;           // table number; 0: none (killed, or a system that shows no tables)
  std::uint64_t resident_anon = 0;  // leaves that map anonymous pages
  std::uint64_t tables = 0;         // root included
  std::uint64_t stored_at = 0;      // Machine::clock when an entry of its tables changed last
  std::uint64_t stored_by = 0;      // and in which step
  std::uint32_t changed_in = 0;
  std::uint32_t loaded_on = 0;      // CPUs that have its tables loaded, lazily or not
  std::uint64_t context = 0;        // never given to another space
  std::uint64_t generation = 0;     // counts rights taken from entries that a CPU could have cached
  std::uint64_t counted_ranges = 0;  // its part of Machine::live_ranges
  std::uint64_t lock = kNoLock, tables_lock = kNoLock;  // their instances, known once they were taken
};

}  // namespace mmtwin::model
