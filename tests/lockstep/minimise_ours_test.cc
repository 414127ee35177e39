#include <gtest/gtest.h>

#include <memory>

#include "lockstep/generate/generate.h"
#include "lockstep/minimise/minimise.h"
#include "lockstep/suts/ours/ours.h"
#include "tests/lockstep/one_operation.h"
#include "tests/lockstep/programs.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

// Our system, but a store of three bytes fails on CPU 1 once some space was forked.
class Lying final : public System {
 public:
  std::string_view name() const override { return "lying"; }
  Claims claims() const override { return ours_->claims(); }
  void start(const MachineDescription& machine, EventSink& sink) override {
    forked_ = false;
    ours_->start(machine, sink);
  }
  Response apply(const Operation& operation) override {
    Response response = ours_->apply(operation);
    if (std::holds_alternative<SpaceFork>(operation)) forked_ = forked_ || response.refusal == Refusal::kNone;
    const auto* store = std::get_if<MemoryStore>(&operation);
    const bool lies = forked_ && store != nullptr && store->width.raw() == 3 && store->cpu.raw() == 1;
    if (lies && response.refusal == Refusal::kNone) response.refusal = Refusal::kBus;
    return response;
  }
  const Changes& changes() override { return ours_->changes(); }
  FrameObservation frame(Pfn at) override { return ours_->frame(at); }
  void ranges(SpaceHandle space, std::vector<RangeObservation>& into) override { ours_->ranges(space, into); }
  SpaceObservation space(SpaceHandle space) override { return ours_->space(space); }
  ZoneObservation zone(NodeId node, ZoneKind kind) override { return ours_->zone(node, kind); }
  EntryObservation entry(SpaceHandle space, Vpn page) override { return ours_->entry(space, page); }
  std::span<const std::uint8_t> bytes(Pfn at) override { return ours_->bytes(at); }

 private:
  std::unique_ptr<System> ours_ = make_ours();
  bool forked_ = false;
};

// The store comes last of two thousand operations, so that nothing falls to the cut after the failure.
TEST(MinimiseOurs, TwoThousandRealOperationsShrinkToAForkAMappingAndAStore) {
  GenerateOptions options;
  options.seed = 5;
  options.operations = 2000;
  Program program = generate(options);
  for (Operation& operation : program.operations) {
    if (auto* store = std::get_if<MemoryStore>(&operation)) store->width = Width(store->width.raw() == 3 ? 4 : 1);
  }
  program.operations.push_back(op("space_create -> p901"));
  program.operations.push_back(op("range_map_anon space=p901 at=0x30000 length=0x3000 prot=rw flags=fixed"));
  program.operations.push_back(op("space_fork space=p901 -> p902"));
  program.operations.push_back(op("cpu=1 memory_store space=p901 at=0x30010 width=3 value=7"));
  Lying system;
  Runner runner(system);
  const RunOutcome outcome = runner.run(program);
  ASSERT_EQ(outcome.verdict, Verdict::kDiverged);
  ASSERT_EQ(outcome.step.raw(), program.operations.size());
  const Minimised result = minimise(program, probe_with(runner, outcome));
  EXPECT_TRUE(result.minimal);
  EXPECT_LE(result.after, 4u) << print(result.program);
  EXPECT_LT(result.executions, 3000u);
  EXPECT_EQ(result.program.machine.cpus, 2u);
  RecordProperty("milliseconds", static_cast<int>(result.seconds * 1000));
}

}  // namespace
}  // namespace mmtwin::lockstep
