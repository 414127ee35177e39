// Writing files that are whole or not there: whoever looks, and whenever this process ends, sees no half of one.
//
// Laws: none. Context: one thread; other processes may write to the same folder. Cost: a copy of the content. The
// content goes to a file without a name first, where the file system can, so that even an end by SIGKILL leaves nothing
// behind. It deliberately does not sync: a crash of the whole host may lose the last file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace mmtwin::lockstep {

// Problems are sentences that begin with the file's name; nullopt or an empty string: there was none.

// Instead of what was there.
std::optional<std::string> replace_file(const std::filesystem::path& file, std::string_view content);

// Never instead of anything: FILE.mmt, or FILE-2.mmt, FILE-3.mmt, … if others were there first.
struct CreatedFile {
  std::filesystem::path name;
  std::string problem;
};
CreatedFile create_file(const std::filesystem::path& file, std::string_view content);

// Whether a file could be written to that folder, found out by writing one that nobody sees.
std::optional<std::string> folder_problem(const std::filesystem::path& folder);

}  // namespace mmtwin::lockstep
