// What a campaign plays and with which weights, from the words of a command line.
//
// Laws: none. Context: values. Cost: none. It deliberately knows only families of operations, as the generator does.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lockstep/generate/generate.h"

namespace mmtwin::tools {

// "pages=4,space=2": the families named get that weight, the others keep theirs. nullopt: done; else what is wrong.
std::optional<std::string> set_weights(std::string_view words, lockstep::FamilyWeights& weights);

// "machine" (all), "pages" (page frames and failures), "spaces" (no page frames). nullopt: done; else what is wrong.
std::optional<std::string> set_target(std::string_view target, lockstep::GenerateOptions& options);

}  // namespace mmtwin::tools
