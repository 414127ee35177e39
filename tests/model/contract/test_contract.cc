#include "model/contract/contract.h"

#include <gtest/gtest.h>

#include <vector>

#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kAt = 0x100000;
const SpaceHandle kOne(1), kTwo(2);

MachineDescription small() { return find_preset("small")->machine; }

class Played {
 public:
  explicit Played(const MachineDescription& machine = small()) { contract.start(machine); }

  Response play(const Operation& operation) {
    EXPECT_EQ(contract.inapplicable(operation), Skip::kNone) << name_of(operation);
    const Response answer = contract.expect(operation).plainest();
    contract.adopt(operation, answer);
    return answer;
  }
  void create(SpaceHandle space) { play(SpaceCreate{CpuId(0), Address(0), Address(0), Fresh<'p'>(space.number())}); }
  static RangeMapAnon map_of(SpaceHandle space, std::uint64_t pages, MapFlags flags = kMapFixed,
                             std::uint64_t at = kAt) {
    const Prot prot = kProtRead | kProtWrite;
    return {CpuId(0), space, Place{{}, at}, ByteCount(pages * kPage), prot, flags, Fresh<'a'>(1)};
  }
  static MemoryStore store_of(SpaceHandle space, std::uint64_t at, std::uint64_t value, unsigned width = 1) {
    return {CpuId(0), space, Place{{}, at}, Width(width), Value(value)};
  }
  static MemoryLoad load_of(SpaceHandle space, std::uint64_t at, unsigned width = 1) {
    return {CpuId(0), space, Place{{}, at}, Width(width)};
  }
  static SpaceFork fork_of(SpaceHandle parent, SpaceHandle child) {
    return {CpuId(0), parent, Fresh<'p'>(child.number())};
  }
  static RangeUnmap unmap_of(SpaceHandle space, std::uint64_t pages) {
    return {CpuId(0), space, Place{{}, kAt}, ByteCount(pages * kPage)};
  }
  static RangeProtect protect_of(SpaceHandle space, std::uint64_t at, std::uint64_t pages, Prot prot) {
    return {CpuId(0), space, Place{{}, at}, ByteCount(pages * kPage), prot};
  }
  static PagesAlloc block_of(unsigned order, unsigned handle) {
    return {CpuId(0), Order(order), kGfpKernel, kAnyNode, Fresh<'b'>(handle)};
  }
  // A space with two pages at kAt, the first of which holds 7.
  void set_up() {
    create(kOne);
    play(map_of(kOne, 2));
    play(store_of(kOne, kAt, 7));
  }
  std::uint64_t load(SpaceHandle space, std::uint64_t at, unsigned width = 1) {
    return play(load_of(space, at, width)).value;
  }

  Contract contract;
};

TEST(Contract, WhatWasStoredIsLoaded) {
  Played played;
  played.set_up();
  EXPECT_EQ(played.load(kOne, kAt), 7u);
  EXPECT_EQ(played.load(kOne, kAt + 1), 0u);
  played.play(Played::store_of(kOne, kAt + kPage - 2, 0x44332211, 4));
  EXPECT_EQ(played.load(kOne, kAt + kPage - 2, 4), 0x44332211u);
  EXPECT_EQ(played.load(kOne, kAt + kPage), 0x33u);
}

TEST(Contract, AForkSharesAndThenGoesApart) {
  Played played;
  played.set_up();
  played.play(Played::fork_of(kOne, kTwo));
  EXPECT_EQ(played.load(kTwo, kAt), 7u);
  played.play(Played::store_of(kOne, kAt, 8));
  played.play(Played::store_of(kTwo, kAt + 1, 9));
  EXPECT_EQ(played.load(kOne, kAt, 2), 8u);
  EXPECT_EQ(played.load(kTwo, kAt, 2), 0x907u);
}

