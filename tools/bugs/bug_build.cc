#include "tools/bugs/bug_build.h"

#include <filesystem>
#include <set>

#include "tools/host/subprocess.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;
// What `mmtwin` is built from.
constexpr const char* kFolders[] = {"vocab", "model", "impl", "lockstep", "props", "tools", "cmake", "examples"};
constexpr const char* kBuiltFolders = "vocab;model;impl;lockstep;props;tools";

bool is_same(const fs::path& a, const fs::path& b) {
  std::error_code error;
  if (fs::file_size(a, error) != fs::file_size(b, error) || error) return false;
  auto one = read_file(a.string()), other = read_file(b.string());
  return std::holds_alternative<std::string>(one) && one.index() == other.index() &&
         std::get<std::string>(one) == std::get<std::string>(other);
}

// Files that are equal keep their time, so that the build leaves them alone.
void copy_file_if_changed(const fs::path& from, const fs::path& to) {
  if (fs::exists(to) && is_same(from, to)) return;
  fs::create_directories(to.parent_path());
  fs::copy_file(from, to, fs::copy_options::overwrite_existing);
}

void copy_folder(const fs::path& from, const fs::path& to) {
  std::set<fs::path> wanted;
  for (const auto& entry : fs::recursive_directory_iterator(from)) {
    if (!entry.is_regular_file()) continue;
    fs::path name = fs::relative(entry.path(), from);
    wanted.insert(name);
    copy_file_if_changed(entry.path(), to / name);
  }
  std::vector<fs::path> stale;
  for (const auto& entry : fs::recursive_directory_iterator(to)) {
    if (entry.is_regular_file() && !wanted.contains(fs::relative(entry.path(), to))) stale.push_back(entry.path());
  }
  for (const fs::path& path : stale) fs::remove(path);
}

}  // namespace

std::string BugBuild::copy_tree() {
  try {
    fs::path tree = fs::path(work_) / "tree";
    for (const char* folder : kFolders) copy_folder(fs::path(source_) / folder, tree / folder);
    copy_file_if_changed(fs::path(source_) / "CMakeLists.txt", tree / "CMakeLists.txt");
  } catch (const fs::filesystem_error& error) {
    return error.what();
  }
  return {};
}

// git would take the copy for a part of the repository around it, were it not told where to stop looking for one.
std::string BugBuild::apply(const BugPatch& bug) {
  std::string tree = fs::absolute(work_ + "/tree").string(), patch = fs::absolute(bug.patch_file).string();
  Command command{.words = {"git", "apply", "--whitespace=nowarn", patch}, .folder = tree, .output_file = log()};
  if (has_program("patch")) command.words = {"patch", "-p1", "-s", "--no-backup-if-mismatch", "-i", patch};
  command.output_file = fs::absolute(log()).string();
  command.environment = {{"GIT_CEILING_DIRECTORIES", fs::absolute(work_).string()}};
  return run_command(command).succeeded() ? "" : "the patch does not apply; see " + log();
}

std::string BugBuild::configure() {
  std::string build = work_ + "/build";
  if (fs::exists(build + "/build.ninja")) return {};
  Command command{
      .words = {"cmake", "-S", work_ + "/tree", "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=" + kind_.type,
                "-DCMAKE_CXX_FLAGS=" + kind_.flags, "-DBUILD_TESTING=OFF",
                std::string("-DMMTWIN_FOLDERS=") + kBuiltFolders},
      .output_file = log()};
  if (has_program("clang++-19")) command.words.push_back("-DCMAKE_CXX_COMPILER=clang++-19");
  return run_command(command).succeeded() ? "" : "the build cannot be configured; see " + log();
}

std::string BugBuild::compile() {
  if (std::string problem = configure(); !problem.empty()) return problem;
  Command command{.words = {"cmake", "--build", work_ + "/build", "--target", "mmtwin"}, .output_file = log()};
  if (kind_.jobs != 0) command.words.insert(command.words.end(), {"--parallel", std::to_string(kind_.jobs)});
  command.environment = {{"CCACHE_BASEDIR", fs::absolute(work_).string()}, {"CCACHE_NOHASHDIR", "1"}};
  return run_command(command).succeeded() ? "" : "it does not build; see " + log();
}

std::string BugBuild::build() {
  if (std::string problem = copy_tree(); !problem.empty()) return problem;
  return compile();
}

std::string BugBuild::build(const BugPatch& bug) {
  if (std::string problem = copy_tree(); !problem.empty()) return problem;
  if (std::string problem = apply(bug); !problem.empty()) return problem;
  return compile();
}

std::string BugBuild::build(const std::string& file, std::string_view text) {
  if (std::string problem = copy_tree(); !problem.empty()) return problem;
  if (auto problem = write_file(work_ + "/tree/" + file, text)) return *problem;
  return compile();
}

}  // namespace mmtwin::tools
