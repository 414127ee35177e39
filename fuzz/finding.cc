#include "fuzz/finding.h"

#include <cstdio>
#include <cstdlib>

namespace mmtwin::fuzz {
namespace {

AfterFinding after_finding = [] { std::abort(); };

}  // namespace

void set_after_finding(AfterFinding what) { after_finding = what; }

void report_finding(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::fflush(stderr);
  after_finding();
}

}  // namespace mmtwin::fuzz
