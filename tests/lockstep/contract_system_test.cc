#include "lockstep/contract_system.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "fuzz/forwarding_system.h"
#include "lockstep/generate/draw_machine.h"
#include "lockstep/generate/generate.h"
#include "lockstep/run/run.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

// The contract, but for answers and lists that are altered.
class Lying final : public fuzz::ForwardingSystem {
 public:
  using Lie = std::function<Response(const Operation&, Response)>;
  explicit Lying(Lie lie) : ForwardingSystem(std::make_unique<ContractSystem>()), lie_(std::move(lie)) {}
  Response apply(const Operation& operation) override { return lie_(operation, ForwardingSystem::apply(operation)); }
  void ranges(SpaceHandle space, std::vector<RangeObservation>& into) override {
    ForwardingSystem::ranges(space, into);
    if (alter_ranges) alter_ranges(into);
  }
  const Changes& changes() override { return shows_nothing ? nothing_ : ForwardingSystem::changes(); }
  std::function<void(std::vector<RangeObservation>&)> alter_ranges;
  bool shows_nothing = false;

 private:
  Lie lie_;
  Changes nothing_;
};

RunOutcome judged(System& system, const std::string& text) {
  const Parsed<Program> program = parse_program("mmtwin 2\nmachine small\n" + text);
  EXPECT_TRUE(program.ok()) << print(program.error());
  Runner runner(system);
  return runner.run(program.value());
}
// Told so instead, at the operation of that name.
RunOutcome judged_told(std::string_view name, Response told, const std::string& text) {
  Lying lying([&](const Operation& operation, Response truth) { return name_of(operation) == name ? told : truth; });
  return judged(lying, text);
}
std::string law_of(const RunOutcome& outcome) {
  return outcome.finding ? std::string(model::id_of(outcome.finding->law)) : "none";
}

TEST(ContractSystem, AgreesWithItselfForEver) {
  ContractSystem system;
  Runner runner(system);
  std::uint64_t executed = 0;
  for (std::uint64_t seed = 1; seed <= 1500; ++seed) {
    GenerateOptions options;
    options.seed = seed;
    Random random(seed);
    options.machine = draw_machine(random);
    const Program program = generate(options);
    const RunOutcome outcome = runner.run(program);
    ASSERT_EQ(outcome.verdict, Verdict::kAgreed)
        << "seed " << seed << ", step " << outcome.step.raw() << ": " << law_of(outcome)
        << (outcome.finding ? ": " + outcome.finding->expected + " against " + outcome.finding->actual : "") << "\n"
        << print(program);
    executed += outcome.executed;
  }
  EXPECT_GT(executed, 50000u);
}

const std::string kStored =
    "1 cpu=0 space_create -> p1\n"
    "2 cpu=0 range_map_anon space=p1 at=0x100000 length=0x2000 prot=rw flags=fixed -> a1\n"
    "3 cpu=0 memory_store space=p1 at=0x100000 width=1 value=0x7\n";

const std::string kLoaded = kStored + "4 cpu=0 memory_load space=p1 at=0x100000 width=1\n";

TEST(ContractSystem, AWrongByteIsFound) {
  const RunOutcome outcome = judged_told("memory_load", {Refusal::kNone, 8}, kLoaded);
  EXPECT_EQ(law_of(outcome), "CONTENT-1");
}

TEST(ContractSystem, ARefusalThatNothingExplainsIsFound) {
  const RunOutcome outcome = judged_told("memory_load", {Refusal::kSegvMapErr, 0}, kLoaded);
  EXPECT_EQ(law_of(outcome), "PERM-1");
}

TEST(ContractSystem, AnAddressInsideAMappingIsFound) {
  const std::string mapped = "4 cpu=0 range_map_file space=p1 at=0x0 length=0x1000 prot=r file=1 -> a2\n";
  const RunOutcome outcome = judged_told("range_map_file", {Refusal::kNone, 0x101000}, kStored + mapped);
  EXPECT_EQ(law_of(outcome), "VMA-3");
}

TEST(ContractSystem, ABlockThatIsGivenTwiceIsFound) {
  const std::string twice =
      "1 cpu=0 pages_alloc order=0 gfp=wait node=any -> b1\n2 cpu=0 pages_alloc order=0 gfp=wait node=any -> b2\n";
  const RunOutcome outcome = judged_told("pages_alloc", {Refusal::kNone, 0}, twice);
  EXPECT_EQ(law_of(outcome), "FRAME-1");
  EXPECT_EQ(outcome.step.raw(), 2u);
}

