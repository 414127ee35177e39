// Spaces shared by processors that really run at the same time. Worth most under the thread sanitizer.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "impl/mm.h"

namespace mmtwin::impl {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kBase = 0x100000;
constexpr Prot kRw = kProtRead | kProtWrite;

MachineDescription two_cpus() {
  MachineDescription machine = find_preset("small-x86", 1)->machine;
  machine.range_cap = 64;
  return machine;
}

struct Shared {
  MmOf<X86Geometry> mm{two_cpus()};
  SpaceId space = mm.space_create(CpuId(0), Address(0), Address(0)).value();

  bool map(unsigned cpu, std::uint64_t first, std::uint64_t pages) {
    return mm.range_map(CpuId(cpu), space, {kBase + first * kPage, pages * kPage, kRw, kMapFixed, 0, 0}).is_ok();
  }
};

// A byte of its own for each CPU, so that only the memory manager is shared.
Address byte_of(std::uint64_t page, unsigned cpu) { return Address(kBase + page * kPage + 64 * cpu); }

TEST(SharedSpace, WhatOneCpuWroteIsThereWhateverTheOtherUnmapsBeside) {
  Shared s;
  ASSERT_TRUE(s.map(0, 0, 16));
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (unsigned round = 0; round < 2000; ++round) {
      EXPECT_TRUE(s.mm.range_unmap(CpuId(1), s.space, Address(kBase + 8 * kPage), ByteCount(4 * kPage)).is_ok());
      EXPECT_TRUE(s.map(1, 8, 4));
      EXPECT_TRUE(s.mm.memory_store(CpuId(1), s.space, byte_of(9, 1), 8, round).is_ok());
    }
    done = true;
  });
  std::uint64_t round = 0;
  while (!done || round < 1000) {
    ++round;
    for (std::uint64_t page : {0, 7, 12}) {
      ASSERT_TRUE(s.mm.memory_store(CpuId(0), s.space, byte_of(page, 0), 8, round).is_ok());
      ASSERT_EQ(s.mm.memory_load(CpuId(0), s.space, byte_of(page, 0), 8).value(), round);
    }
    // A page that comes and goes holds what was written since it came, or zero, or is not mapped.
    const auto seen = s.mm.memory_load(CpuId(0), s.space, byte_of(10, 0), 8);
    EXPECT_TRUE(seen ? *seen == 0 : seen.refusal() == Refusal::kSegvMapErr);
  }
  other.join();
}

TEST(SharedSpace, ForksOnOneCpuNeverTearStoresOnTheOther) {
  Shared s;
  ASSERT_TRUE(s.map(0, 0, 4));
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (unsigned round = 0; round < 1000; ++round) {
      const auto child = s.mm.space_fork(CpuId(1), s.space);
      ASSERT_TRUE(child.is_ok());
      ASSERT_TRUE(s.mm.memory_store(CpuId(1), *child, byte_of(1, 1), 8, 77).is_ok());
      s.mm.space_exit(CpuId(1), *child);
      ASSERT_TRUE(s.mm.memory_store(CpuId(1), s.space, byte_of(2, 1), 8, round).is_ok());
      ASSERT_EQ(s.mm.memory_load(CpuId(1), s.space, byte_of(2, 1), 8).value(), round);
    }
    done = true;
  });
  std::uint64_t round = 0;
  while (!done) {
    ++round;
    for (std::uint64_t page = 0; page < 3; ++page) {
      ASSERT_TRUE(s.mm.memory_store(CpuId(0), s.space, byte_of(page, 0), 8, round).is_ok());
    }
    for (std::uint64_t page = 0; page < 3; ++page) {
      ASSERT_EQ(s.mm.memory_load(CpuId(0), s.space, byte_of(page, 0), 8).value(), round);
    }
    if (round % 16 == 0) {
      ASSERT_TRUE(s.mm.cpu_switch(CpuId(0), {}).is_ok());
    }
  }
  other.join();
}

