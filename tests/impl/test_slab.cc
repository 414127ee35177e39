#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "impl/slab/slab.h"
#include "tests/impl/test_phys_world.h"

namespace mmtwin::impl::test {
namespace {

constexpr CpuId kCpu{0};

struct Small {
  static constexpr CacheName kCache = CacheName::kRange;
  std::uint64_t words[3];
};
struct Large {
  static constexpr CacheName kCache = CacheName::kSpace;
  std::uint64_t words[200];
};
struct Family {
  static constexpr CacheName kCache = CacheName::kAnonFamily;
  std::uint64_t words[2];
};
struct FamilyLink {
  static constexpr CacheName kCache = CacheName::kFamilyLink;
  std::uint32_t words[3];
};

struct SlabWorld : PhysWorld {
  explicit SlabWorld(std::uint64_t frames = 64) : SlabWorld(one_zone(0, frames)) {}
  explicit SlabWorld(const MachineDescription& machine)
      : PhysWorld(machine), slab(hardware, pages, object_sizes<Small, Large, Family, FamilyLink>()) {}
  void audit_all() const {
    audit();
    Audit of_slab;
    slab.audit_slab(of_slab);
    EXPECT_STREQ(of_slab.complaint(), nullptr);
  }
  std::uint32_t capacity() const { return slab.shape(CacheName::kRange).capacity; }

