#include "lockstep/suts/ours/decoder.h"

#include <gtest/gtest.h>

#include <memory>

#include "impl/mm.h"
#include "lockstep/run/run.h"
#include "lockstep/suts/ours/ours.h"
#include "tests/lockstep/programs.h"

namespace mmtwin::lockstep {
namespace {

constexpr unsigned kNormalZone = static_cast<unsigned>(ZoneKind::kNormal);  // of node 0

using impl::Ref;
using impl::Space;

class Decoded : public testing::Test {
 protected:
  // One zone of 64 frames, small geometry.
  Decoded() : mm_(find_preset("tiny", 1)->machine), decoder_(mm_.hardware(), mm_.pages(), mm_.slab()) {
    mm_.begin_operation();
  }

  impl::FrameDescriptor& descriptor(Pfn at) { return mm_.hardware().edit(at); }
  impl::Zone& zone() { return const_cast<impl::Zone&>(mm_.pages().zone(kNormalZone)->zone()); }
  ZoneObservation seen_zone() const { return decoder_.zone(NodeId(0), ZoneKind::kNormal); }
  std::uint64_t frames_in(FrameState state) const {
    std::uint64_t frames = 0;
    for (std::uint64_t f = 0; f < 64; ++f) frames += decoder_.frame(Pfn(f)).state == state ? 1 : 0;
    return frames;
  }
  // A space with `pages` writable pages at 0x10000, of which the first was stored to.
  Ref<Space> space_with_a_page(std::uint64_t pages = 2) {
    const Ref<Space> space{(*mm_.space_create(CpuId(0), Address(0), Address(0))).offset};
    impl::MapRequest request;
    request.at = 0x10000;
    request.length = pages * kPageBytes;
    request.prot = kProtRead | kProtWrite;
    request.flags = kMapFixed;
    EXPECT_TRUE(mm_.range_map(CpuId(0), {space.offset}, request).is_ok());
    EXPECT_TRUE(mm_.memory_store(CpuId(0), {space.offset}, Address(0x10008), 1, 0x41).is_ok());
    return space;
  }

