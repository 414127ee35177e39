// Operations, answers and events in plain sentences, for people who read a trace to understand a bug.
//
// Laws: none. Context: pure functions. Cost: small strings. One sentence each, present tense, with the handles and
// numbers of the trace. It deliberately judges nothing: findings speak for themselves.
#pragma once

#include <string>

#include "vocab/events.h"
#include "vocab/observations.h"
#include "vocab/operations.h"

namespace mmtwin::tools {

std::string in_words(const Operation& operation);
std::string in_words(const Event& event);
// What the system answered to that operation.
std::string in_words(const Operation& operation, const Response& response);

}  // namespace mmtwin::tools
