// A copy of the source tree with one bug in it, built: kept between bugs, so that only what a patch changes is
// compiled.
//
// Laws: none. Context: one process; the work folder belongs to it alone. Cost: the first build some minutes, each
// further bug the files it touches. The source tree itself is never written to. It deliberately runs nothing of what it
// builds.
#pragma once

#include <string>

#include "tools/bug_patch.h"

namespace mmtwin::tools {

class BugBuild {
 public:
  BugBuild(std::string source, std::string work) : source_(std::move(source)), work_(std::move(work)) {}

  // Makes the copy equal to the source, applies the patch, builds `mmtwin`. Empty: done; else what failed, and the log.
  std::string build(const BugPatch& bug);
  std::string program() const { return work_ + "/build/bin/mmtwin"; }
  std::string log() const { return work_ + "/build.log"; }

 private:
  std::string copy_tree();
  std::string apply(const BugPatch& bug);
  std::string configure();

  std::string source_, work_;
};

}  // namespace mmtwin::tools
