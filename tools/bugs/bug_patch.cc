#include "tools/bugs/bug_patch.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// The `# key: value` lines before the diff.
std::map<std::string, std::string> header_of(std::string_view text) {
  std::map<std::string, std::string> header;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.starts_with("--- ") || line.starts_with("diff ")) break;
    std::size_t colon = line.find(':');
    if (!line.starts_with('#') || colon == line.npos) continue;
    header.emplace(trimmed(line.substr(1, colon - 1)), trimmed(line.substr(colon + 1)));
  }
  return header;
}

}  // namespace

std::variant<BugPatch, FileProblem> read_bug(const std::string& patch_file) {
  auto text = read_file(patch_file);
  if (auto* problem = std::get_if<FileProblem>(&text)) return *problem;
  auto header = header_of(std::get<std::string>(text));
  for (const char* key : {"id", "source", "law", "operations", "family"}) {
    if (header[key].empty()) return FileProblem{patch_file + ":1:1: the header lacks '# " + key + ": …'"};
  }
  BugPatch bug{.id = header["id"], .source = header["source"], .law = header["law"], .family = header["family"],
               .patch_file = patch_file, .trace_file = {}};
  // "3" or "3 (with two CPUs)".
  const std::string& needed = header["operations"];
  std::from_chars(needed.data(), needed.data() + needed.size(), bug.operations);
  fs::path path(patch_file);
  if (bug.id != path.stem().string()) return FileProblem{patch_file + ":1:1: the header's id is " + in_quotes(bug.id)};
  fs::path trace = path;
  trace.replace_extension(".mmt");
  if (fs::exists(trace)) bug.trace_file = trace.string();
  return bug;
}

std::variant<std::vector<BugPatch>, FileProblem> read_bugs(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".patch") files.push_back(entry.path().string());
  }
  if (error) return FileProblem{folder + ": " + error.message()};
  std::sort(files.begin(), files.end());
  std::vector<BugPatch> bugs;
  for (const std::string& file : files) {
    auto bug = read_bug(file);
    if (auto* problem = std::get_if<FileProblem>(&bug)) return *problem;
    bugs.push_back(std::move(std::get<BugPatch>(bug)));
  }
  return bugs;
}

}  // namespace mmtwin::tools
