// check() of lockstep builds: see impl/base/check.h.
//
// Laws: as quoted. Context: any. Cost: one predicted branch. It deliberately does not throw.
#pragma once

namespace mmtwin::impl {

inline constexpr bool kChecked = true;

// Prints the sentence and aborts, or returns if set_checks_abort(false) was called.
[[gnu::cold, gnu::noinline]] void check_failed(const char* sentence);

// Off: failed checks are ignored, so that only the judge can find a bug (how a re-injected bug is measured).
void set_checks_abort(bool on);

constexpr void check(bool holds, const char* sentence) {
  if (!holds) [[unlikely]] {
    check_failed(sentence);
  }
}

}  // namespace mmtwin::impl
