// Accesses that a recording does not show but its lists of ranges betray: whether Linux merges neighbours depends on
// the families that stores make (docs/RULES.md, "Merging"), and a log of system calls has no stores.
//
// Laws: VMA-2. Context: one thread. Cost: one run of the model's range rules per guess, bounded by a budget of steps.
// Where the recorded list is not the one that the calls alone lead to, a store beside the boundary in question is
// looked for, as late as possible first, then before a fork, then early; it is kept if the list then fits and no
// earlier one breaks. What nothing explains stays a mismatch, or is adopted if the space had calls that the machine
// lacks. It deliberately removes no call and changes no answer.
#pragma once

#include <cstdint>
#include <set>

#include "tools/import/imported.h"

namespace mmtwin::tools {

// `beyond`: the spaces, by the step that made them, that had calls which the machine lacks: their ranges may carry
// attributes that no step can give them. Counts additions "touches", "assumed", "unexplained".
void explain_by_touches(Imported& imported, const std::set<std::uint64_t>& beyond);

}  // namespace mmtwin::tools
