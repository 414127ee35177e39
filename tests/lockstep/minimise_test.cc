#include "lockstep/minimise/minimise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lockstep/minimise/reductions.h"
#include "lockstep/random.h"
#include "lockstep/reports/divergence.h"
#include "tests/lockstep/fake_system.h"
#include "tests/lockstep/one_operation.h"
#include "tests/lockstep/programs.h"
#include "vocab/kinds.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

const Signature kWanted{"FRAME-1", "pages_free", "state"};

Program small_program() { return program_of("small", {}); }

Operation alloc(unsigned handle, unsigned order = 0) {
  return op("pages_alloc order=" + std::to_string(order) + " gfp=wait -> b" + std::to_string(handle));
}
Operation free_of(unsigned handle) { return op("pages_free block=b" + std::to_string(handle)); }
Operation create(unsigned handle) { return op("space_create -> p" + std::to_string(handle)); }
Operation map(unsigned space, std::uint64_t at, std::uint64_t length) {
  return op("range_map_anon space=p" + std::to_string(space) + " at=" + std::to_string(at) +
            " length=" + std::to_string(length) + " prot=rw flags=fixed");
}
Operation store(unsigned space, std::uint64_t at) {
  return op("memory_store space=p" + std::to_string(space) + " at=" + std::to_string(at) + " value=65");
}

// Fails at the step where the last of the wanted kinds has appeared, in this order.
template <class... Kinds>
Probe fails_after_kinds_in_order() {
  return [](const Program& program) -> std::optional<Failure> {
    const std::size_t wanted[] = {kKindOf<Kinds>...};
    std::size_t next = 0;
    for (std::size_t i = 0; i < program.operations.size(); ++i) {
      if (program.operations[i].index() == wanted[next] && ++next == std::size(wanted)) return Failure{kWanted, i + 1};
    }
    return std::nullopt;
  };
}

Program noise(std::size_t count, std::uint64_t seed) {
  Program program = small_program();
  Random random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    const auto handle = static_cast<unsigned>(random.between(1, 12));
    switch (random.below(4)) {
      case 0: program.operations.push_back(alloc(handle, static_cast<unsigned>(random.below(4)))); break;
      case 1: program.operations.push_back(free_of(handle)); break;
      case 2: program.operations.push_back(create(handle)); break;
      default: program.operations.push_back(map(handle, 0x10000 + random.below(64) * kPageBytes, 0x3000)); break;
    }
  }
  return program;
}

// What happens in a child's child may happen in the first space as well, and then nobody need be forked.
TEST(Minimise, WhatIsDoneToADescendantIsDoneToTheFirstSpace) {
  Program program = small_program();
  program.operations = {create(1), op("space_fork space=p1 -> p2"), op("space_fork space=p2 -> p3"),
                        map(3, 0x10000, kPageBytes), store(3, 0x10000)};
  const Probe maps_then_stores = [](const Program& candidate) -> std::optional<Failure> {
    std::set<unsigned> alive, mapped;
    for (std::size_t i = 0; i < candidate.operations.size(); ++i) {
      const Operation& operation = candidate.operations[i];
      if (const auto* made = std::get_if<SpaceCreate>(&operation)) alive.insert(made->result.number());
      if (const auto* fork = std::get_if<SpaceFork>(&operation)) {
        if (alive.contains(fork->space.number())) alive.insert(fork->result.number());
      }
      if (const auto* mapping = std::get_if<RangeMapAnon>(&operation)) {
        if (alive.contains(mapping->space.number())) mapped.insert(mapping->space.number());
      }
      if (const auto* stored = std::get_if<MemoryStore>(&operation)) {
        if (mapped.contains(stored->space.number())) return Failure{kWanted, i + 1};
      }
    }
    return std::nullopt;
  };
  const Minimised result = minimise(program, maps_then_stores);
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 3u) << print(result.program);
}

