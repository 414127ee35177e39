#include "lockstep/traces/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "vocab/wording.h"

namespace mmtwin::lockstep {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kMode = 0666;  // what the user's mask leaves of it
constexpr unsigned kMostNumbers = 1'000'000;

std::string problem_of(const fs::path& file) { return mentioned(file.string()) + ": " + std::strerror(errno); }

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// The content, on the file system of its later name but without one; or, where there are no such files, with a name
// that says what it is.
class Unnamed {
 public:
  Unnamed(const fs::path& file, std::string_view content) {
    const fs::path folder = folder_of(file);
    beside_ = folder / ("." + file.filename().string() + ".unfinished." + std::to_string(::getpid()));
    descriptor_ = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kMode);
    if (descriptor_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
      is_named_ = true;
      descriptor_ = ::open(beside_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, kMode);
    }
    is_good_ = descriptor_ >= 0 && write_all(descriptor_, content);
  }
  ~Unnamed() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (is_named_) ::unlink(beside_.c_str());
  }
  Unnamed(const Unnamed&) = delete;
  Unnamed& operator=(const Unnamed&) = delete;

  bool is_good() const { return is_good_; }  // else errno says why

  // False, and errno EEXIST, if something has that name.
  bool link_as(const fs::path& name) const {
    const std::string here = is_named_ ? beside_.string() : "/proc/self/fd/" + std::to_string(descriptor_);
    return ::linkat(AT_FDCWD, here.c_str(), AT_FDCWD, name.c_str(), is_named_ ? 0 : AT_SYMLINK_FOLLOW) == 0;
  }
  // A link replaces nothing, a rename does.
  bool rename_to(const fs::path& name) {
    if (!is_named_) {
      ::unlink(beside_.c_str());
      if (!link_as(beside_)) return false;
      is_named_ = true;
    }
    if (std::rename(beside_.c_str(), name.c_str()) != 0) return false;
    is_named_ = false;
    return true;
  }

 private:
  fs::path beside_;
  int descriptor_ = -1;
  bool is_named_ = false;
  bool is_good_ = false;
};

}  // namespace

std::optional<std::string> replace_file(const fs::path& file, std::string_view content) {
  Unnamed written(file, content);
  if (written.is_good() && written.rename_to(file)) return std::nullopt;
  return problem_of(file);
}

CreatedFile create_file(const fs::path& file, std::string_view content) {
  const Unnamed written(file, content);
  if (!written.is_good()) return {file, problem_of(file)};
  fs::path name = file;
  for (unsigned number = 2; !written.link_as(name); ++number) {
    if (errno != EEXIST || number > kMostNumbers) return {name, problem_of(name)};
    name = folder_of(file) / (file.stem().string() + "-" + std::to_string(number) + file.extension().string());
    if (!file.has_parent_path()) name = name.filename();
  }
  return {std::move(name), ""};
}

std::optional<std::string> folder_problem(const fs::path& folder) {
  // A page of it, so that a file system that is full says so.
  const Unnamed written(folder / "probe", std::string(4096, '\n'));
  if (written.is_good()) return std::nullopt;
  return problem_of(folder);
}

}  // namespace mmtwin::lockstep
