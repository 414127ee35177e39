// Operations, answers and events in plain sentences, and ranges as /proc/PID/maps shows them, for people who read a
// trace to understand a bug.
//
// Laws: none. Context: pure functions. Cost: small strings. One sentence each, present tense, with the handles and
// numbers of the trace. It deliberately judges nothing: findings speak for themselves.
#pragma once

#include <string>

#include "vocab/events.h"
#include "vocab/responses.h"

namespace mmtwin {
struct Operation;  // vocab/operations.h
}  // namespace mmtwin

namespace mmtwin::tools {

std::string in_words(const Operation& operation);
std::string in_words(const Event& event);
// What the system answered to that operation.
std::string in_words(const Operation& operation, const Response& response);
// start-end rights offset, all hexadecimal; of a file: its number too. What Linux keeps but does not show there (the
// offset of anonymous memory, accounting, flags but for sharing) is left out.
std::string maps_line(const RangeObservation& range);

}  // namespace mmtwin::tools
