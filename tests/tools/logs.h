// Recorded logs for tests, and counts of their calls made without the importers.
#pragma once

#include <cstdint>
#include <string>

namespace mmtwin::tools {

// corpora/real/NAME.xz through `xz -dc`. Empty: it could not be read.
std::string real_log(const std::string& name);

// Lines that a regular expression finds something in.
std::uint64_t lines_with(const std::string& text, const std::string& expression);

}  // namespace mmtwin::tools