TEST(Minimise, TwoThousandOperationsShrinkToTheThreeThatAreNeeded) {
  Program program = noise(2000, 7);
  program.operations[600] = op("cpu=1 pages_drain_cpu target=1");
  program.operations[1100] = op("cpu=1 fail_next n=9");
  program.operations[1700] = op("cpu=1 cpu_flush_space");
  const Probe probe = fails_after_kinds_in_order<PagesDrainCpu, FailNext, CpuFlushSpace>();
  const Minimised result = minimise(program, probe);
  EXPECT_TRUE(result.fails);
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.before, 2000u);
  EXPECT_EQ(result.after, 3u) << print(result.program);
  EXPECT_LT(result.seconds, 5.0);
  EXPECT_EQ(result.step, 3u);
  EXPECT_TRUE(same(result.program.operations[0], op("pages_drain_cpu")));
  EXPECT_TRUE(same(result.program.operations[1], op("fail_next")));
}

TEST(Minimise, WhatFollowsTheFailureGoesFirst) {
  Program program = noise(1000, 3);
  program.operations[4] = CpuFlushSpace{};
  std::vector<std::size_t> sizes;
  const Probe inner = fails_after_kinds_in_order<CpuFlushSpace>();
  const Probe probe = [&](const Program& candidate) {
    sizes.push_back(candidate.operations.size());
    return inner(candidate);
  };
  EXPECT_TRUE(minimise(program, probe).minimal);
  ASSERT_GE(sizes.size(), 2u);
  EXPECT_LE(sizes[1], 5u);
}

TEST(Minimise, PausesGoFirst) {
  Program program = noise(100, 3);
  for (Operation& operation : program.operations)
    std::visit([](auto& op) { op.pause.value() = {Point::kZoneTake, 1}; }, operation);
  program.operations[50] = CpuFlushSpace{};
  std::vector<bool> has_pauses;
  const Probe inner = fails_after_kinds_in_order<CpuFlushSpace>();
  const Probe probe = [&](const Program& candidate) {
    has_pauses.push_back(std::any_of(candidate.operations.begin(), candidate.operations.end(),
                                     [](const Operation& o) { return !pause_of(o).is_none(); }));
    return inner(candidate);
  };
  EXPECT_TRUE(minimise(program, probe).minimal);
  ASSERT_GE(has_pauses.size(), 3u);
  EXPECT_TRUE(has_pauses[0]);
  EXPECT_EQ(std::count(has_pauses.begin() + 1, has_pauses.end(), true), 0);
}

// Only while the second store pauses does it fail: that pause stays, its number as low as it may be.
TEST(Minimise, APauseThatIsNeededStays) {
  Program program = noise(20, 3);
  program.operations[5] = SlabShrink{.cpu = {}, .pause = Pause{Point::kSlabTake, 5}};
  program.operations[9] = SlabShrink{.cpu = {}, .pause = Pause{Point::kSlabTake, 7}};
  const Probe probe = [](const Program& candidate) -> std::optional<Failure> {
    for (std::size_t i = 0; i < candidate.operations.size(); ++i) {
      const Pause pause = pause_of(candidate.operations[i]);
      if (pause.point == Point::kSlabTake && pause.nth >= 3)
        return Failure{Signature{}, i + 1};
    }
    return std::nullopt;
  };
  const Minimised result = minimise(program, probe);
  EXPECT_TRUE(result.minimal);
  ASSERT_EQ(result.program.operations.size(), 1u);
  EXPECT_EQ(pause_of(result.program.operations[0]).nth, 3u);
}

TEST(Minimise, AProgramThatAgreesIsLeftAlone) {
  const Minimised result = minimise(noise(20, 1), [](const Program&) { return std::optional<Failure>(); });
  EXPECT_FALSE(result.fails);
  EXPECT_FALSE(result.minimal);
  EXPECT_EQ(result.executions, 1u);
  EXPECT_EQ(result.after, 20u);
}

// Fails iff some block stays allocated: no single alloc or free of the others can go alone, only the pair.
TEST(Minimise, PairsThatCancelOutGoTogether) {
  const Probe one_left = [](const Program& program) -> std::optional<Failure> {
    std::set<unsigned> live;
    for (const Operation& operation : program.operations) {
      if (const auto* a = std::get_if<PagesAlloc>(&operation)) {
        if (!live.insert(a->result.number()).second) return std::nullopt;
      } else if (const auto* f = std::get_if<PagesFree>(&operation)) {
        if (live.erase(f->block.number()) == 0) return std::nullopt;
      }
    }
    if (live.size() != 1) return std::nullopt;
    return Failure{kWanted, program.operations.size()};
  };
  Program program = small_program();
  for (unsigned i = 1; i <= 40; ++i) program.operations.push_back(alloc(i));
  for (unsigned i = 2; i <= 40; ++i) program.operations.push_back(free_of(i));
  const Minimised result = minimise(program, one_left);
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 1u) << print(result.program);
}

