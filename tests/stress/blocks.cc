#include "tests/stress/blocks.h"

namespace mmtwin::stress {
namespace {

constexpr std::size_t kMostHeld = 16;
constexpr unsigned kMarkAt = 128;  // byte of the frame

}  // namespace

void Blocks::hold(Block block, bool is_zero) {
  block.mark = ++marks_ * kCpus + runner_.cpu();
  for (std::uint64_t i = 0; i < block.frames; ++i) {
    const Pfn frame = block.first + PageCount(i);
    expect(!is_zero || ram().read(frame, kMarkAt, 8) == 0, "what was asked zeroed is zero", runner_.cpu(), frame.raw());
    ram().write(frame, kMarkAt, 8, block.mark);
  }
  held_.push_back(block);
}

bool Blocks::take(Order order, Gfp gfp) {
  const NodeId node = runner_.one_in(4) ? NodeId(static_cast<unsigned>(runner_.draw(4))) : kAnyNode;
  runner_.count(Verb::kPagesAlloc);
  const Outcome<Pfn> got = runner_.mm().pages_alloc(CpuId(runner_.cpu()), order, gfp, node);
  if (!got) {
    expect(got.refusal() == Refusal::kOom, "a request is refused only for want of memory", runner_.cpu());
    expect(runner_.memory_may_end() || order.raw() > 5 || !gfp.has(kGfpWait),
           "small blocks are there while memory is plentiful", runner_.cpu(), order.raw());
    return false;
  }
  hold({*got, pages_in(order).raw(), order, false, 0}, gfp.has(kGfpZero));
  return true;
}

void Blocks::take_exact() {
  const PageCount pages(1 + runner_.draw(12));
  const bool is_zero = runner_.one_in(2);
  runner_.count(Verb::kExactAlloc);
  const Outcome<Pfn> got = runner_.mm().pages_alloc_exact(CpuId(runner_.cpu()), pages,
                                                          is_zero ? kGfpWait | kGfpZero : kGfpWait, kAnyNode);
  expect(got.is_ok() || runner_.memory_may_end(), "a few frames are there while memory is plentiful", runner_.cpu());
  if (got) hold({*got, pages.raw(), Order(0), true, 0}, is_zero);
}

void Blocks::give(const Block& block) {
  const CpuId cpu(runner_.cpu());
  for (std::uint64_t i = 0; i < block.frames; ++i) {
    const Pfn frame = block.first + PageCount(i);
    const std::uint64_t seen = ram().read(frame, kMarkAt, 8);
    expect(seen == block.mark, "a frame is in one hand only", runner_.cpu(), frame.raw(), seen, block.mark);
  }
  runner_.count(block.is_exact ? Verb::kExactFree : Verb::kPagesFree);
  if (block.is_exact)
    runner_.mm().pages_free_exact(cpu, block.first, PageCount(block.frames));
  else
    runner_.mm().pages_free(cpu, block.first, block.order);
}

void Blocks::give(std::size_t index) {
  const Block block = held_[index];
  held_[index] = held_.back();
  held_.pop_back();
  give(block);
}

void Blocks::step() {
  const std::uint64_t what = runner_.draw(16);
  if (what == 0) {
    if (held_.empty()) return;
    others_.put(held_.back());
    held_.pop_back();
  } else if (what <= 2) {
    if (const std::optional<Block> block = others_.take()) give(*block);
  } else if (held_.empty() || (what < 10 && held_.size() < kMostHeld)) {
    if (runner_.one_in(6)) return take_exact();
    const Gfp kinds[] = {kGfpWait, kGfpWait, kGfpWait | kGfpZero, kGfpAtomic, kGfpWait | kGfpDma};
    const Gfp gfp = kinds[runner_.draw(5)];
    take(runner_.one_in(2) ? Order(0) : Order(static_cast<unsigned>(runner_.draw(gfp.has(kGfpDma) ? 2 : 6))), gfp);
  } else {
    give(runner_.draw(held_.size()));
  }
}

void Blocks::hog() {
  for (unsigned order = kMaxOrder; order > 2; --order) {
    while (take(Order(order), kGfpWait)) {
    }
  }
}

void Blocks::free_all() {
  while (!held_.empty()) give(held_.size() - 1);
  while (const std::optional<Block> block = others_.take()) give(*block);
}

}  // namespace mmtwin::stress
