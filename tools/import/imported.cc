#include "tools/import/imported.h"

namespace mmtwin::tools {

std::uint64_t ImportCounts::seen() const {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : calls) sum += count.seen;
  return sum;
}

std::uint64_t ImportCounts::imported() const {
  std::uint64_t sum = 0;
  for (const auto& [name, count] : calls) sum += count.imported;
  return sum;
}

void ImportCounts::count_imported(std::string_view call) {
  CallCount& count = calls[std::string(call)];
  ++count.seen;
  ++count.imported;
}

void ImportCounts::count_ignored(std::string_view call, std::string_view reason) {
  ++calls[std::string(call)].seen;
  std::string name(call);
  if (!reason.empty()) name.append(": ").append(reason);
  ++ignored[name];
}

}  // namespace mmtwin::tools
