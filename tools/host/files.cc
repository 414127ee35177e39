#include "tools/host/files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>
#include <utility>

#include "lockstep/traces/whole_file.h"
#include "tools/import/log_scanner.h"
#include "vocab/bytes.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

constexpr std::string_view kTextMagic = "mmtwin ";
struct Closer {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

namespace fs = std::filesystem;

std::string problem_of(const std::string& name) { return mentioned(name) + ": " + std::strerror(errno); }

bool write_to(const std::string& name, std::string_view content) {
  std::unique_ptr<std::FILE, Closer> file(std::fopen(name.c_str(), "wb"));
  if (!file) return false;
  const bool is_written = std::fwrite(content.data(), 1, content.size(), file.get()) == content.size();
  return std::fclose(file.release()) == 0 && is_written;
}

// Devices, pipes and links are written to, never replaced: who is root would turn /dev/null into a file.
bool is_replaceable(const std::string& name) {
  std::error_code ignored;
  const fs::file_type type = fs::symlink_status(name, ignored).type();
  return type == fs::file_type::regular || type == fs::file_type::not_found;
}

}  // namespace

std::variant<std::string, FileProblem> read_file(const std::string& name) {
  bool is_input = name == "-";
  std::error_code ignored;
  if (!is_input && fs::is_directory(name, ignored)) return FileProblem{mentioned(name) + ": is a directory"};
  std::unique_ptr<std::FILE, Closer> owned(is_input ? nullptr : std::fopen(name.c_str(), "rb"));
  std::FILE* file = is_input ? stdin : owned.get();
  if (!file) return FileProblem{problem_of(name)};
  std::string content;
  char buffer[1 << 16];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, file)) != 0;) {
    content.append(buffer, got);
    if (content.size() > kMaxLogBytes) {
      return FileProblem{mentioned(name) + ": more than " + std::to_string(kMaxLogBytes) + " bytes"};
    }
  }
  if (std::ferror(file) != 0) return FileProblem{problem_of(name)};
  return content;
}

std::optional<std::string> write_file(const std::string& name, std::string_view content) {
  if (name.empty() || name == "-") {
    bool is_written = std::fwrite(content.data(), 1, content.size(), stdout) == content.size();
    return is_written && std::fflush(stdout) == 0 ? std::nullopt : std::optional(problem_of("standard output"));
  }
  if (!is_replaceable(name)) return write_to(name, content) ? std::nullopt : std::optional(problem_of(name));
  return lockstep::replace_file(name, content);
}

std::optional<std::string> output_problem(const std::string& name) {
  if (name.empty() || name == "-") return std::nullopt;
  std::error_code ignored;
  if (fs::is_directory(name, ignored)) return mentioned(name) + ": is a folder";
  std::error_code error;  // a name that is too long, say
  if (fs::symlink_status(name, error).type() == fs::file_type::none) return mentioned(name) + ": " + error.message();
  if (!is_replaceable(name)) return std::nullopt;
  const fs::path folder = fs::path(name).parent_path();
  return lockstep::folder_problem(folder.empty() ? "." : folder);
}

std::variant<lockstep::Trace, FileProblem> read_program(const std::string& name, Form form) {
  auto content = read_file(name);
  if (auto* problem = std::get_if<FileProblem>(&content)) return *problem;
  const std::string& text = std::get<std::string>(content);
  if (form == Form::kDetect) form = text.starts_with(kTextMagic) ? Form::kText : Form::kBytes;
  if (form == Form::kText) {
    auto parsed = lockstep::parse_trace(text, name);
    if (auto* error = std::get_if<lockstep::TraceError>(&parsed)) return FileProblem{error->print()};
    return std::move(std::get<lockstep::Trace>(parsed));
  }
  lockstep::Trace trace;
  decode(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()), trace.program);
  return trace;
}

std::variant<std::vector<NamedProgram>, FileProblem> read_corpus(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    if (entry.is_regular_file() && entry.path().extension() == ".mmt") files.push_back(entry.path().string());
  }
  if (error) return FileProblem{folder + ": " + error.message()};
  std::sort(files.begin(), files.end());
  std::vector<NamedProgram> programs;
  for (const std::string& file : files) {
    auto read = read_program(file, Form::kText);
    if (auto* problem = std::get_if<FileProblem>(&read)) return *problem;
    programs.push_back({file, std::move(std::get<lockstep::Trace>(read).program)});
  }
  return programs;
}

}  // namespace mmtwin::tools
