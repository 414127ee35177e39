// A recording played on the contract: what existed before each step, if all that was recorded is true.
//
// Laws: none; nothing is judged here. Context: one thread. Cost: that of the contract. What nobody recorded is answered
// as plainly as the contract allows. It deliberately adopts a mapping that may not be where it was
// answered; any other wrong answer changes nothing.
#pragma once

#include <cstdint>
#include <string>

#include "model/contract/contract.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

// The operation is done, if it is applicable: with that answer if there is one, else as plainly as may
// be.
void play_answered(model::Contract& contract, const Operation& operation, const Response* answer);
// The contract has played all steps before this one.
void play_recorded(model::Contract& contract, const Program& program, std::uint64_t step);

// All that decides whether the recorded answer of the step is right, in words: the operation, what was answered, and
// what its space held where the operation looks. Programs that agree in this show the same wrong answer.
std::string what_was_answered(const Program& program, std::uint64_t step);

// Answers that the program takes for granted: those said to be assumed, and ranges that exist without a word of the
// recording.
std::uint64_t answers_assumed(const Program& program);

}  // namespace mmtwin::lockstep
