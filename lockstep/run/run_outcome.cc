// What a run came to, in words that need no operation.
#include <numeric>

#include "lockstep/run/run.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {

std::uint64_t RunOutcome::skipped_total() const {
  return std::accumulate(skipped.begin(), skipped.end(), std::uint64_t{0});
}

void RunOutcome::set_operation(const Operation& at) {
  operation = print(at);
  operation_name = name_of(at);
}

}  // namespace mmtwin::lockstep