TEST(Contract, WhatIsUnmappedIsGone) {
  Played played;
  played.set_up();
  played.play(Played::unmap_of(kOne, 1));
  EXPECT_EQ(played.play(Played::load_of(kOne, kAt)).refusal, Refusal::kSegvMapErr);
  played.play(Played::map_of(kOne, 1));
  EXPECT_EQ(played.load(kOne, kAt), 0u);
}

TEST(Contract, AMappingOverAnotherOneIsZero) {
  Played played;
  played.set_up();
  played.play(Played::map_of(kOne, 1));
  EXPECT_EQ(played.load(kOne, kAt), 0u);
}

TEST(Contract, AHeapThatShrinksAndGrowsIsZero) {
  Played played;
  played.create(kOne);
  const std::uint64_t heap = played.contract.geometry().default_brk;
  const auto move = [&](std::uint64_t to) { return played.play(RangeBrk{CpuId(0), kOne, Place{{}, to}}).value; };
  EXPECT_EQ(move(heap + 2 * kPage), heap + 2 * kPage);
  played.play(Played::store_of(kOne, heap + kPage, 5));
  EXPECT_EQ(move(heap + kPage), heap + kPage);
  EXPECT_EQ(move(heap + 2 * kPage), heap + 2 * kPage);
  EXPECT_EQ(played.load(kOne, heap + kPage), 0u);
}

TEST(Contract, AStoreWithoutRightsIsRefused) {
  Played played;
  played.set_up();
  played.play(Played::protect_of(kOne, kAt, 2, kProtRead));
  EXPECT_EQ(played.play(Played::store_of(kOne, kAt, 1)).refusal, Refusal::kSegvAccErr);
  EXPECT_EQ(played.load(kOne, kAt), 7u);
}

TEST(Contract, AnyFreeGapIsAnAddress) {
  Played played;
  played.set_up();
  const Expectation expected = played.contract.expect(Played::map_of(kOne, 2, MapFlags(), 0));
  EXPECT_TRUE(expected.accepts(expected.plainest()));
  EXPECT_TRUE(expected.accepts({Refusal::kNone, kAt + 2 * kPage}));
  EXPECT_FALSE(expected.accepts({Refusal::kNone, kAt + kPage})) << "it is mapped";
  EXPECT_FALSE(expected.accepts({Refusal::kNone, kAt + 2 * kPage + 1})) << "not of a page";
  EXPECT_FALSE(expected.accepts({Refusal::kNone, 0x1000})) << "below the lowest address";
  EXPECT_FALSE(expected.accepts({Refusal::kExists, 0}));
  ASSERT_NE(expected.find({Refusal::kOom, 0}), nullptr);
  EXPECT_EQ(expected.find({Refusal::kOom, 0})->grounds, Grounds::kMemory);
}

TEST(Contract, AFixedAddressIsNoChoice) {
  Played played;
  played.create(kOne);
  const Expectation expected = played.contract.expect(Played::map_of(kOne, 2));
  EXPECT_TRUE(expected.accepts({Refusal::kNone, kAt}));
  EXPECT_FALSE(expected.accepts({Refusal::kNone, kAt + kPage}));
}

TEST(Contract, WhatIsAnsweredIsSaidInWords) {
  Played played;
  played.set_up();
  EXPECT_EQ(played.contract.expect(Played::load_of(kOne, kAt)).words(), "ok 7, or oom");
  EXPECT_EQ(played.contract.expect(Played::load_of(kOne, 0)).words(), "SIGSEGV/map");
}

