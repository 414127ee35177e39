// Runs a program on both machines for a property; a failure is minimised by our own minimiser and told as a trace.
//
// Laws: all that the model judges. Context: one thread. Cost: a run; machines are made once a process. RapidCheck only
// draws: it cannot shrink a sequence whose steps name each other (parameters.cc switches its shrinking off). It
// deliberately returns text instead of asserting, so that the property's sentence stays with the property.
#pragma once

#include <string>

#include "lockstep/run/run.h"
#include "vocab/program.h"

namespace mmtwin::props {

// The runner of this process over our own system.
lockstep::Runner& runner();

// "agreed", or the story of the minimised failure with its trace.
std::string agreement_on(const Program& program, const lockstep::RunOptions& options = {});

}  // namespace mmtwin::props
