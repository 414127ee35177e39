// One mutant tried: built in a tree of its own, then played by campaigns until one of them finds it.
//
// Laws: all, broken on purpose. Context: a process for it, no threads; the work folder belongs to it alone. Cost: a
// compilation of what the mutant touches, a link, and campaigns bounded by operations and, as a safety, by seconds. The
// implementation's own asserts are off: only the judge, the laws, a crash or a hang find it. It deliberately minimises
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/bugs/bug_build.h"
#include "tools/mutants/mutation.h"

namespace mmtwin::tools {

enum class MutantVerdict : std::uint8_t {
  kJudge,       // an answer, an event or what an operation left behind was wrong
  kLaw,         // what must always hold did not
  kCrash,
  kHang,
  kSurvived,
  kEquivalent,  // the program is the same, byte for byte
  kNotBuilt,
  kFailed,      // the harness did; says nothing about the mutant
};
inline constexpr std::size_t kMutantVerdicts = 8;
std::string_view name_of(MutantVerdict verdict);
std::optional<MutantVerdict> mutant_verdict_named(std::string_view name);
// Compiles to another program, which was tried.
constexpr bool is_tried(MutantVerdict verdict) { return verdict <= MutantVerdict::kSurvived; }
constexpr bool is_found(MutantVerdict verdict) { return verdict < MutantVerdict::kSurvived; }

struct MutantReport {
  MutantVerdict verdict = MutantVerdict::kFailed;
  std::string law;               // that was broken; empty: none was named
  std::uint64_t operations = 0;  // of the campaigns, until it was found
  double seconds = 0;            // likewise
  std::string problem;           // of kFailed
};

struct TrialOptions {
  std::string source, work;
  std::uint64_t seed = 1;
  std::uint64_t operations = 0;
  double seconds = 0;  // of all campaigns together
};

class MutantTrial {
 public:
  MutantTrial(const TrialOptions& options, unsigned build_jobs);

  // The tree as it is, built and kept to compare with. Empty: done; else what is wrong.
  std::string prepare();
  // After `prepare`. Both limit the memory of the calling process and of what it starts, for good.
  MutantReport run_clean();
  MutantReport run(const Mutant& mutant);

 private:
  MutantReport play();

  TrialOptions options_;
  BugBuild build_;
  std::string clean_program_;
};

}  // namespace mmtwin::tools
