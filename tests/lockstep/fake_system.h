// A page allocator of one zone, honest by default, that tells one planted lie when asked: what the harness must catch.
//
// Laws: those of pages_ in docs/RULES.md section 1, on machines with one node and a NORMAL zone only. Context: tests.
// Cost: linear searches. It deliberately has no spaces: operations on them answer ok and do nothing.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/system.h"

namespace mmtwin {
struct PagesAlloc;  // vocab/operations.h, as are the next
struct PagesAllocExact;
struct PagesFree;
struct PagesDrainCpu;
struct FailNext;
}  // namespace mmtwin

namespace mmtwin::lockstep {

enum class Lie {
  kNone,
  kWrongFrame,        // pages_alloc answers the frame next to the one it took
  kUsedFrame,         // pages_alloc hands out the zero page once more
  kNeedlessRefusal,   // pages_alloc answers oom though it could have given
  kLostFrame,         // pages_free forgets to return the block, and nobody hears of it
  kUnmarkedChange,    // the operation changes the zero page's reference count without saying so
  kMarkedChange,      // the same, but marked
  kRefusalLeavesMark,  // a refused pages_alloc_exact changes the zero page's reference count
  kNoEvent,           // the frame is taken in silence
  kBrokenInside,      // nothing that anybody sees, but its own walk does
  kCrash,
  kHang,
};

class FakeSystem final : public System {
 public:
  explicit FakeSystem(Lie lie = Lie::kNone, unsigned at_apply = 1) : lie_(lie), lie_at_(at_apply) {}
  // The lie is told by the n-th operation of one kind only.
  FakeSystem(Lie lie, std::string kind, unsigned at) : lie_(lie), lie_at_(at), lie_kind_(std::move(kind)) {}

  std::string_view name() const override { return "fake"; }
  Claims claims() const override;
  void start(const MachineDescription& machine, EventSink& sink) override;
  Response apply(const Operation& operation) override;
  const Changes& changes() override { return changes_; }
  FrameObservation frame(Pfn at) override;
  void ranges(SpaceHandle, std::vector<RangeObservation>&) override {}
  SpaceObservation space(SpaceHandle) override { return {}; }
  ZoneObservation zone(NodeId node, ZoneKind kind) override;
  EntryObservation entry(SpaceHandle, Vpn) override { return {}; }
  std::span<const std::uint8_t> bytes(Pfn) override { return {}; }
  std::optional<std::string_view> complaint() override { return is_broken_inside_ ? "it is whole" : ""; }

 private:
  struct Frame {
    FrameState state = FrameState::kFree;
    Role role = Role::kNone;
    unsigned order = 0;
    unsigned cpu = 0;
    std::uint64_t head = 0;
    unsigned references = 0;
  };
  struct Block {
    std::uint64_t first = 0, frames = 0;
    unsigned order = 0;
    bool exact = false;
  };
  struct FreeBlock {
    std::uint64_t head = 0;
    unsigned order = 0;
  };
  bool lies(Lie lie) const { return lying_ && lie_ == lie; }
  FreeBlock free_block_around(std::uint64_t at) const;
  std::uint64_t free_count() const;
  bool has_block(unsigned order, std::uint64_t* head = nullptr) const;
  bool may_give(unsigned order, Gfp gfp) const;
  bool request(unsigned cpu, Role role, unsigned order, Gfp gfp, std::uint64_t& head);
  std::uint64_t take(unsigned cpu, Role role, unsigned order);
  void make_used(unsigned cpu, std::uint64_t head, unsigned order, Role role);
  void give_single(unsigned cpu, std::uint64_t at);
  void give_block(unsigned cpu, const Block& block);
  void drain(unsigned by, unsigned cpu, std::size_t frames);
  void emit(EventKind kind, unsigned cpu, std::uint64_t frame, unsigned order = 0, Role role = Role::kNone,
            unsigned index = 0);
  void mark(std::uint64_t at);

  Response run(const PagesAlloc& op);
  Response run(const PagesAllocExact& op);
  Response run(const PagesFree& op);
  Response run(const PagesDrainCpu& op);
  Response run(const FailNext& op);
  template <class Op>
  Response run(const Op&) {
    return {};
  }

  Lie lie_;
  unsigned lie_at_;
  std::string lie_kind_;
  unsigned applied_ = 0;
  bool lying_ = false;
  bool is_broken_inside_ = false;
  MachineDescription machine_;
  EventSink* sink_ = nullptr;
  std::vector<Frame> frames_;
  std::array<std::vector<std::uint64_t>, kMaxCpus> lists_;
  std::map<unsigned, Block> blocks_;
  std::uint64_t fail_in_ = 0;
  Changes changes_;
};

}  // namespace mmtwin::lockstep