TEST(Contract, AKilledSpaceAnswersThatItIsGone) {
  Played played;
  played.set_up();
  played.contract.adopt(Played::load_of(kOne, kAt), {Refusal::kOom, 0});
  EXPECT_EQ(played.play(Played::load_of(kOne, kAt)).refusal, Refusal::kKilled);
  EXPECT_EQ(played.play(Played::map_of(kOne, 1)).refusal, Refusal::kKilled);
  EXPECT_FALSE(played.contract.expect(Played::map_of(kOne, 1)).accepts({Refusal::kOom, 0}));
  const SpaceCreate again{CpuId(0), Address(0), Address(0), Fresh<'p'>(1)};
  EXPECT_EQ(played.contract.inapplicable(again), Skip::kTakenHandle);
  EXPECT_EQ(played.play(SpaceExit{CpuId(0), kOne}).refusal, Refusal::kNone);
  EXPECT_EQ(played.contract.inapplicable(SpaceExit{CpuId(0), kOne}), Skip::kEmptyHandle);
}

TEST(Contract, WhatIsRefusedForWhatItAsksIsNotRefusedMemory) {
  Played played;
  played.set_up();
  const auto may_be_short = [&](const Operation& operation) {
    return played.contract.expect(operation).find(Refusal::kOom) != nullptr;
  };
  EXPECT_TRUE(may_be_short(Played::store_of(kOne, kAt, 1)));
  EXPECT_FALSE(may_be_short(Played::store_of(kOne, 0x7000, 1))) << "nothing is mapped there";
  RangeMapAnon map = Played::map_of(kOne, 1);
  EXPECT_TRUE(may_be_short(map));
  map.length = ByteCount(0);
  EXPECT_FALSE(may_be_short(map));
  const auto brk_to = [](std::uint64_t at) { return RangeBrk{CpuId(0), kOne, Place{{}, at}}; };
  const std::uint64_t heap = played.contract.ranges(kOne).brk();
  EXPECT_TRUE(may_be_short(brk_to(heap + kPage)));
  EXPECT_FALSE(may_be_short(brk_to(0)));
  EXPECT_FALSE(may_be_short(brk_to(heap)));
  const auto protect = [](std::uint64_t at, std::uint64_t length) {
    return RangeProtect{CpuId(0), kOne, Place{{}, at}, ByteCount(length), kProtRead};
  };
  EXPECT_TRUE(may_be_short(protect(kAt, kPage)));
  EXPECT_FALSE(may_be_short(protect(kAt + 1, kPage)));
  EXPECT_FALSE(may_be_short(protect(kAt, 0)));
  EXPECT_FALSE(may_be_short(protect(0x7000, kPage)));
  EXPECT_FALSE(may_be_short(SpaceCreate{CpuId(0), Address(1), Address(0), Fresh<'p'>(3)}));
}

TEST(Contract, APageIsSharedNoMoreOftenThanItsCountCanSay) {
  MachineDescription machine = small();
  machine.reference_cap = 2;
  Played played(machine);
  played.set_up();
  EXPECT_FALSE(played.contract.shares_at_the_cap(kOne));
  const Expectation expected = played.contract.expect(Played::fork_of(kOne, kTwo));
  EXPECT_EQ(expected.find(Refusal::kNoMemory)->grounds, Grounds::kCap) << "which only others in flight could be";
  EXPECT_EQ(played.play(Played::fork_of(kOne, kTwo)).refusal, Refusal::kNone);
  const SpaceHandle three(3);
  EXPECT_TRUE(played.contract.expect(Played::fork_of(kOne, three)).accepts({Refusal::kNone, 0})) << "by copying";
  EXPECT_EQ(played.play(Played::fork_of(kOne, three)).refusal, Refusal::kNoMemory);
  // A copy is a page of its own.
  played.play(Played::store_of(kTwo, kAt, 1));
  EXPECT_EQ(played.play(Played::fork_of(kOne, three)).refusal, Refusal::kNone);
}

