// A finding: what a judge has against the system under test.
#pragma once

#include <string>
#include <string_view>

#include "model/laws.h"

namespace mmtwin::model {

// A law broken, or an answer that differs from every allowed one.
struct Finding {
  Law law{};
  std::string_view field;  // first differing field, a name from the vocabulary
  std::string expected;    // what the model allows, in words
  std::string actual;      // what the system did
};

}  // namespace mmtwin::model