TEST(Minimise, AHandleChainStaysWhole) {
  // A store into a mapping of a space that exists, seen by a small interpreter of handles.
  const Probe probe = [](const Program& program) -> std::optional<Failure> {
    std::set<unsigned> spaces, mapped;
    for (std::size_t i = 0; i < program.operations.size(); ++i) {
      if (const auto* c = std::get_if<SpaceCreate>(&program.operations[i])) spaces.insert(c->result.number());
      if (const auto* m = std::get_if<RangeMapAnon>(&program.operations[i])) {
        if (spaces.contains(m->space.number()) && m->length.raw() != 0) mapped.insert(m->space.number());
      }
      if (const auto* s = std::get_if<MemoryStore>(&program.operations[i])) {
        if (mapped.contains(s->space.number())) return Failure{kWanted, i + 1};
      }
    }
    return std::nullopt;
  };
  Program program = noise(300, 11);
  program.operations.push_back(create(77));
  program.operations.push_back(map(77, 0x40000, 0x9000));
  program.operations.push_back(store(77, 0x41234));
  const Minimised result = minimise(program, probe);
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 3u) << print(result.program);
  EXPECT_TRUE(same(result.program.operations[0], op("space_create -> p1")));
}

TEST(Minimise, ArgumentsStopAtTheLeastThatStillFails) {
  const Probe probe = [](const Program& program) -> std::optional<Failure> {
    for (std::size_t i = 0; i < program.operations.size(); ++i) {
      const auto* m = std::get_if<RangeMapAnon>(&program.operations[i]);
      if (m && m->length.raw() >= 0x5000 && m->prot.has(kProtWrite)) return Failure{kWanted, i + 1};
    }
    return std::nullopt;
  };
  Program program = small_program();
  program.operations.push_back(map(9, 0x345678, 0x12345));
  const Minimised result = minimise(program, probe);
  ASSERT_EQ(result.after, 1u);
  const auto& left = std::get<RangeMapAnon>(result.program.operations[0]);
  EXPECT_EQ(left.length.raw(), 0x5000u);
  EXPECT_EQ(left.prot.value(), kProtWrite);
  EXPECT_TRUE(left.flags.empty());
  EXPECT_EQ(left.at.value(), Place{});
  EXPECT_EQ(left.cpu.value(), CpuId(0));
  EXPECT_EQ(left.space.number(), 1u);
  EXPECT_TRUE(result.minimal);
}

TEST(Minimise, TheMachineShrinksWithTheProgram) {
  const Probe probe = [](const Program& program) -> std::optional<Failure> {
    if (program.machine.cpus < 2 || program.operations.empty()) return std::nullopt;
    return Failure{kWanted, 1};
  };
  Program program = small_program();
  program.machine = find_preset("numa4")->machine;
  program.operations.push_back(alloc(1));
  const Minimised result = minimise(program, probe);
  EXPECT_EQ(result.program.machine.cpus, 2u);
  EXPECT_EQ(result.program.machine.nodes, 1u);
  EXPECT_LE(result.program.machine.frames_present(), 512u);
  EXPECT_FALSE(problem_with(result.program.machine));
  EXPECT_TRUE(result.minimal);
}

TEST(Minimise, AnotherFailureIsReportedButNotFollowed) {
  const Signature other{"BUDDY-2", "pages_alloc", "order"};
  const Probe probe = [&](const Program& program) -> std::optional<Failure> {
    const auto& all = program.operations;
    const bool drains = std::any_of(all.begin(), all.end(), [](const Operation& operation) {
      return operation.index() == kKindOf<PagesDrainCpu>;
    });
    if (all.size() > 3 && drains) return Failure{kWanted, all.size()};
    if (!all.empty()) return Failure{other, all.size()};
    return std::nullopt;
  };
  Program program = noise(10, 5);
  program.operations.push_back(PagesDrainCpu{});
  const Minimised result = minimise(program, probe);
  EXPECT_EQ(result.signature, kWanted);
  EXPECT_EQ(result.after, 4u);
  ASSERT_EQ(result.others.size(), 1u);
  EXPECT_EQ(result.others[0], other);
}

