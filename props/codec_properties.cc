#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "props/arbitrary.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"

namespace mmtwin::props {
namespace {

RC_GTEST_PROP(Codecs, WhatIsPrintedReadsAsItself, ()) {
  const Program program = *any_program(400);
  const std::string text = print(program);
  const Parsed<Program> parsed = parse_program(text);
  RC_ASSERT(parsed.ok());
  RC_ASSERT(same(parsed.value(), program));
  RC_ASSERT(print(parsed.value()) == text);
}

RC_GTEST_PROP(Codecs, WhatIsEncodedDecodesToItself, ()) {
  const Program program = *aimed_program(80);
  Program decoded;
  decode(encode(program), decoded);
  RC_ASSERT(same(decoded, program));
}

RC_GTEST_PROP(Codecs, EveryByteStringIsAProgramInBounds, ()) {
  Program program;
  decode(*any_bytes(600), program);
  RC_ASSERT(in_bounds(program));
}

RC_GTEST_PROP(Codecs, DecodingDoesNotDependOnWhatWasDecodedBefore, ()) {
  Program fresh, used = *aimed_program(40);
  const std::vector<std::uint8_t> bytes = *any_bytes(300);
  decode(bytes, fresh);
  decode(bytes, used);
  RC_ASSERT(same(fresh, used));
}

// Handles are names: what is left of a program still means the same things.
RC_GTEST_PROP(Codecs, DeletingAnOperationLeavesTheTextOfTheOthers, ()) {
  const Program program = *aimed_program(40);
  const std::size_t gone = *rc::gen::inRange<std::size_t>(0, program.operations.size());
  Program rest = program;
  rest.operations.erase(rest.operations.begin() + static_cast<std::ptrdiff_t>(gone));
  Program decoded;
  decode(encode(rest), decoded);
  RC_ASSERT(decoded.operations.size() + 1 == program.operations.size());
  for (std::size_t i = 0; i < decoded.operations.size(); ++i) {
    RC_ASSERT(print(decoded.operations[i]) == print(program.operations[i + (i >= gone)]));
  }
}

}  // namespace
}  // namespace mmtwin::props