  Slab slab;
};

TEST(Slab, ObjectsAreDisjointAlignedAndJunkWhenHandedOut) {
  SlabWorld world;
  std::set<std::uint64_t> starts;
  for (unsigned i = 0; i < 3 * world.capacity(); ++i) {
    const Ref<Small> object = *world.slab.allocate<Small>(kCpu);
    EXPECT_EQ(object.offset % 8, 0u);
    EXPECT_NE(world.hardware.ram().at(object).words[0], 0u);
    for (std::uint64_t& word : world.hardware.ram().edit(object).words) word = 0;
    const auto next = starts.lower_bound(object.offset);
    EXPECT_TRUE(next == starts.end() || *next >= object.offset + sizeof(Small));
    EXPECT_TRUE(next == starts.begin() || *std::prev(next) + sizeof(Small) <= object.offset);
    starts.insert(object.offset);
    world.audit_all();
  }
  EXPECT_EQ(world.slab.frames_held(CacheName::kRange), 3u);
}

TEST(Slab, AFrameHoldsNoMoreObjectsThanTheMachineSays) {
  MachineDescription machine = one_zone(0, 64);
  machine.slab_objects = 2;
  SlabWorld world(machine);
  EXPECT_EQ(world.capacity(), 2u);
  for (unsigned i = 0; i < 5; ++i) (void)*world.slab.allocate<Small>(kCpu);
  EXPECT_EQ(world.slab.frames_held(CacheName::kRange), 3u);
  EXPECT_EQ(world.slab.shape(CacheName::kSpace).capacity, 2u);
  world.audit_all();
}

TEST(Slab, AFrameIsTakenOnlyWhenNoFreeObjectExists) {
  SlabWorld world;
  std::vector<Ref<Small>> held;
  for (unsigned i = 0; i < 2 * world.capacity(); ++i) held.push_back(*world.slab.allocate<Small>(kCpu));
  world.slab.free(kCpu, held[0]);
  world.slab.free(kCpu, held[world.capacity()]);
  world.recorder.events.clear();
  EXPECT_TRUE(world.slab.allocate<Small>(kCpu).is_ok());
  EXPECT_TRUE(world.slab.allocate<Small>(kCpu).is_ok());
  EXPECT_EQ(world.recorder.names(), "object_requested object_requested");
  world.recorder.events.clear();
  EXPECT_TRUE(world.slab.allocate<Small>(kCpu).is_ok());
  EXPECT_EQ(world.recorder.names(), "object_requested page_requested list_filled list_filled frame_taken");
  EXPECT_EQ(world.recorder.events[1].place, static_cast<std::uint64_t>(CacheName::kRange));
  EXPECT_EQ(world.recorder.events[4].role, Role::kSlab);
  world.audit_all();
}

TEST(Slab, OneEmptyFrameIsKeptAndShrinkReturnsIt) {
  SlabWorld world;
  std::vector<Ref<Small>> held;
  for (unsigned i = 0; i < 3 * world.capacity(); ++i) held.push_back(*world.slab.allocate<Small>(kCpu));
  for (Ref<Small> object : held) {
    world.slab.free(kCpu, object);
    world.audit_all();
  }
  EXPECT_EQ(world.slab.frames_held(CacheName::kRange), 1u);
  world.slab.shrink(kCpu);
  EXPECT_EQ(world.slab.frames_held(CacheName::kRange), 0u);
  world.pages.drain(kCpu, kCpu);
  EXPECT_EQ(world.zone().free, 64u);
  world.audit_all();
}

TEST(Slab, ARefusalFollowsARefusedPageOrAnInjectedFailure) {
  SlabWorld world(16);
  world.hardware.failures().fail_next(1);
  EXPECT_EQ(world.slab.allocate<Large>(kCpu).refusal(), Refusal::kOom);
  EXPECT_EQ(world.recorder.names(), "object_requested failure_injected object_refused");
  world.hardware.failures().fail_next(2);
  world.recorder.events.clear();
  EXPECT_EQ(world.slab.allocate<Large>(kCpu).refusal(), Refusal::kOom);
  EXPECT_EQ(world.recorder.names(), "object_requested page_requested failure_injected page_refused object_refused");
  for (unsigned i = 0; i < 16 * world.slab.shape(CacheName::kSpace).capacity; ++i) {
    ASSERT_TRUE(world.slab.allocate<Large>(kCpu).is_ok());
  }
  world.recorder.events.clear();
  EXPECT_EQ(world.slab.allocate<Large>(kCpu).refusal(), Refusal::kOom);
  EXPECT_EQ(world.recorder.count(EventKind::kPageRefused), 1u);
  EXPECT_EQ(world.recorder.count(EventKind::kObjectRefused), 1u);
  world.audit_all();
}

TEST(Slab, RandomUseKeepsEveryObjectInOnePlace) {
  SlabWorld world;
  std::vector<Ref<Small>> held;
  std::uint64_t random = 1;
  for (unsigned step = 0; step < 20000; ++step) {
    random = random * 6364136223846793005 + 1442695040888963407;
    const bool grows = step / 2000 % 2 == 0;
    if (held.empty() || (random >> 62) < (grows ? 3u : 1u)) {
      const Outcome<Ref<Small>> got = world.slab.allocate<Small>(kCpu);
      if (got) held.push_back(*got);
    } else {
      const std::size_t index = (random >> 20) % held.size();
      world.slab.free(kCpu, held[index]);
      held[index] = held.back();
      held.pop_back();
    }
    if (step % 50 == 0) world.audit_all();
  }
  EXPECT_EQ(world.slab.objects_used(CacheName::kRange), held.size());
  world.hardware.marks().reset();
  world.hardware.marks().audit_reset(Pfn(0), 64);
}

TEST(SlabDeathTest, AnObjectIsFreedOnceToItsOwnCache) {
  SlabWorld world;
  const Ref<Small> a = *world.slab.allocate<Small>(kCpu);
  (void)*world.slab.allocate<Small>(kCpu);
  EXPECT_DEATH(world.slab.free(kCpu, Ref<Family>{a.offset}), "an object is freed to its own cache");
  EXPECT_DEATH(world.slab.free(kCpu, Ref<Small>{a.offset + 8}), "what is freed is the start of an object");
  world.slab.free(kCpu, a);
  EXPECT_DEATH(world.slab.free(kCpu, a), "an object is freed once");
}

// What only an address sanitizer sees, so this body is empty without one.
TEST(SlabDeathTest, UseAfterFreeAndOverflowAbort) {
  if constexpr (kPoisons) {
    SlabWorld world;
    const Ref<Small> a = *world.slab.allocate<Small>(kCpu);
    const Ref<Small> b = *world.slab.allocate<Small>(kCpu);
    world.slab.free(kCpu, b);
    EXPECT_DEATH(world.hardware.ram().edit(b).words[0] = 1, "use-after-poison");
    EXPECT_DEATH(world.hardware.ram().edit(Ref<std::uint64_t>{a.offset + sizeof(Small)}) = 1, "use-after-poison");
  }
}

}  // namespace
}  // namespace mmtwin::impl::test
