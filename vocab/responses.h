// Responses and range lists: what a program sees of its machine.
//
// Laws: every law that is judged by answers alone. Context: values. Cost: tens of bytes each. They deliberately say
// nothing of the machine below; vocab/observations.h does.
#pragma once

#include <cstdint>
#include <vector>

#include "vocab/flags.h"
#include "vocab/refusals.h"
#include "vocab/units.h"

namespace mmtwin {

// What an operation answers. `value`: first frame of a block, address of a mapping, break, loaded bytes; else 0.
struct Response {
  Refusal refusal = Refusal::kNone;
  std::uint64_t value = 0;
  friend constexpr bool operator==(const Response&, const Response&) = default;
};

// Attribute bits of a range besides protection: `shared` etc. as in MapFlags, plus what Linux shows in VmFlags.
struct RangeObservation {
  Address start;
  Address end;
  Prot prot;
  MapFlags flags;          // shared, noreserve, stack only
  bool accounted = false;  // VM_ACCOUNT: charged against the commit limit
  FileId file;             // 0: anonymous
  std::uint64_t offset = 0;  // file: byte offset of start. Anonymous: (page number at creation) * 4096
  friend constexpr bool operator==(const RangeObservation&, const RangeObservation&) = default;
};

}  // namespace mmtwin