TEST(Contract, AProtectOfWhichMemoryAllowedAPartChangesThatPart) {
  Played played;
  played.set_up();
  played.play(Played::map_of(kOne, 1, kMapFixed, kAt + 2 * kPage));
  played.play(Played::protect_of(kOne, kAt + 2 * kPage, 1, kProtRead | kProtWrite | kProtExec));
  const RangeProtect both = Played::protect_of(kOne, kAt, 3, kProtRead);
  played.contract.adopt(both, {Refusal::kOom, 0}, {.stopped_at = kAt + 2 * kPage});
  EXPECT_EQ(played.contract.ranges(kOne).find(kAt)->prot, kProtRead);
  EXPECT_TRUE(played.contract.ranges(kOne).find(kAt + 2 * kPage)->prot.has(kProtExec));
}

// ---- blocks ----

TEST(Contract, BlocksAreDisjointAlignedAndInAZoneOfTheRequest) {
  Played played;
  const PagesAlloc four = Played::block_of(2, 1);
  const std::uint64_t first = played.play(four).value;
  const PagesAlloc two = Played::block_of(1, 2);
  const Expectation expected = played.contract.expect(two);
  EXPECT_FALSE(expected.accepts({Refusal::kNone, first}));
  EXPECT_FALSE(expected.accepts({Refusal::kNone, first + 2}));
  EXPECT_FALSE(expected.accepts({Refusal::kNone, first + 5})) << "not aligned";
  EXPECT_TRUE(expected.accepts({Refusal::kNone, first + 4}));
  EXPECT_FALSE(expected.accepts({Refusal::kNone, small().frame_limit()}));
  played.play(PagesFree{CpuId(0), BlockHandle(1)});
  EXPECT_TRUE(played.contract.expect(two).accepts({Refusal::kNone, first + 2}));
}

TEST(Contract, OfAnExactBlockTheTailIsFree) {
  Played played;
  const std::uint64_t first =
      played.play(PagesAllocExact{CpuId(0), PageCount(3), kGfpKernel, kAnyNode, Fresh<'b'>(1)}).value;
  EXPECT_EQ(first % 4, 0u);
  const PagesAlloc one = Played::block_of(0, 2);
  EXPECT_FALSE(played.contract.expect(one).accepts({Refusal::kNone, first + 2}));
  EXPECT_TRUE(played.contract.expect(one).accepts({Refusal::kNone, first + 3}));
}

TEST(Contract, MemoryIsShortOnlyOnceItIsAskedFor) {
  MachineDescription machine = find_preset("tiny")->machine;
  Played played(machine);
  const auto is_short = [&](std::uint64_t overhead) {
    const Blocks& blocks = played.contract.blocks();
    return blocks.may_be_short(blocks.wish(kGfpKernel, 0, kAnyNode, CpuId(0)), played.contract.pages(), overhead);
  };
  const auto short_now = [&] { return is_short(64); };
  EXPECT_FALSE(short_now());
  const std::uint64_t managed = machine.frames_managed(NodeId(0), ZoneKind::kNormal) +
                                machine.frames_managed(NodeId(0), ZoneKind::kDma);
  unsigned given = 0;
  while (!short_now() && given <= managed)
    played.play(Played::block_of(0, ++given));
  EXPECT_LT(given, managed);
  EXPECT_GT(given, managed / 2);
  EXPECT_FALSE(is_short(0)) << "for one that needs none itself there is more";
}

TEST(Contract, ABlockThatMayNotBeIsObjectedToInWords) {
  MachineDescription machine = find_preset("tiny")->machine;
  machine.node[0].zone(ZoneKind::kDma) = {Pfn(0), PageCount(12)};
  machine.node[0].zone(ZoneKind::kNormal) = {Pfn(12), PageCount(52)};
  machine.reserved[0] = {Pfn(16), PageCount(1)};
  machine.top_order = 3;
  Played played(machine);
  played.play(Played::block_of(2, 1));
  const auto objection = [&](unsigned order, Gfp gfp, std::uint64_t frame) {
    const PagesAlloc alloc{CpuId(0), Order(order), gfp, kAnyNode, Fresh<'b'>(9)};
    return played.contract.expect(alloc).objection({Refusal::kNone, frame});
  };
  EXPECT_EQ(objection(2, kGfpKernel, 14), "no multiple of 4");
  EXPECT_EQ(objection(3, kGfpKernel, 8), "reaches beyond the end of its zone, 12");
  EXPECT_EQ(objection(0, kGfpKernel, 64), "in no zone that the request may have");
  EXPECT_EQ(objection(0, kGfpDma, 12), "in no zone that the request may have");
  EXPECT_EQ(objection(4, kGfpKernel, 32), "no block is so large");
  EXPECT_EQ(objection(0, kGfpKernel, 16), "some of its frames do not exist or are reserved");
  EXPECT_EQ(objection(0, kGfpKernel, 20), "");
  const std::uint64_t given = played.contract.blocks().at(1).frame;
  EXPECT_EQ(objection(0, kGfpKernel, given), "frame " + std::to_string(given) + " is in use");
}

