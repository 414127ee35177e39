// TableTree: what a space knows about its page tables; embedded at the start of its object.
//
// Laws: PT-2, TLB-2, ACCT-2. Context: `lock` protects tables and counters; `loaded_on` and `generation` are shared
// words. Cost: 48 bytes. The tables themselves are frames in x86-64 entry format, found from `root`. It deliberately
// knows no ranges.
//
// Field       Bytes  Meaning
// root         0-7   frame of the root table; kNoFrame: none, the space was killed (frame 0 may well be a root)
// context      8-15  number of the tree, never used twice: what ASIDs are given to
// generation  16-23  counts flushes; a CPU that has seen less must flush before it runs user code again
// resident    24-31  leaf entries that map private anonymous pages
// tables      32-35  table frames, root included
// loaded_on   36-39  bit per CPU that has the root loaded, lazily or not; the top bit: nobody may load it any more
// lock        40-    page-table lock
#pragma once

#include <cstddef>
#include <cstdint>

#include "impl/platform/ram.h"
#include "version/lock.h"
#include "vocab/units.h"

namespace mmtwin::impl {

struct TableTree {
  std::uint64_t root;
  std::uint64_t context;
  std::uint64_t generation;
  std::uint64_t resident;
  std::uint32_t tables;
  std::uint32_t loaded_on;
  Lock lock;
};
static_assert(offsetof(TableTree, resident) == 24 && offsetof(TableTree, lock) == 40 && sizeof(TableTree) == 48);

}  // namespace mmtwin::impl
