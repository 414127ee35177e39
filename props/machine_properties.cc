#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "props/agreement.h"
#include "props/arbitrary.h"
#include "vocab/operations.h"

namespace mmtwin::props {
namespace {

using lockstep::RunOptions;
using lockstep::RunOutcome;
using lockstep::Verdict;

void must_agree(const Program& program, const RunOptions& options = {}) {
  const std::string verdict = agreement_on(program, options);
  if (verdict != "agreed") RC_FAIL(verdict);
}

RunOutcome digested(const Program& program, lockstep::Runner& on) {
  RunOptions options;
  options.digests = true;
  return on.run(program, options);
}

std::vector<ZoneObservation> zones_now(const MachineDescription& machine) {
  std::vector<ZoneObservation> zones;
  for (unsigned node = 0; node < machine.nodes; ++node) {
    for (unsigned kind = 0; kind < kZoneKinds; ++kind) {
      if (machine.node[node].zones[kind].count.raw() == 0) continue;
      zones.push_back(runner().system().zone(NodeId(node), static_cast<ZoneKind>(kind)));
    }
  }
  return zones;
}

std::uint64_t frames_free(const std::vector<ZoneObservation>& zones) {
  std::uint64_t sum = 0;
  for (const ZoneObservation& zone : zones) sum += zone.free.raw();
  return sum;
}

RC_GTEST_PROP(Machines, AgreeOnEveryAimedProgram, ()) {
  const Program program = *aimed_program(150);
  must_agree(program);
}

RC_GTEST_PROP(Machines, AgreeOnEveryByteString, ()) {
  const Program program = *any_program(800);
  must_agree(program);
}

RC_GTEST_PROP(Machines, AgreeWhenEveryStepIsAudited, ()) {
  const Program program = *aimed_program(40);
  RunOptions options;
  options.audit_every = 1;
  must_agree(program, options);
}

RC_GTEST_PROP(Machines, AnswerTheSameWhateverRanBefore, ()) {
  const Program program = *aimed_program(60);
  const RunOutcome first = digested(program, runner());
  digested(*aimed_program(60), runner());
  const RunOutcome again = digested(program, runner());
  RC_ASSERT(first.answers == again.answers);
  RC_ASSERT(first.events == again.events);
}

// A cache may keep one empty slab.
RC_GTEST_PROP(Machines, AreAsAfterBootButForEmptySlabsOnceEverythingIsGivenBack, ()) {
  const Program program = *aimed_program(100);
  Program nothing;
  nothing.machine = program.machine;
  must_agree(nothing);
  const std::uint64_t at_boot = frames_free(zones_now(program.machine));
  must_agree(program);
  RC_ASSERT(frames_free(zones_now(program.machine)) + kCacheNames.size() >= at_boot);
}

// Every request of the last operation fails once, first to tenth: what is left is what the refusal's class names.
RC_GTEST_PROP(Machines, KeepTheRefusalClassWhicheverRequestFails, ()) {
  const Program program = *aimed_program(40);
  const Operation last = program.operations.back();
  for (std::uint64_t n = 1; n <= 10; ++n) {
    Program failing = program;
    failing.operations.pop_back();
    failing.operations.emplace_back(FailNext{{}, Count(n)});
    failing.operations.push_back(last);
    failing.operations.emplace_back(FailNext{{}, Count(0)});
    failing.operations.push_back(last);
    must_agree(failing);
  }
}

RC_GTEST_PROP(Machines, LoseNoFrameWhenARefusalIsRepeated, ()) {
  Program program = *aimed_program(30);
  const Operation last = program.operations.back();
  for (unsigned i = 0; i < 100; ++i) {
    program.operations.emplace_back(FailNext{{}, Count(1 + i % 3)});
    program.operations.push_back(last);
  }
  must_agree(program);
}

}  // namespace
}  // namespace mmtwin::props
