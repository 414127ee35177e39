#include "tests/tools/logs.h"

#include <cstdio>
#include <regex>
#include <sstream>

namespace mmtwin::tools {

std::string real_log(const std::string& name) {
  std::string text;
  std::FILE* pipe = ::popen(("xz -dc corpora/real/" + name + ".xz").c_str(), "r");
  if (pipe == nullptr) return text;
  char buffer[1 << 14];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, pipe)) != 0;) text.append(buffer, got);
  return ::pclose(pipe) == 0 ? text : "";
}

std::uint64_t lines_with(const std::string& text, const std::string& expression) {
  std::regex pattern(expression);
  std::istringstream lines(text);
  std::uint64_t found = 0;
  for (std::string line; std::getline(lines, line);) found += std::regex_search(line, pattern);
  return found;
}

}  // namespace mmtwin::tools