TEST(ContractSystem, TwoPagesInARowAreNoFinding) {
  ContractSystem system;
  const RunOutcome outcome = judged(system, "1 cpu=0 pages_alloc_exact pages=2 gfp=wait node=any -> b1\n");
  EXPECT_EQ(outcome.verdict, Verdict::kAgreed);
}

// `machine small` has a zone for it; this one has none, and nothing need be asked for first.
TEST(ContractSystem, APageOfAZoneThatIsNotThereIsRefused) {
  const Parsed<Program> program = parse_program(
      "mmtwin 2\nmachine tiny node0.normal=0+16\n"
      "1 cpu=0 pages_alloc_exact pages=1 gfp=dma node=any -> b1\n2 cpu=0 pages_alloc order=0 gfp=dma node=any -> b2\n");
  ASSERT_TRUE(program.ok()) << print(program.error());
  ContractSystem system;
  Runner runner(system);
  EXPECT_EQ(runner.run(program.value()).verdict, Verdict::kAgreed);
}

TEST(ContractSystem, AForkIsRefusedForTheCapOnlyWhereItIsMet) {
  const std::string forked = kStored + "4 cpu=0 space_fork space=p1 -> p2\n";
  EXPECT_EQ(law_of(judged_told("space_fork", {Refusal::kNoMemory, 0}, forked)), "ANSWER-1");
}

// ---- a protect that memory ended somewhere ----

const std::string kProtected =
    kStored +
    "4 cpu=0 fail_next n=1\n"
    "5 cpu=0 range_protect space=p1 at=0x100000 length=0x2000 prot=r\n";

Response refused_protect(const Operation& operation, Response truth) {
  return std::holds_alternative<RangeProtect>(operation) ? Response{Refusal::kOom, 0} : truth;
}

TEST(ContractSystem, ARefusedProtectLeavesAPrefix) {
  Lying all(refused_protect);
  EXPECT_EQ(law_of(judged(all, kProtected)), "ROLLBACK-1") << "nothing was left to be refused memory for";
  Lying none(refused_protect);
  none.alter_ranges = [](std::vector<RangeObservation>& seen) {
    if (!seen.empty()) seen[0].prot = kProtRead | kProtWrite;
  };
  EXPECT_EQ(law_of(judged(none, kProtected)), "none");
  Lying another(refused_protect);
  another.alter_ranges = [](std::vector<RangeObservation>& seen) {
    if (!seen.empty() && seen[0].prot == kProtRead) seen[0].prot = kProtRead | kProtExec;
  };
  EXPECT_EQ(law_of(judged(another, kProtected)), "ROLLBACK-1");
}

TEST(ContractSystem, NobodyGoesOnFromAPrefixThatWasNotShown) {
  Lying silent(refused_protect);
  silent.shows_nothing = true;
  const RunOutcome outcome = judged(silent, kProtected + "6 cpu=0 range_unmap space=p1 at=0x100000 length=0x1000\n");
  EXPECT_TRUE(outcome.gave_up);
  EXPECT_EQ(law_of(outcome), "none");
}

TEST(ContractSystem, AListThatNothingExplainsIsFound) {
  Lying lying([](const Operation&, Response truth) { return truth; });
  lying.alter_ranges = [](std::vector<RangeObservation>& seen) {
    if (!seen.empty()) seen[0].prot = kProtRead;
  };
  EXPECT_EQ(law_of(judged(lying, kStored)), "VMA-2");
  lying.alter_ranges = [](std::vector<RangeObservation>& seen) {
    if (!seen.empty()) seen[0].end = Address(0);
  };
  EXPECT_EQ(law_of(judged(lying, kStored)), "VMA-1");
}

// What refuses everything is never wrong, and never right.
TEST(ContractSystem, WhoRefusesEverythingIsFound) {
  Lying lying([](const Operation&, Response) { return Response{Refusal::kOom, 0}; });
  EXPECT_EQ(law_of(judged(lying, kStored)), "OOM-1");
  EXPECT_EQ(law_of(judged(lying, "1 cpu=0 pages_alloc order=0 gfp=wait node=any -> b1\n")), "OOM-1");
}

TEST(ContractSystem, AFailureThatWasOrderedMayHappenOnce) {
  const std::string ordered = "1 cpu=0 fail_next n=1\n2 cpu=0 space_create -> p1\n";
  EXPECT_EQ(law_of(judged_told("space_create", {Refusal::kOom, 0}, ordered)), "none");
  EXPECT_EQ(law_of(judged_told("space_create", {Refusal::kOom, 0}, ordered + "3 cpu=0 space_create -> p1\n")), "OOM-1");
}

}  // namespace
}  // namespace mmtwin::lockstep
