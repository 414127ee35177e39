// Why an operation is not run at all: it means nothing in the state that it met. Counted by reason, no more happens.
//
// Laws: none. Context: values. Cost: one byte. It deliberately is no refusal: no machine was asked.
#pragma once

#include <cstdint>
#include <string_view>

namespace mmtwin::model {

enum class Skip : std::uint8_t {
  kNone,
  kEmptyHandle,  // names a handle that holds nothing
  kTakenHandle,  // its result handle is in use
  kFilePage,     // would touch a page of a file mapping, whose contents this machine does not have yet
  kNoSpace,      // needs a loaded space on its CPU
  kNothingInFlight,  // resumes what is not there
  kUnsupported,      // the system does not offer it
};
inline constexpr std::string_view kSkipNames[] = {"none", "empty_handle", "taken_handle", "file_page", "no_space",
                                                "nothing_in_flight", "unsupported"};
inline constexpr unsigned kSkipReasons = 7;

}  // namespace mmtwin::model
