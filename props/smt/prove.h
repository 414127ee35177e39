// All theorems about the rules that run, and how to have them checked: what `mmtwin prove` calls.
//
// Laws: BUDDY, ZONE, PT, PERM and ISO where they rest on pure arithmetic. Context: `prove_all` starts its own threads
// and calls `on_result` under a lock. Cost: all of them within half a minute on two cores. It deliberately prints
// nothing.
#pragma once

#include <functional>
#include <vector>

#include "props/smt/theorem.h"

namespace mmtwin::smt {

// Every theorem, both geometries, in a fixed order; ids are unique.
std::vector<Theorem> all_theorems();

// Proves with `jobs` threads. Results come back in the order of `theorems`, `on_result` hears each as it is done. Once
// `is_cancelled` says so, which every thread asks before each query, no theorem is begun any more.
std::vector<TheoremResult> prove_all(const std::vector<Theorem>& theorems, unsigned jobs = 2,
                                     const std::function<void(const TheoremResult&)>& on_result = {},
                                     const std::function<bool()>& is_cancelled = {});

}  // namespace mmtwin::smt
