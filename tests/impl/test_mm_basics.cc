#include <gtest/gtest.h>

#include "impl/slab/slab_layout.h"
#include "tests/impl/test_mm_world.h"

namespace mmtwin::impl {
namespace {

template <class Geometry>
class Basics : public testing::Test {
 protected:
  WorldOf<Geometry> world;
};
using Geometries = testing::Types<SmallGeometry, X86Geometry>;
TYPED_TEST_SUITE(Basics, Geometries);

TYPED_TEST(Basics, AStoreIsReadBack) {
  auto& w = this->world;
  const SpaceId s = w.create();
  w.map(s, 0, 4);
  EXPECT_EQ(w.load(s, 1), 0u);
  EXPECT_EQ(w.store(s, 1, 0x1122334455667788), Refusal::kNone);
  EXPECT_EQ(w.load(s, 1), 0x1122334455667788u);
  EXPECT_EQ(w.load(s, 2), 0u);
  w.audit({s});
}

TYPED_TEST(Basics, AnAccessMayStraddleTwoPages) {
  auto& w = this->world;
  const SpaceId s = w.create();
  w.map(s, 0, 2);
  const Address at(w.page(1).raw() - 3);
  ASSERT_TRUE(w.mm.memory_store(kCpu0, s, at, 8, 0x1122334455667788).is_ok());
  EXPECT_EQ(w.mm.memory_load(kCpu0, s, at, 8).value(), 0x1122334455667788u);
  EXPECT_EQ(w.mm.memory_load(kCpu0, s, w.page(1), 1).value(), 0x55u);
  EXPECT_EQ(w.mm.memory_load(kCpu0, s, Address(at.raw() + 2), 2).value(), 0x5566u);
}

TYPED_TEST(Basics, AStoreThatStraddlesIntoAHoleChangesNothing) {
  auto& w = this->world;
  const SpaceId s = w.create();
  w.map(s, 0, 1);
  const Address at(w.page(1).raw() - 4);
  EXPECT_EQ(w.mm.memory_store(kCpu0, s, at, 8, ~std::uint64_t{0}).refusal(), Refusal::kSegvMapErr);
  EXPECT_EQ(w.mm.memory_load(kCpu0, s, at, 4).value(), 0u);
}

TYPED_TEST(Basics, SignalsSayWhetherThereIsAMapping) {
  auto& w = this->world;
  const SpaceId s = w.create();
  w.map(s, 0, 1, kProtRead);
  w.map(s, 1, 1, kProtNone);
  w.map(s, 2, 1, kProtWrite);
  EXPECT_EQ(w.store(s, 0, 1), Refusal::kSegvAccErr);
  EXPECT_EQ(w.load(s, 1), 10000 + static_cast<std::uint64_t>(Refusal::kSegvAccErr));
  EXPECT_EQ(w.load(s, 2), 0u) << "x86 cannot write without reading";
  EXPECT_EQ(w.mm.memory_fetch(kCpu0, s, w.page(0), 1).refusal(), Refusal::kSegvAccErr);
  EXPECT_EQ(w.load(s, 3), 10000 + static_cast<std::uint64_t>(Refusal::kSegvMapErr));
  EXPECT_EQ(w.mm.memory_load(kCpu0, s, Address(~std::uint64_t{0} - 3), 8).refusal(), Refusal::kSegvMapErr);
  EXPECT_EQ(w.mm.memory_load(kCpu0, s, Address(UserLayout<TypeParam>::kEnd - 1), 2).refusal(), Refusal::kSegvMapErr);
}

TYPED_TEST(Basics, ReadingSharesTheZeroPageAndMakesNoFamily) {
  auto& w = this->world;
  const SpaceId s = w.create();
  w.map(s, 0, 8);
  for (std::uint64_t n = 0; n < 8; ++n) EXPECT_EQ(w.load(s, n), 0u);
  EXPECT_EQ(w.space(s).tables.resident, 0u);
  EXPECT_TRUE(w.range_at(s, 0).family.is_none());
  w.store(s, 3, 7);
  EXPECT_EQ(w.space(s).tables.resident, 1u);
  EXPECT_FALSE(w.range_at(s, 0).family.is_none());
  EXPECT_EQ(w.load(s, 3), 7u);
  EXPECT_EQ(w.load(s, 4), 0u);
  w.audit({s});
}

TYPED_TEST(Basics, AfterExitEveryFrameIsFreeButBoots) {
  auto& w = this->world;
  const SpaceId a = w.create();
  w.map(a, 0, 32);
  for (std::uint64_t n = 0; n < 32; n += 3) w.store(a, n, n);
  const SpaceId b = w.mm.space_fork(kCpu0, a).value();
  for (std::uint64_t n = 0; n < 32; n += 2) w.store(b, n, 100 + n, kCpu1);
  w.audit({a, b});
  w.mm.space_exit(kCpu0, a);
  w.audit({b});
  EXPECT_EQ(w.load(b, 3), 3u);
  w.mm.space_exit(kCpu0, b);
  EXPECT_EQ(w.free_frames_at_rest(), w.free_at_boot);
  w.audit({});
}

TYPED_TEST(Basics, AMachineThatWasResetDoesTheSameAgain) {
  auto& w = this->world;
  std::vector<std::vector<Event>> runs;
  for (int run = 0; run < 3; ++run) {
    w.mm.reset();
    w.seen.events.clear();
    w.mm.begin_operation();
    const SpaceId s = w.create();
    w.map(s, 0, 16);
    for (std::uint64_t n = 0; n < 16; n += 2) w.store(s, n, n);
    const SpaceId c = w.mm.space_fork(kCpu0, s).value();
    w.store(c, 2, 9, kCpu1);
    w.unmap(s, 1, 6);
    runs.push_back(w.seen.events);
  }
  for (int run = 1; run < 3; ++run) {
    ASSERT_EQ(runs[0].size(), runs[run].size());
    for (std::size_t i = 0; i < runs[0].size(); ++i) {
      EXPECT_EQ(runs[0][i].kind, runs[run][i].kind);
      EXPECT_EQ(runs[0][i].frame, runs[run][i].frame);
      EXPECT_EQ(runs[0][i].place, runs[run][i].place);
      EXPECT_EQ(runs[0][i].after, runs[run][i].after);
    }
  }
}

// Each part of a machine, broken behind its back.
TYPED_TEST(Basics, AnAuditSaysWhatIsWrong) {
  auto& w = this->world;
  const SpaceId s = w.create();
  w.map(s, 0, 4);
  w.store(s, 1, 7);
  Hardware& hardware = w.mm.hardware();
  Ram& ram = hardware.ram();
  const Ref<Space> space{s.offset};
  w.audit({s});
  const auto is_said = [&](const char* complaint, const char* law) {
    ASSERT_NE(complaint, nullptr) << law;
    EXPECT_EQ(std::string(complaint).substr(0, std::string(law).size()), law);
  };
  const auto broken = [&](auto& word, const char* law) {
    const auto before = word;
    ++word;
    const char* const of_space = w.mm.audit(s);
    is_said(of_space != nullptr ? of_space : w.mm.audit_machine(), law);
    word = before;
    w.audit({s});
  };
  const Ref<Range> range = ram.at(ranges_of(space)).root;
  broken(ram.edit(range).height, "VMA-1");
  broken(ram.edit(range).widest_gap, "VMA-3");
  broken(ram.edit(range).links, "VMA-2");
  broken(ram.edit(ram.at(range).family).active, "VMA-2");
  broken(ram.edit(space).range_count, "ACCT-2");
  broken(ram.edit(space).total_pages, "ACCT-2");
  broken(ram.edit(space).tables.resident, "ACCT-2");
  broken(ram.edit(space).tables.loaded_on, "TLB-2");
  broken(ram.edit(Ref<SlabHeader>{space.offset / kPage * kPage}).used, "ACCT-1");
  w.mm.mmu().enter(kCpu1);
  is_said(w.mm.audit_machine(), "TLB-2");
  w.mm.mmu().leave(kCpu1);
  w.audit({s});
}

}  // namespace
}  // namespace mmtwin::impl
