// Which mutants of a source tree are tried, and in which order.
//
// Laws: none. Context: values; the tree is read once. Cost: some megabytes of text. The same seed on the same tree
// gives the same mutants: places are drawn, none twice, then one of the changes that are possible there, so that a
// constant with four neighbours is not four times as likely as a sign. It deliberately leaves out the version of the
// platform for threads, which no lockstep build contains.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "tools/host/files.h"
#include "tools/mutants/mutation.h"

namespace mmtwin::tools {

// Those of SOURCE/impl, by file and place. `only`: a shell's pattern for "impl/…"; empty: all.
std::variant<std::vector<Mutant>, FileProblem> all_mutants(const std::string& source, const std::string& only);
// One of each place, in random order.
std::vector<Mutant> draw(const std::vector<Mutant>& all, std::uint64_t seed);
// Those whose ids begin the lines of the text, in the order of the lines; an id that there is none of is a problem.
std::variant<std::vector<Mutant>, FileProblem> pick(const std::vector<Mutant>& all, const std::string& lines);

}  // namespace mmtwin::tools
