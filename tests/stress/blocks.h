// Blocks: page blocks that a CPU holds; every frame of them carries a mark that nobody else may touch.
//
// Laws: FRAME-1 (no frame in two hands), ISO-2 (what is asked zeroed is zero), OOM-1. Context: the runner's thread;
// blocks go to other CPUs through an Exchange. Cost: one word written and compared a frame. It deliberately holds few
// blocks at once, except when asked to hog.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "tests/stress/runner.h"

namespace mmtwin::stress {

struct Block {
  Pfn first{};
  std::uint64_t frames = 0;
  Order order{};
  bool is_exact = false;  // frames singly; otherwise one block of `order`
  std::uint64_t mark = 0;
};

// Where one thread leaves what another picks up, as programs hand things over: under a lock.
template <class T>
class Exchange {
 public:
  void put(T thing) {
    const std::lock_guard guard(mutex_);
    things_.push_back(std::move(thing));
  }
  std::optional<T> take() {
    const std::lock_guard guard(mutex_);
    if (things_.empty()) return std::nullopt;
    std::optional<T> thing(std::move(things_.back()));
    things_.pop_back();
    return thing;
  }

 private:
  std::mutex mutex_;
  std::vector<T> things_;
};

class Blocks {
 public:
  Blocks(Runner& runner, Exchange<Block>& others) : runner_(runner), others_(others) {}

  // Takes, frees, or hands over one block.
  void step();
  // Takes all large blocks that there are.
  void hog();
  void free_all();

 private:
  bool take(Order order, Gfp gfp);
  void take_exact();
  void hold(Block block, bool is_zero);
  void give(std::size_t index);
  void give(const Block& block);
  impl::Ram& ram() { return runner_.mm().hardware().ram(); }

  Runner& runner_;
  Exchange<Block>& others_;
  std::vector<Block> held_;
  std::uint64_t marks_ = 0;
};

}  // namespace mmtwin::stress
