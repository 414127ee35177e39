#include "lockstep/generate/edge.h"

#include <gtest/gtest.h>

#include "vocab/machine.h"
#include "vocab/operations.h"
#include "vocab/text.h"

namespace mmtwin::lockstep {
namespace {

constexpr SpaceHandle kSpace(1);
constexpr std::uint64_t kAt = 0x20000, kPages = 4;

Place place(std::uint64_t at) { return {AddressHandle(), at}; }

// A space with one mapping of four pages.
Foresight known_world() {
  Foresight known(find_preset("small")->machine, kFuzzHandles);
  known.assume(SpaceCreate{CpuId(0), {}, {}, Fresh<'p'>(1)});
  known.assume(RangeMapAnon{CpuId(0), kSpace, place(kAt), ByteCount(kPages * kPageBytes), kProtRead | kProtWrite,
                            kMapFixed, {}});
  return known;
}

// The same operation, one unit up or down in place or length.
template <class Op>
std::vector<Operation> beside(const Op& op, std::uint64_t unit) {
  std::vector<Operation> all;
  for (const std::uint64_t by : {unit, ~unit + 1}) {
    Op moved = op;
    moved.at = place(op.at.offset + by);
    all.push_back(moved);
    if constexpr (requires { op.length; }) {
      Op longer = op;
      longer.length = ByteCount(op.length.raw() + by);
      all.push_back(longer);
    }
  }
  return all;
}

// Of a hundred draws: how many were moved. Each that was stands beside another answer, or another list.
template <class Op>
unsigned moved_to_edges(const Op& start, std::uint64_t unit) {
  Foresight known = known_world();
  unsigned moved = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Random random(seed);
    Operation operation(start);
    move_to_edge(operation, known, random);
    if (print(operation) == print(Operation(start))) continue;
    ++moved;
    const auto here = known.prospect(operation);
    bool changes = false;
    for (const Operation& other : beside(std::get<Op>(operation), unit)) changes |= known.prospect(other) != here;
    EXPECT_TRUE(changes) << print(operation);
  }
  EXPECT_EQ(known.contract().ranges(kSpace).all().size(), 1u) << "what was tried is undone";
  return moved;
}

TEST(Edge, AnAccessIsMovedToWhereTheMemoryEnds) {
  EXPECT_GT(moved_to_edges(MemoryLoad{CpuId(0), kSpace, place(kAt + 3 * kPageBytes), Width(8)}, 1024), 30u);
}

TEST(Edge, AMappingIsMovedToWhereItMeetsAnother) {
  const RangeMapAnon map{CpuId(0), kSpace, place(kAt - 3 * kPageBytes), ByteCount(kPageBytes), kProtRead,
                         kMapFixed | kMapNoReplace, {}};
  EXPECT_GT(moved_to_edges(map, kPageBytes), 20u);
}

// Nothing is refused there, but the list gets longer or does not: neighbours with equal rights merge.
TEST(Edge, AMappingIsMovedToWhereItMerges) {
  const RangeMapAnon map{CpuId(0), kSpace, place(kAt + 6 * kPageBytes), ByteCount(kPageBytes), kProtRead | kProtWrite,
                         kMapFixed, {}};
  EXPECT_GT(moved_to_edges(map, kPageBytes), 20u);
}

TEST(Edge, AProtectIsMovedToWhereAHoleBegins) {
  const RangeProtect protect{CpuId(0), kSpace, place(kAt + kPageBytes), ByteCount(kPageBytes), kProtRead};
  EXPECT_GT(moved_to_edges(protect, kPageBytes), 30u);
}

TEST(Edge, WhatHasNoEdgeNearbyStays) {
  EXPECT_EQ(moved_to_edges(MemoryLoad{CpuId(0), kSpace, place(kAt + 64 * kPageBytes), Width(1)}, 1024), 0u);
}

}  // namespace
}  // namespace mmtwin::lockstep