TEST(SharedSpace, SpacesOfTwoCpusDoNotMeet) {
  MmOf<X86Geometry> mm{two_cpus()};
  const auto work = [&mm](unsigned cpu) {
    for (unsigned round = 0; round < 500; ++round) {
      const auto space = mm.space_create(CpuId(cpu), Address(0), Address(0));
      ASSERT_TRUE(space.is_ok());
      const auto at = mm.range_map(CpuId(cpu), *space, {0, 8 * kPage, kRw, {}, 0, 0});
      ASSERT_TRUE(at.is_ok());
      for (std::uint64_t page = 0; page < 8; ++page)
        ASSERT_TRUE(mm.memory_store(CpuId(cpu), *space, Address(*at + page * kPage), 8, cpu + 1).is_ok());
      ASSERT_TRUE(mm.range_protect(CpuId(cpu), *space, Address(*at), ByteCount(3 * kPage), kProtRead).is_ok());
      ASSERT_EQ(mm.memory_load(CpuId(cpu), *space, Address(*at + 3 * kPage), 8).value(), cpu + 1);
      mm.space_exit(CpuId(cpu), *space);
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
}

// Unmapping takes the entry away, then flushes, then gives the page back. Before the flush another thread of the space
// may still read the page, so the child that shares it may not take it for its own alone.
TEST(SharedSpace, APageIsNotTheChildsOwnWhileAThreadOfTheParentMayStillReadIt) {
  constexpr unsigned kRounds = 400;
  constexpr std::uint64_t kPages = 40;
  MachineDescription machine = two_cpus();
  machine.cpus = 3;
  machine.cpu_node = {0, 1, 1};
  MmOf<X86Geometry> mm{machine};
  const SpaceId space = mm.space_create(CpuId(0), Address(0), Address(0)).value();
  std::atomic<unsigned> reading{0};           // how often the reader has seen the page; relaxed: it orders nothing
  std::atomic<std::uint64_t> child{0};        // of this round; 0: its storer is done with it
  std::atomic<bool> done{false};
  unsigned wrong = 0;  // answers to the reader
  const Address readers = byte_of(0, 1);
  std::thread reader([&] {
    for (unsigned seen = 0; !done;) {
      const auto got = mm.memory_load(CpuId(1), space, readers, 8);
      if (got ? *got != 0 : got.refusal() != Refusal::kSegvMapErr) ++wrong;
      if (got) reading.store(++seen, std::memory_order_relaxed);
    }
  });
  std::thread storer([&] {
    while (!done) {
      const SpaceId own{child.load(std::memory_order_acquire)};
      if (own.offset == 0) {
        std::this_thread::yield();
        continue;
      }
      EXPECT_TRUE(mm.memory_store(CpuId(2), own, readers, 8, 77).is_ok());
      mm.space_exit(CpuId(2), own);
      child.store(0, std::memory_order_release);
    }
  });
  for (unsigned round = 0; round < kRounds; ++round) {
    const MapRequest request{kBase, kPages * kPage, kRw, kMapFixed, 0, 0};
    ASSERT_TRUE(mm.range_map(CpuId(0), space, request).is_ok());
    for (std::uint64_t page = 0; page < kPages; ++page)
      ASSERT_TRUE(mm.memory_store(CpuId(0), space, byte_of(page, 0), 8, 1).is_ok());
    const SpaceId fresh = mm.space_fork(CpuId(0), space).value();
    const unsigned seen = reading.load(std::memory_order_relaxed);
    while (reading.load(std::memory_order_relaxed) < seen + 2) std::this_thread::yield();
    child.store(fresh.offset, std::memory_order_release);
    ASSERT_TRUE(mm.range_unmap(CpuId(0), space, Address(kBase), ByteCount(kPages * kPage)).is_ok());
    while (child.load(std::memory_order_acquire) != 0) std::this_thread::yield();
  }
  done = true;
  reader.join();
  storer.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace mmtwin::impl
