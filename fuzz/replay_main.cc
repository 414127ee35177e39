// The main of a fuzz target where no engine is linked: runs every file that is named, or lies below a named folder.
// Arguments that start with `-` are an engine's options and are ignored. Exit: 0 agreed, 1 a finding, 3 a file cannot
// be read, 5 there was none.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/finding.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> inputs_below(const std::filesystem::path& named) {
  std::error_code error;
  if (!std::filesystem::is_directory(named, error)) return {named};
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(named, error)) {
    if (entry.is_regular_file()) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

const char* current = "";

// A machine that failed is in no state to run another input.
void leave_after_finding() {
  std::fprintf(stderr, "input: %s\n", current);
  std::_Exit(1);
}

}  // namespace

int main(int count, char** arguments) {
  mmtwin::fuzz::set_after_finding(leave_after_finding);
  std::size_t inputs = 0;
  for (int i = 1; i < count; ++i) {
    if (arguments[i][0] == '-') continue;
    for (const std::filesystem::path& path : inputs_below(arguments[i])) {
      std::ifstream file(path, std::ios::binary);
      std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      if (!file.is_open() || file.bad()) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        return 3;
      }
      current = path.c_str();
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
      ++inputs;
    }
  }
  std::printf("%zu input%s\n", inputs, inputs == 1 ? "" : "s");
  return inputs == 0 ? 5 : 0;
}
