// RapidCheck's parameters for this program, set before its first property: no shrinking (our minimiser does it), and
// the seed of MMTWIN_SEED if there is one. RC_PARAMS still adds to them and wins.
#include <cstdlib>
#include <string>

namespace {

[[maybe_unused]] const bool are_set = [] {
  std::string parameters = "noshrink=1";
  if (const char* seed = std::getenv("MMTWIN_SEED")) parameters += std::string(" seed=") + seed;
  if (const char* given = std::getenv("RC_PARAMS")) parameters += std::string(" ") + given;
  return setenv("RC_PARAMS", parameters.c_str(), 1) == 0;
}();

}  // namespace
