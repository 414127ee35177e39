// Legal scenes of every family of operations: none of them breaks a law.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000;
constexpr std::uint64_t kThere = 0x200000;

PagesAlloc alloc(unsigned handle, unsigned order, Gfp gfp = kGfpWait, NodeId node = kAnyNode, unsigned cpu = 0) {
  return {CpuId(cpu), Order(order), gfp, node, Fresh<'b'>(handle)};
}
PagesFree free_of(unsigned handle, unsigned cpu = 0) { return {CpuId(cpu), BlockHandle(handle)}; }

TEST(LegalPages, SingleFramesComeFromAListThatIsFilledWhenEmpty) {
  Writer w(machine_of("tiny"));
  w.boot();
  std::vector<std::uint64_t> frames;
  for (unsigned i = 1; i <= 5; ++i) {
    w.begin(alloc(i, 0));
    frames.push_back(w.take(Role::kBlock));
    w.end(Refusal::kNone, frames.back());
  }
  for (unsigned i = 1; i <= 5; ++i) {
    w.begin(free_of(i));
    w.put(frames[i - 1]);
    w.end();
  }
  w.begin(PagesDrainCpu{CpuId(0), CpuId(0)});
  w.drain_all();
  w.end();
  w.step(AtRest{});
  expect_legal(w.scene());
}

TEST(LegalSpaces, StoreForkStoreAndExit) {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.map(1, kHere, 4);
  n.load(1, kHere);
  n.store(1, kHere, 7);
  n.store(1, kHere + kPage, 8);
  n.load(1, kHere, 7, 1);
  n.fork(1, 2);
  n.store(2, kHere, 9);
  n.load(1, kHere, 7);
  n.store(1, kHere, 10);
  n.load(2, kHere, 9, 1);
  n.protect(1, kHere, 4, kProtRead);
  n.unmap(1, kHere + kPage, 3);
  n.exit(2);
  n.exit(1);
  expect_legal(n.scene());
}

}  // namespace
}  // namespace mmtwin::model
