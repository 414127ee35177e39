// Refusals: the legitimate ways in which an operation says no. Bugs are not refusals; they abort.
//
// Laws: ROLLBACK names, by RefusalClass, the state that a refused operation leaves behind. Context: values. Cost: one
// byte. When each one is legal is said by the model alone. Digests and events hold the numbers: append only.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mmtwin {

enum class Refusal : std::uint8_t {
  kNone = 0,        // done
  kOom = 1,         // a page request was refused, or the space was killed by a fault that found no memory
  kNoMemory = 2,    // ENOMEM that is not about frames: a hole in the range, the range cap, no gap that fits
  kInvalid = 3,     // EINVAL
  kExists = 4,      // EEXIST: NOREPLACE met a mapping
  kPermission = 5,  // EPERM: below the lowest address that user mappings may have
  kSegvMapErr = 6,  // SIGSEGV, no mapping there
  kSegvAccErr = 7,  // SIGSEGV, the mapping denies the access
  kBus = 8,         // SIGBUS
  kKilled = 9,      // ESRCH: the space was killed earlier
};
inline constexpr std::array<std::string_view, 10> kRefusalNames = {
    "ok",     "oom",         "ENOMEM",      "EINVAL", "EEXIST",
    "EPERM", "SIGSEGV/map", "SIGSEGV/acc", "SIGBUS", "ESRCH"};
constexpr std::string_view name_of(Refusal r) { return kRefusalNames[static_cast<unsigned>(r)]; }

// What a refusal leaves of the contract state (contents, mappings, permissions, handles, commit charge).
enum class RefusalClass : std::uint8_t {
  kAtomic,  // as before
  kPrefix,  // exactly what lies before the failing element was done
  kKills,   // as before, but a refusal for want of memory ends the space (a fault cannot answer otherwise)
  kNever,   // the operation cannot be refused
};

}  // namespace mmtwin