  impl::MmOf<impl::SmallGeometry> mm_;
  Decoder decoder_;
};

bool contradicts_itself(std::uint64_t shown) { return shown >> 63 != 0; }

TEST_F(Decoded, EveryFrameOfABlockKnowsItsHead) {
  const Pfn head = *mm_.pages_alloc(CpuId(0), Order(3), kGfpWait, kAnyNode);
  for (std::uint64_t i = 0; i < 8; ++i) {
    const FrameObservation seen = decoder_.frame(head + PageCount(i));
    EXPECT_EQ(seen.state, FrameState::kUsed);
    EXPECT_EQ(seen.role, Role::kBlock);
    EXPECT_EQ(seen.head, head);
    EXPECT_EQ(seen.order, Order(3));
    EXPECT_EQ(seen.references, 1u);
  }
}

TEST_F(Decoded, FreeListedAndUsedFramesAreAllThereIs) {
  const ZoneObservation zone = seen_zone();
  EXPECT_EQ(zone.managed, PageCount(64));
  EXPECT_EQ(frames_in(FrameState::kFree), zone.free.raw());
  EXPECT_EQ(frames_in(FrameState::kFree) + frames_in(FrameState::kListed) + frames_in(FrameState::kUsed), 64u);
  EXPECT_EQ(frames_in(FrameState::kUsed), 2u) << "the kernel root and the zero page";
}

TEST_F(Decoded, FreeBlocksAddUpToTheFreeFrames) {
  std::uint64_t frames = 0;
  const ZoneObservation zone = seen_zone();
  for (unsigned order = 0; order <= kMaxOrder; ++order) frames += std::uint64_t{zone.free_blocks[order]} << order;
  EXPECT_EQ(frames, zone.free.raw());
}

TEST_F(Decoded, AFrameBeyondTheMachineIsAbsent) {
  EXPECT_EQ(decoder_.frame(Pfn(64)).state, FrameState::kAbsent);
  EXPECT_EQ(decoder_.frame(Pfn(std::uint64_t{1} << 40)).state, FrameState::kAbsent);
  EXPECT_TRUE(decoder_.bytes(Pfn(64)).empty());
}

TEST_F(Decoded, AWrongCountOfFreeFramesShows) {
  ++zone().free;
  EXPECT_TRUE(contradicts_itself(seen_zone().free.raw()));
}

TEST_F(Decoded, AWrongCountOfBlocksShows) {
  const ZoneObservation before = seen_zone();
  ++zone().blocks[2];
  EXPECT_NE(seen_zone().free_blocks[2], before.free_blocks[2]);
  EXPECT_EQ(seen_zone().free_blocks[2], ~std::uint32_t{0});
}

TEST_F(Decoded, AListThatRunsInACircleShows) {
  unsigned order = 0;
  while (zone().blocks[order] == 0) ++order;
  const Pfn first(zone().heads[order]);
  descriptor(first).next = static_cast<std::uint32_t>(first.raw());
  EXPECT_EQ(seen_zone().free_blocks[order], ~std::uint32_t{0});
}

TEST_F(Decoded, AListedFrameThatIsOnNoListShows) {
  const Pfn frame = *mm_.pages_alloc(CpuId(0), Order(0), kGfpWait, kAnyNode);
  impl::FrameDescriptor& d = descriptor(frame);
  d.tag = (d.tag & ~0xffu) | static_cast<std::uint32_t>(impl::BlockState::kListed);
  EXPECT_EQ(decoder_.frame(frame).state, FrameState::kListed);
  EXPECT_TRUE(contradicts_itself(seen_zone().free.raw()));
}

TEST_F(Decoded, AStoredPageIsSeenThroughItsTables) {
  const Ref<Space> space = space_with_a_page();
  const EntryObservation entry = decoder_.entry(space, Vpn(0x10));
  EXPECT_TRUE(entry.present && entry.writable && entry.user && entry.accessed && entry.dirty);
  EXPECT_FALSE(entry.executable);
  EXPECT_FALSE(decoder_.entry(space, Vpn(0x11)).present);
  const FrameObservation frame = decoder_.frame(entry.frame);
  EXPECT_EQ(frame.role, Role::kAnon);
  EXPECT_EQ(frame.mappings, 1u);
  EXPECT_TRUE(frame.exclusive);
  const auto bytes = decoder_.bytes(entry.frame);
  ASSERT_EQ(bytes.size(), kPageBytes);
  EXPECT_EQ(bytes[8], 0x41);
  EXPECT_EQ(bytes[9], 0);
}

TEST_F(Decoded, ASpaceIsCountedFromItsTreeAndItsTables) {
  const Ref<Space> space = space_with_a_page(3);
  const SpaceObservation seen = decoder_.recounted(space);
  EXPECT_EQ(seen.ranges, 1u);
  EXPECT_EQ(seen.total_pages, 3u);
  EXPECT_EQ(seen.resident_anon, 1u);
  EXPECT_EQ(seen.tables, 4u) << "one a level";
  std::vector<RangeObservation> ranges;
  decoder_.ranges(space, ranges);
  ASSERT_EQ(ranges.size(), 1u);
  EXPECT_EQ(ranges[0].start, Address(0x10000));
  EXPECT_EQ(ranges[0].end, Address(0x13000));
  EXPECT_EQ(ranges[0].prot, kProtRead | kProtWrite);
  EXPECT_TRUE(ranges[0].accounted);
}

TEST_F(Decoded, WrongCountersOfASpaceShow) {
  const Ref<Space> space = space_with_a_page();
  Space& object = mm_.hardware().ram().edit(space);
  ++object.range_count;
  ++object.total_pages;
  ++object.tables.resident;
  ++object.tables.tables;
  const SpaceObservation seen = decoder_.recounted(space);
  EXPECT_TRUE(contradicts_itself(seen.ranges));
  EXPECT_TRUE(contradicts_itself(seen.total_pages));
  EXPECT_TRUE(contradicts_itself(seen.resident_anon));
  EXPECT_TRUE(contradicts_itself(seen.tables));
}

TEST_F(Decoded, ATableThatHangsInTheTreeTwiceIsCountedTwice) {
  const Ref<Space> space = space_with_a_page();
  impl::Ram& ram = mm_.hardware().ram();
  const Pfn root(ram.at(space).tables.root);
  unsigned used = 0;
  while (ram.load_entry(root, used) == 0) ++used;
  ram.store_entry(CpuId(0), root, used + 1, ram.load_entry(root, used));
  EXPECT_TRUE(contradicts_itself(decoder_.recounted(space).tables));
}

TEST_F(Decoded, TheObjectsOfACacheAreThoseThatItsFramesSayAreHandedOut) {
  const auto objects = [&](CacheName cache) { return decoder_.cache(cache).objects; };
  EXPECT_EQ(objects(CacheName::kSpace), 0u);
  const Ref<Space> space = space_with_a_page();
  EXPECT_EQ(objects(CacheName::kSpace), 1u);
  EXPECT_EQ(objects(CacheName::kRange), 1u);
  EXPECT_EQ(objects(CacheName::kAnonFamily), 1u);
  EXPECT_EQ(objects(CacheName::kFamilyLink), 1u);
  // A link that says "free" is an object less than the header and the cache count.
  std::uint64_t frame = 0;
  while (decoder_.frame(Pfn(frame)).role != Role::kSlab) ++frame;
  auto& link = mm_.hardware().ram().edit(impl::Ref<std::uint16_t>{frame * kPageBytes + sizeof(impl::SlabHeader)});
  ASSERT_EQ(link, impl::kUsedLink);
  link = impl::kLastLink;
  EXPECT_NE(objects(CacheName::kSpace), 1u);
  link = impl::kUsedLink;
  mm_.space_exit(CpuId(0), {space.offset});
  EXPECT_EQ(objects(CacheName::kFamilyLink), 0u) << "an empty frame is kept, without objects";
}

TEST_F(Decoded, RangesComeInTheOrderOfTheirAddresses) {
  const Ref<Space> space = space_with_a_page();
  for (const std::uint64_t at : {0x90000, 0x30000, 0x70000, 0x50000}) {
    impl::MapRequest request;
    request.at = at;
    request.length = kPageBytes;
    request.prot = kProtRead;
    request.flags = kMapFixed;
    ASSERT_TRUE(mm_.range_map(CpuId(0), {space.offset}, request).is_ok());
  }
  std::vector<RangeObservation> ranges;
  decoder_.ranges(space, ranges);
  ASSERT_EQ(ranges.size(), 5u);
  for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_LT(ranges[i - 1].start, ranges[i].start);
}

TEST(Ours, AgreesAndTellsBootAtEveryStart) {
  const auto system = make_ours();
  Runner runner(*system);
  const Program program =
      program_of("small", {"space_create -> p1", "range_map_anon space=p1 at=0x10000 length=0x4000 prot=rw flags=fixed",
                           "memory_store space=p1 at=0x10008 value=65", "space_fork space=p1 -> p2",
                           "cpu=1 memory_store space=p2 at=0x10008 value=66", "memory_load space=p1 at=0x10008",
                           "pages_alloc order=2 gfp=wait -> b1", "range_unmap space=p1 at=0x10000 length=0x1000"});
  RunOptions options;
  options.digests = true;
  const RunOutcome first = runner.run(program, options);
  EXPECT_EQ(first.verdict, Verdict::kAgreed) << (first.finding ? first.finding->actual : "");
  const RunOutcome other = runner.run(program_of("small-x86", {"space_create -> p1"}), options);
  EXPECT_EQ(other.verdict, Verdict::kAgreed) << (other.finding ? other.finding->actual : "");
  const RunOutcome again = runner.run(program, options);
  EXPECT_EQ(again.verdict, Verdict::kAgreed);
  EXPECT_EQ(first.answers, again.answers);
  EXPECT_EQ(first.events, again.events);
}

}  // namespace
}  // namespace mmtwin::lockstep
