// Locks and points: the names under which traces, events and laws know them.
//
// Laws: LOCK-1 to LOCK-3 are said of the classes. Context: constants. Cost: none. Names are what stored traces keep, so
// that new points elsewhere do not change them; rows may be added anywhere but never renamed.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mmtwin {

enum class LockClass : std::uint8_t { kSpace, kTables, kFamily, kSlab, kZone };
inline constexpr std::array<std::string_view, 5> kLockNames = {"space", "tables", "family", "slab", "zone"};
constexpr std::string_view name_of(LockClass c) { return kLockNames[static_cast<unsigned>(c)]; }

}  // namespace mmtwin
