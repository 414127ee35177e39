#include <fmt/core.h>

#include <filesystem>
#include <string_view>

#include "tools/commands/commands.h"
#include "tools/commands/plugin_files.h"
#include "tools/host/files.h"
#include "vocab/wording.h"

namespace mmtwin::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMakefile = R"(# `make` builds allocator.so.
# `make check` lets mmtwin, which must be on the PATH, look for what is wrong in it.
MMTWIN ?= mmtwin
CFLAGS ?= -std=c11 -O2 -g -Wall -Wextra
SECONDS ?= 10

allocator.so: allocator.c mmtwin_plugin.h
	$(CC) $(CFLAGS) -shared -fPIC -o $@ $<

check: allocator.so
	$(MMTWIN) fuzz --sut=./allocator.so --seconds $(SECONDS)

clean:
	rm -f allocator.so

.PHONY: check clean
)";

struct NewFile {
  std::string_view name, text;
};
constexpr NewFile kFiles[] = {
    {"mmtwin_plugin.h", kPluginHeader}, {"allocator.c", kPluginSource}, {"Makefile", kMakefile}};

}  // namespace

ExitCode init_plugin(const InitOptions& options) {
  const fs::path folder(options.folder);
  std::error_code error;
  for (const NewFile& file : kFiles) {
    if (!fs::exists(folder / file.name, error)) continue;
    fmt::print(stderr, "{}: is there already; nothing was written\n", mentioned((folder / file.name).string()));
    return ExitCode::kUsage;
  }
  fs::create_directories(folder, error);
  if (error) {
    fmt::print(stderr, "{}: {}\n", mentioned(options.folder), error.message());
    return ExitCode::kUsage;
  }
  for (const NewFile& file : kFiles) {
    if (const auto problem = write_file((folder / file.name).string(), file.text)) {
      fmt::print(stderr, "{}\n", *problem);
      return ExitCode::kHarness;
    }
  }
  fmt::print("{}: a page allocator to start from; `make` there builds it, `make check` tries it\n",
             mentioned(options.folder));
  return ExitCode::kAgreed;
}

}  // namespace mmtwin::tools
