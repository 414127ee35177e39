// The bugs on purpose: corpora/bugs/<id>.patch with its header, and beside it the minimised trace that shows it.
//
// Laws: the one that each bug is expected to break. Context: values. Cost: one small file each. A header is lines
// `# id: …`, `# source: …`, `# law: …`, `# operations: …`, `# family: …` before the diff. It deliberately applies
// nothing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tools/host/files.h"

namespace mmtwin::tools {

struct BugPatch {
  std::string id;
  std::string source;  // a CVE, a commit, "class"
  std::string law;     // expected to break
  std::string family;
  std::uint64_t operations = 0;  // needed to show it
  std::string patch_file;
  std::string trace_file;  // empty: there is none
};

// "file:line: message" if a header is incomplete or the id is not the file's name.
std::variant<BugPatch, FileProblem> read_bug(const std::string& patch_file);
// All of FOLDER/*.patch, by id.
std::variant<std::vector<BugPatch>, FileProblem> read_bugs(const std::string& folder);

}  // namespace mmtwin::tools
