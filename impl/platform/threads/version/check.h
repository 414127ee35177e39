// check() of threads builds: see impl/base/check.h.
//
// Laws: none here. Context: any. Cost: none. It deliberately keeps the sentences in the source and out of the program.
#pragma once

namespace mmtwin::impl {

inline constexpr bool kChecked = false;

constexpr void set_checks_abort(bool) {}

constexpr void check(bool, const char*) {}

}  // namespace mmtwin::impl
