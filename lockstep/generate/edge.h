// Edges: the place or the length of an operation moved to where its answer changes, or what becomes of its space's
// list.
//
// Laws: none; the contract says what changes. Context: one thread. Cost: half a dozen questions to the contract, each
// undone. A border between two ranges, a page that is missing, a neighbour to merge with, a cap about to be met: nobody
// lists them here. It deliberately moves one field of one operation.
#pragma once

#include "lockstep/generate/foresight.h"
#include "lockstep/random.h"

namespace mmtwin::lockstep {

// The operation is applicable. It stays as it is where nothing changes nearby.
void move_to_edge(Operation& operation, Foresight& known, Random& random);

}  // namespace mmtwin::lockstep