TEST(Minimise, ABudgetOfExecutionsIsKeptAndNothingIsCertified) {
  Program program = noise(500, 2);
  program.operations[300] = PagesDrainCpu{};
  program.operations[400] = CpuFlushSpace{};
  const Probe probe = fails_after_kinds_in_order<PagesDrainCpu, CpuFlushSpace>();
  MinimiseOptions options;
  options.executions = 6;
  const Minimised result = minimise(program, probe, options);
  EXPECT_LE(result.executions, 6u);
  EXPECT_FALSE(result.minimal);
  EXPECT_TRUE(probe(result.program));
}

TEST(Minimise, TheOriginalIsToldFirst) {
  std::vector<std::string> told;
  Program program = noise(30, 2);
  program.operations[20] = CpuFlushSpace{};
  MinimiseOptions options;
  options.log = [&](const std::string& line) { told.push_back(line); };
  minimise(program, fails_after_kinds_in_order<CpuFlushSpace>(), options);
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(told.front().starts_with("original: ")) << told.front();
  EXPECT_TRUE(told.back().starts_with("1-minimal, checked")) << told.back();
}

// The lie shows when the harness empties the machine, whatever the program was.
TEST(Minimise, WhatBootAndTidyingUpShowNeedsNoOperation) {
  FakeSystem system(Lie::kMarkedChange, "pages_drain_cpu", 1);
  Runner runner(system);
  Program program = program_of("tiny", {"pages_alloc order=1 gfp=wait -> b1", "pages_free block=b1",
                                        "pages_alloc order=0 gfp=wait -> b2"});
  const RunOutcome outcome = runner.run(program);
  ASSERT_EQ(outcome.phase, Phase::kRest);
  const Minimised result = minimise(program, probe_with(runner, outcome));
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 0u) << print(result.program);
  EXPECT_EQ(result.signature.operation, "rest");
  const Parsed<Program> read = parse_program(print(result.program));
  ASSERT_TRUE(read.ok());
  const RunOutcome again = runner.run(read.value());
  EXPECT_EQ(again.step.raw(), 1u) << "one beyond the end";
  EXPECT_EQ(signature_of(again), result.signature);
  const std::string report = describe_failure(runner, read.value(), again, "none.mmt").print();
  EXPECT_NE(report.find("FRAME-2"), std::string::npos) << report;
  EXPECT_EQ(certificate_problem(read.value(), result.signature, probe_with(runner, again)), std::nullopt);
}

TEST(Minimise, AFailureAtBootNeedsNoOperation) {
  const Probe probe = [](const Program&) { return std::optional(Failure{{"PT-1", "boot", "root"}, 0}); };
  const Minimised result = minimise(noise(50, 4), probe);
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 0u);
}

// Every allocation is a request; the one that may not be refused is that of a large block.
TEST(Minimise, AnAnnouncedFailureComesSoonerAsTheRequestsBeforeItGo) {
  const Probe probe = [](const Program& program) -> std::optional<Failure> {
    std::uint64_t fails_in = 0;
    for (std::size_t i = 0; i < program.operations.size(); ++i) {
      if (const auto* fail = std::get_if<FailNext>(&program.operations[i])) fails_in = fail->n.raw();
      const auto* request = std::get_if<PagesAlloc>(&program.operations[i]);
      if (request == nullptr || fails_in == 0 || --fails_in > 0) continue;
      if (request->order.raw() == 3) return Failure{kWanted, i + 1};
    }
    return std::nullopt;
  };
  Program program = small_program();
  program.operations.push_back(op("fail_next n=2"));
  program.operations.push_back(op("fail_next n=31"));
  for (unsigned i = 1; i <= 30; ++i) program.operations.push_back(alloc(i));
  program.operations.push_back(alloc(31, 3));
  const Minimised result = minimise(program, probe);
  EXPECT_TRUE(result.minimal);
  ASSERT_EQ(result.after, 2u) << print(result.program);
  EXPECT_TRUE(same(result.program.operations[0], op("fail_next n=1"))) << print(result.program);
  program.operations = {op("fail_next n=2"), alloc(1), alloc(2, 3)};
  EXPECT_EQ(certificate_problem(program, kWanted, probe, false), "operation 2 can go if the failure comes sooner");
}

