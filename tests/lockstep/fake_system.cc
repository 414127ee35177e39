#include "tests/lockstep/fake_system.h"
#include "vocab/activities.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <variant>

#include "vocab/operations.h"

namespace mmtwin::lockstep {

Claims FakeSystem::claims() const {
  using enum Claim;
  return {kRequests, kCpuLists, kFrames, kCounters, kExactZones};
}

void FakeSystem::start(const MachineDescription& machine, EventSink& sink) {
  machine_ = machine;
  sink_ = &sink;
  frames_.assign(machine.frame_limit(), Frame{});
  for (auto& list : lists_) list.clear();
  blocks_.clear();
  changes_.clear();
  fail_in_ = 0;
  applied_ = 0;
  lying_ = is_broken_inside_ = false;
  for (const Role role : {Role::kRootTable, Role::kZeroPage}) {
    std::uint64_t head = 0;
    if (request(0, role, 0, kGfpWait, head)) emit(EventKind::kFrameZeroed, 0, head);
  }
}

Response FakeSystem::apply(const Operation& operation) {
  changes_.clear();
  if (lie_kind_.empty() || lie_kind_ == name_of(operation)) ++applied_;
  lying_ = applied_ == lie_at_ && (lie_kind_.empty() || lie_kind_ == name_of(operation));
  if (lies(Lie::kBrokenInside)) is_broken_inside_ = true;
  if (lies(Lie::kCrash)) std::raise(SIGSEGV);
  if (lies(Lie::kHang)) {
    for (;;) pause();
  }
  const Response response = std::visit([this](const auto& op) { return run(op); }, operation);
  const auto zero_page =
      std::find_if(frames_.begin(), frames_.end(), [](const Frame& f) { return f.role == Role::kZeroPage; });
  const bool is_refused_exact =
      std::holds_alternative<PagesAllocExact>(operation) && response.refusal != Refusal::kNone;
  const bool leaves_mark = lies(Lie::kMarkedChange) || (lie_ == Lie::kRefusalLeavesMark && is_refused_exact);
  if (lies(Lie::kUnmarkedChange) || leaves_mark) ++zero_page->references;
  if (leaves_mark) mark(static_cast<std::uint64_t>(zero_page - frames_.begin()));
  return response;
}

void FakeSystem::emit(EventKind kind, unsigned cpu, std::uint64_t frame, unsigned order, Role role, unsigned index) {
  Event event;
  event.kind = kind;
  event.cpu = CpuId(cpu);
  event.order = Order(order);
  event.role = role;
  event.index = static_cast<std::uint16_t>(index);
  event.frame = Pfn(frame);
  sink_->on_event(event);
}

void FakeSystem::mark(std::uint64_t at) {
  if (std::find(changes_.frames.begin(), changes_.frames.end(), Pfn(at)) == changes_.frames.end()) {
    changes_.frames.push_back(Pfn(at));
  }
}

FakeSystem::FreeBlock FakeSystem::free_block_around(std::uint64_t at) const {
  const FrameSpan& zone = machine_.node[0].zone(ZoneKind::kNormal);
  FreeBlock best{at, 0};
  for (unsigned order = 1; order <= machine_.top_order; ++order) {
    const std::uint64_t size = std::uint64_t{1} << order;
    const std::uint64_t head = at & ~(size - 1);
    if (head < zone.first.raw() || head + size > zone.end().raw()) break;
    for (std::uint64_t f = head; f < head + size; ++f) {
      if (frames_[f].state != FrameState::kFree) return best;
    }
    best = {head, order};
  }
  return best;
}

std::uint64_t FakeSystem::free_count() const {
  return static_cast<std::uint64_t>(
      std::count_if(frames_.begin(), frames_.end(), [](const Frame& f) { return f.state == FrameState::kFree; }));
}

bool FakeSystem::has_block(unsigned order, std::uint64_t* head) const {
  for (std::uint64_t at = 0; at < frames_.size(); ++at) {
    if (frames_[at].state != FrameState::kFree) continue;
    const FreeBlock block = free_block_around(at);
    if (block.order < order) continue;
    if (head) *head = block.head;
    return true;
  }
  return false;
}

bool FakeSystem::may_give(unsigned order, Gfp gfp) const {
  const std::uint64_t size = std::uint64_t{1} << order;
  std::uint64_t min = machine_.watermark_min;
  if (gfp.has(kGfpHigh)) min -= min / 2;
  if (gfp.has(kGfpNofail)) min = 0;
  const std::uint64_t free = free_count();
  return free >= size && free - (size - 1) > min && has_block(order);
}

void FakeSystem::make_used(unsigned cpu, std::uint64_t head, unsigned order, Role role) {
  for (std::uint64_t f = head; f < head + (std::uint64_t{1} << order); ++f) {
    frames_[f] = {FrameState::kUsed, role, order, 0, head, 1};
  }
  mark(head);
  if (!lies(Lie::kNoEvent)) emit(EventKind::kFrameTaken, cpu, head, order, role);
}

std::uint64_t FakeSystem::take(unsigned cpu, Role role, unsigned order) {
  std::uint64_t head = 0;
  if (order == 0) {
    auto& list = lists_[cpu];
    for (unsigned n = 0; list.empty() || (n > 0 && n < machine_.pcp_batch); ++n) {
      if (!has_block(0, &head)) break;
      frames_[head] = {FrameState::kListed, Role::kNone, 0, cpu, head, 0};
      mark(head);
      list.push_back(head);
      emit(EventKind::kListFilled, cpu, head, 0, Role::kNone, cpu);
    }
    head = list.back();
    list.pop_back();
  } else {
    has_block(order, &head);
  }
  make_used(cpu, head, order, role);
  return head;
}

bool FakeSystem::request(unsigned cpu, Role role, unsigned order, Gfp gfp, std::uint64_t& head) {
  emit(EventKind::kPageRequested, cpu, 0, order, role);
  if (fail_in_ != 0 && !gfp.has(kGfpNofail) && --fail_in_ == 0) {
    emit(EventKind::kFailureInjected, cpu, 0);
    emit(EventKind::kPageRefused, cpu, 0);
    return false;
  }
  if (!may_give(order, gfp) && gfp.any(kGfpWait | kGfpNofail)) {
    for (unsigned other = 0; other < machine_.cpus; ++other) drain(cpu, other, lists_[other].size());
  }
  if (!may_give(order, gfp) || lies(Lie::kNeedlessRefusal)) {
    emit(EventKind::kPageRefused, cpu, 0);
    return false;
  }
  head = take(cpu, role, order);
  return true;
}

void FakeSystem::drain(unsigned by, unsigned cpu, std::size_t frames) {
  if (by != cpu) {
    emit(EventKind::kInterruptSent, by, kNoRoot, 0, Role::kNone, cpu);
    emit(EventKind::kInterrupted, by, kNoRoot, 0, Role::kNone, cpu);
  }
  for (; frames > 0; --frames) {
    const std::uint64_t at = lists_[cpu].front();
    lists_[cpu].erase(lists_[cpu].begin());
    frames_[at] = Frame{};
    mark(at);
    emit(EventKind::kListDrained, cpu, at, 0, Role::kNone, cpu);
  }
  if (by != cpu) emit(EventKind::kInterruptAnswered, by, 0, 0, Role::kNone, cpu);
}

void FakeSystem::give_single(unsigned cpu, std::uint64_t at) {
  emit(EventKind::kFrameReturned, cpu, at);
  frames_[at] = {FrameState::kListed, Role::kNone, 0, cpu, at, 0};
  mark(at);
  lists_[cpu].push_back(at);
  while (lists_[cpu].size() > machine_.pcp_high) drain(cpu, cpu, machine_.pcp_batch);
}

void FakeSystem::give_block(unsigned cpu, const Block& block) {
  if (lies(Lie::kLostFrame)) return;
  if (block.exact || block.order == 0) {
    for (std::uint64_t f = 0; f < block.frames; ++f) give_single(cpu, block.first + f);
    return;
  }
  emit(EventKind::kFrameReturned, cpu, block.first, block.order);
  for (std::uint64_t f = block.first; f < block.first + block.frames; ++f) frames_[f] = Frame{};
  mark(block.first);
}

Response FakeSystem::run(const PagesAlloc& op) {
  std::uint64_t head = 0;
  if (lies(Lie::kUsedFrame)) {
    emit(EventKind::kPageRequested, op.cpu.raw(), 0, 0, Role::kBlock);
    emit(EventKind::kFrameTaken, op.cpu.raw(), 1, 0, Role::kBlock);
    return {Refusal::kNone, 1};
  }
  if (!request(op.cpu.raw(), Role::kBlock, op.order.raw(), op.gfp, head)) return {Refusal::kOom, 0};
  blocks_[op.result.number()] = {head, std::uint64_t{1} << op.order.raw(), op.order.raw(), false};
  if (op.gfp.has(kGfpZero)) {
    for (std::uint64_t f = 0; f < std::uint64_t{1} << op.order.raw(); ++f) {
      emit(EventKind::kFrameZeroed, op.cpu.raw(), head + f);
    }
  }
  return {Refusal::kNone, lies(Lie::kWrongFrame) ? head + 1 : head};
}

Response FakeSystem::run(const PagesAllocExact& op) {
  const auto order = static_cast<unsigned>(std::bit_width(op.pages.raw() - 1));
  std::uint64_t head = 0;
  if (!request(op.cpu.raw(), Role::kBlock, order, op.gfp, head)) return {Refusal::kOom, 0};
  for (std::uint64_t f = head; f < head + (std::uint64_t{1} << order); ++f) {
    frames_[f] = {FrameState::kUsed, Role::kBlock, 0, 0, f, 1};
    mark(f);
  }
  for (std::uint64_t f = head + op.pages.raw(); f < head + (std::uint64_t{1} << order); ++f) {
    give_single(op.cpu.raw(), f);
  }
  blocks_[op.result.number()] = {head, op.pages.raw(), 0, true};
  return {Refusal::kNone, head};
}

Response FakeSystem::run(const PagesFree& op) {
  const auto found = blocks_.find(op.block.number());
  give_block(op.cpu.raw(), found->second);
  blocks_.erase(found);
  return {};
}

Response FakeSystem::run(const PagesDrainCpu& op) {
  drain(op.cpu.raw(), op.target.raw(), lists_[op.target.raw()].size());
  return {};
}

Response FakeSystem::run(const FailNext& op) {
  fail_in_ = op.n.raw();
  return {};
}

FrameObservation FakeSystem::frame(Pfn at) {
  const Frame& f = frames_[at.raw()];
  FrameObservation seen;
  seen.state = f.state;
  if (f.state == FrameState::kFree) {
    const FreeBlock block = free_block_around(at.raw());
    seen.head = Pfn(block.head);
    seen.order = Order(block.order);
  } else if (f.state == FrameState::kListed) {
    seen.cpu = CpuId(f.cpu);
  } else {
    seen.head = Pfn(f.head);
    seen.order = Order(f.order);
    seen.role = f.role;
    seen.references = f.references;
  }
  return seen;
}

ZoneObservation FakeSystem::zone(NodeId, ZoneKind) {
  ZoneObservation seen;
  seen.managed = machine_.node[0].zone(ZoneKind::kNormal).count;
  seen.free = PageCount(free_count());
  for (std::uint64_t at = 0; at < frames_.size();) {
    if (frames_[at].state != FrameState::kFree) {
      ++at;
      continue;
    }
    const FreeBlock block = free_block_around(at);
    ++seen.free_blocks[block.order];
    at = block.head + (std::uint64_t{1} << block.order);
  }
  return seen;
}

}  // namespace mmtwin::lockstep
