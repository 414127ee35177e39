// Small worlds in full: every program up to a length over a few operations, on machines of a few frames.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

#include "props/agreement.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::props {
namespace {

std::vector<Operation> operations_of(const MachineDescription& machine, const std::vector<std::string>& texts) {
  std::vector<Operation> operations;
  for (const std::string& text : texts) {
    const Parsed<Operation> parsed = parse_operation(text, machine);
    EXPECT_TRUE(parsed.ok()) << text;
    operations.push_back(parsed.value());
  }
  return operations;
}

struct Explored {
  std::uint64_t programs = 0;
  std::uint64_t operations = 0;
};

// Runs `start` followed by every word over `letters` of 1 to `length` letters. Stops at the first failure.
Explored explore(const MachineDescription& machine, const std::vector<Operation>& start,
                 const std::vector<Operation>& letters, std::size_t length) {
  Explored explored;
  Program program;
  program.machine = machine;
  for (std::size_t letters_used = 1; letters_used <= length; ++letters_used) {
    std::vector<std::size_t> word(letters_used, 0);
    bool more = true;
    while (more) {
      program.operations = start;
      for (const std::size_t letter : word) program.operations.push_back(letters[letter]);
      const lockstep::RunOutcome outcome = runner().run(program);
      ++explored.programs;
      explored.operations += outcome.executed;
      if (outcome.verdict != lockstep::Verdict::kAgreed) {
        ADD_FAILURE() << agreement_on(program);
        return explored;
      }
      std::size_t place = letters_used;
      while (place > 0 && ++word[place - 1] == letters.size()) word[--place] = 0;
      more = place > 0;
    }
  }
  std::printf("%llu programs, %llu operations\n", static_cast<unsigned long long>(explored.programs),
              static_cast<unsigned long long>(explored.operations));
  return explored;
}

// 6 + 36 + … + 6^5
TEST(Exhaustive, EveryProgramOfFivePageOperationsOnFourFreeFramesAgrees) {
  MachineDescription machine = find_preset("tiny", 1)->machine;
  machine.watermark_min = 0;
  machine.pcp_batch = 1;
  machine.pcp_high = 2;
  machine.node[0].zone(ZoneKind::kNormal).count = PageCount(16);
  Program nothing;
  nothing.machine = machine;
  ASSERT_EQ(agreement_on(nothing), "agreed");
  const std::uint64_t taken_by_boot = 16 - runner().system().zone(NodeId(0), ZoneKind::kNormal).free.raw();
  machine.node[0].zone(ZoneKind::kNormal).count = PageCount(taken_by_boot + 4);
  const auto letters = operations_of(machine, {"pages_alloc gfp=wait -> b1", "pages_alloc -> b2",
                                               "pages_alloc order=1 gfp=wait -> b1", "pages_free block=b1",
                                               "pages_free block=b2", "pages_drain_cpu"});
  EXPECT_EQ(explore(machine, {}, letters, 5).programs, 9330u);
}

// 13 + 13^2 + 13^3 + 13^4
TEST(Exhaustive, EveryProgramOfFourMemoryOperationsOnATinyMachineAgrees) {
  const MachineDescription machine = find_preset("tiny", 1)->machine;
  const auto start = operations_of(machine, {"space_create -> p1"});
  const auto letters = operations_of(
      machine, {"range_map_anon space=p1 at=0x1f000 length=0x2000 prot=rw flags=fixed",
                "range_map_anon space=p1 at=0x20000 length=0x2000 prot=rw flags=noreplace",
                "range_unmap space=p1 at=0x1f000 length=0x1000", "range_unmap space=p1 at=0x20000 length=0x1000",
                "range_protect space=p1 at=0x1f000 length=0x2000 prot=r",
                "range_protect space=p1 at=0x20000 length=0x1000 prot=rw", "memory_store space=p1 at=0x1f000 value=1",
                "memory_store space=p1 at=0x1fffc width=8 value=2", "memory_load space=p1 at=0x20000",
                "space_fork space=p1 -> p2", "memory_store space=p2 at=0x1f000 value=3", "space_exit space=p1",
                "space_exit space=p2"});
  EXPECT_EQ(explore(machine, start, letters, 4).programs, 30940u);
}

}  // namespace
}  // namespace mmtwin::props