// The same with a real run: an exact allocation that is refused forgets to leave the zero page alone.
TEST(Minimise, APlantedRollbackBugIsLeftWithTheFailureAndTheOperationThatItHits) {
  FakeSystem system(Lie::kRefusalLeavesMark);
  Runner runner(system);
  Program program = program_of("tiny", {"fail_next n=9"});
  for (unsigned i = 1; i <= 8; ++i) program.operations.push_back(alloc(i));
  program.operations.push_back(op("pages_alloc_exact pages=3 gfp=wait -> b9"));
  const RunOutcome outcome = runner.run(program);
  ASSERT_EQ(outcome.step.raw(), 10u);
  const Minimised result = minimise(program, probe_with(runner, outcome));
  EXPECT_TRUE(result.minimal);
  EXPECT_EQ(result.after, 2u) << print(result.program);
}

TEST(Certificate, AProgramFromWhichAnOperationCanGoHasNone) {
  const Probe probe = fails_after_kinds_in_order<PagesDrainCpu>();
  Program program = small_program();
  program.operations = {PagesDrainCpu{}};
  EXPECT_EQ(certificate_problem(program, kWanted, probe, false), std::nullopt);
  program.operations = {alloc(1), PagesDrainCpu{}};
  EXPECT_EQ(certificate_problem(program, kWanted, probe, false), "operation 1 can go");
}

TEST(Certificate, AProgramWithASimplerArgumentHasNone) {
  const Probe probe = fails_after_kinds_in_order<PagesDrainCpu>();
  Program program = small_program();
  program.operations = {op("cpu=1 pages_drain_cpu")};
  EXPECT_TRUE(certificate_problem(program, kWanted, probe, false).has_value());
}

TEST(Certificate, AProgramThatDoesNotFailHasNone) {
  const Probe probe = fails_after_kinds_in_order<PagesDrainCpu>();
  EXPECT_TRUE(certificate_problem(noise(3, 1), kWanted, probe).has_value());
  Program program = small_program();
  program.operations = {PagesDrainCpu{}};
  EXPECT_TRUE(certificate_problem(program, Signature{"PT-1", "pages_free", "state"}, probe).has_value());
}

TEST(Reductions, WhoUsesARemovedResultGoesToo) {
  Program program = small_program();
  program.operations = {create(1), map(1, 0x10000, 0x1000), create(2), store(1, 0x10000), store(2, 0x10000), create(1),
                        store(1, 0x10000)};
  Removed removed(program.operations.size(), false);
  removed[0] = true;
  Dependencies(program).close(removed);
  EXPECT_EQ(removed, (Removed{true, true, false, true, false, false, false}));
}

TEST(Reductions, TheFailureThatCountsARemovedRequestIsTheLastOneBeforeIt) {
  Program program = small_program();
  program.operations = {op("fail_next n=5"), alloc(1), op("fail_next n=3"), alloc(2), op("fail_next n=1"), alloc(3)};
  const auto counted = [&](std::size_t index) {
    Removed removed(program.operations.size(), false);
    removed[index] = true;
    return failure_counted_through(program, removed);
  };
  EXPECT_EQ(counted(0), std::nullopt);
  EXPECT_EQ(counted(1), 0u);
  EXPECT_EQ(counted(3), 2u);
  EXPECT_EQ(counted(5), std::nullopt) << "1 cannot come sooner";
  EXPECT_EQ(failure_counted_through(program, {false, true, false, true, false, false}), 1u);
}

TEST(Reductions, RecordedAnswersMoveWithTheirSteps) {
  Program program = small_program();
  program.operations = {create(1), create(2), create(3)};
  program.recorded[3].response.value = 33;
  program.recorded[2].response.value = 22;
  const Program smaller = without(program, {false, true, false});
  ASSERT_EQ(smaller.recorded.size(), 1u);
  EXPECT_EQ(smaller.recorded.at(2).response.value, 33u);
}

}  // namespace
}  // namespace mmtwin::lockstep