// ---- what if ----

std::string view(const Contract& contract) {
  std::string text;
  for (const SpaceHandle space : contract.spaces()) {
    text += "p" + std::to_string(space.number()) + (contract.is_killed(space) ? " killed" : "");
    for (const auto& [start, range] : contract.ranges(space).all()) {
      text += " " + std::to_string(start) + "-" + std::to_string(range.end) + ":" + std::to_string(range.prot.bits()) +
              "," + std::to_string(range.family);
      for (const FamilyId family : range.chain) text += "/" + std::to_string(family);
      for (std::uint64_t at = start; at < range.end; at += kPage)
        text += "=" + std::to_string(contract.byte_at(space, at));
    }
    text += ";";
  }
  for (unsigned handle = 1; handle < 4; ++handle)
    if (contract.blocks().holds(handle)) text += " b" + std::to_string(contract.blocks().at(handle).frame);
  return text + " " + std::to_string(contract.pages());
}

TEST(Contract, WhatWasTriedIsUndone) {
  Played played;
  played.set_up();
  played.play(Played::fork_of(kOne, kTwo));
  const std::string before = view(played.contract);
  const std::vector<Operation> tried = {
      Played::store_of(kTwo, kAt, 9),
      Played::fork_of(kTwo, SpaceHandle(3)),
      Played::unmap_of(kOne, 1),
      Played::map_of(kOne, 3, kMapFixed, kAt + 8 * kPage),
      Played::block_of(0, 1),
      SpaceExit{CpuId(0), kTwo},
      SpaceCreate{CpuId(0), Address(0), Address(0), Fresh<'p'>(2)},
  };
  const Contract::Mark outer = played.contract.mark();
  std::vector<std::string> views;
  for (const Operation& operation : tried) {
    views.push_back(view(played.contract));
    static_cast<void>(played.contract.mark());
    played.play(operation);
    EXPECT_NE(view(played.contract), views.back()) << name_of(operation);
  }
  for (std::size_t i = tried.size(); i-- > 3;) {
    played.contract.rewind(outer + 1 + i);
    EXPECT_EQ(view(played.contract), views[i]) << name_of(tried[i]);
  }
  played.contract.rewind(outer);
  EXPECT_EQ(view(played.contract), before);
  // And from here on as ever.
  EXPECT_EQ(played.load(kTwo, kAt), 7u);
  played.play(Played::store_of(kOne, kAt, 1));
  EXPECT_EQ(played.load(kTwo, kAt), 7u);
}

TEST(Contract, WhatIsForgottenStays) {
  Played played;
  played.set_up();
  const Contract::Mark outer = played.contract.mark();
  const Contract::Mark inner = played.contract.mark();
  played.play(Played::store_of(kOne, kAt, 8));
  played.contract.forget(inner);
  EXPECT_EQ(played.load(kOne, kAt), 8u);
  played.play(Played::store_of(kOne, kAt, 9));
  played.contract.rewind(outer);
  EXPECT_EQ(played.load(kOne, kAt), 7u);
}

}  // namespace
}  // namespace mmtwin::model
