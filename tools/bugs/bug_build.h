// A copy of the source tree with one bug in it, built: kept between bugs, so that only what a patch, or another text of
// a file, changes is compiled.
//
// Laws: none. Context: one process; the work folder belongs to it alone. Cost: the first build some minutes, each
// further bug the files it touches. The source tree itself is never written to. It deliberately runs nothing of what it
// builds.
#pragma once

#include <string>
#include <string_view>

#include "tools/bugs/bug_patch.h"

namespace mmtwin::tools {

struct BuildKind {
  std::string type = "RelWithDebInfo";
  std::string flags = {};  // of the compiler
  unsigned jobs = 0;       // processes; 0: as many as the machine has CPUs
};

class BugBuild {
 public:
  BugBuild(std::string source, std::string work, BuildKind kind = {})
      : source_(std::move(source)), work_(std::move(work)), kind_(std::move(kind)) {}

  // Each makes the copy equal to the source, but for what is said, and builds `mmtwin`. Empty: done; else what failed,
  // and the log.
  std::string build();
  std::string build(const BugPatch& bug);
  std::string build(const std::string& file, std::string_view text);
  std::string program() const { return work_ + "/build/bin/mmtwin"; }
  std::string log() const { return work_ + "/build.log"; }

 private:
  std::string copy_tree();
  std::string apply(const BugPatch& bug);
  std::string configure();
  std::string compile();

  std::string source_, work_;
  BuildKind kind_;
};

}  // namespace mmtwin::tools
