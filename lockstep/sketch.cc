#include "lockstep/sketch.h"

#include <algorithm>
#include <type_traits>

#include "vocab/reflection.h"

namespace mmtwin::lockstep {
namespace {

constexpr std::size_t kMostRanges = 64;      // more are forgotten: they would only slow aiming down
constexpr std::uint64_t kFramesOfSpace = 5;  // root, tables of one small mapping, a share of slabs

constexpr std::uint64_t rounded_up(std::uint64_t bytes) { return (bytes + kPageBytes - 1) & ~(kPageBytes - 1); }

bool same_attributes(const SketchRange& a, const SketchRange& b) {
  return a.prot == b.prot && a.flags == b.flags && a.file == b.file;
}

}  // namespace

// What single operations do; everything that their fields alone tell is done for all alike in assume().
struct Sketch::Effects {
  Sketch& s;

  template <class Op>
  void operator()(const Op&) {}

  void operator()(const PagesAlloc& op) { add_block(op.result.number(), pages_in(op.order).raw()); }
  void operator()(const PagesAllocExact& op) { add_block(op.result.number(), op.pages.raw()); }
  void operator()(const PagesFree& op) {
    const auto found = std::find_if(s.blocks_.begin(), s.blocks_.end(),
                                    [&](const SketchBlock& b) { return b.number == op.block.number(); });
    if (found == s.blocks_.end()) return;
    s.used_ -= std::min(s.used_, found->frames);
    s.blocks_.erase(found);
  }

  void operator()(const SpaceCreate& op) {
    SketchSpace& made = add_space(op.result.number());
    made.heap = made.brk = op.brk.raw() == 0 ? s.default_heap() : op.brk.raw();
  }
  void operator()(const SpaceFork& op) {
    const SketchSpace* parent = s.space(op.space);
    if (parent == nullptr || op.result.is_none() || s.space(op.result.handle()) != nullptr) return;
    SketchSpace copy = *parent;
    copy.touched.clear();
    copy.number = op.result.number();
    add_space(copy.number) = std::move(copy);
  }
  void operator()(const SpaceExit& op) {
    const SketchSpace* gone = s.space(op.space);
    if (gone == nullptr) return;
    s.used_ -= std::min(s.used_, kFramesOfSpace + gone->touched.size());
    s.spaces_.erase(s.spaces_.begin() + (gone - s.spaces_.data()));
    for (SketchCpu& cpu : s.cpus_) {
      if (cpu.space == op.space.number()) cpu = {};
    }
  }
  void operator()(const SpaceAssume& op) {
    map(op.space, op.at, op, op.file, op.offset.raw());
    if (op.gone.raw() == 0) return;
    if (SketchSpace* space = s.find_space(op.space)) s.forget_range(*space, op.at, rounded_up(op.length.raw()));
  }
  void operator()(const RangeMapAnon& op) { map(op.space, placed(op), op, FileId(), placed(op).offset); }
  void operator()(const RangeMapFile& op) { map(op.space, placed(op), op, op.file, op.offset.raw()); }
  void operator()(const RangeUnmap& op) {
    if (SketchSpace* space = s.find_space(op.space)) s.forget_range(*space, op.at, rounded_up(op.length.raw()));
  }
  void operator()(const RangeProtect& op) {
    SketchSpace* space = s.find_space(op.space);
    if (space == nullptr) return;
    const std::uint64_t end = op.at.offset + rounded_up(op.length.raw());
    const std::vector<SketchRange> before = space->ranges;
    for (SketchRange range : before) {
      if (range.at.base != op.at.base) continue;
      const std::uint64_t first = std::max(range.at.offset, op.at.offset);
      const std::uint64_t last = std::min(range.at.offset + range.length, end);
      if (first >= last) continue;
      range.offset += first - range.at.offset;
      range.at.offset = first;
      range.length = last - first;
      range.prot = op.prot;
      s.forget_range(*space, range.at, range.length);
      s.add_range(*space, range);
    }
  }
  void operator()(const RangeBrk& op) {
    SketchSpace* space = s.find_space(op.space);
    if (space == nullptr || !op.at.base.is_none() || op.at.offset < space->heap) return;
    const std::uint64_t from = rounded_up(space->brk), to = rounded_up(op.at.offset);
    space->brk = op.at.offset;
    if (to < from) s.forget_range(*space, {AddressHandle(), to}, from - to);
    if (to > from) s.add_range(*space, {{AddressHandle(), from}, to - from, kProtRead | kProtWrite, {}, {}, 0});
  }
  void operator()(const MemoryStore& op) {
    SketchSpace* space = s.find_space(op.space);
    if (space == nullptr) return;
    const std::uint64_t page = (op.at.offset >> kPageShift) + (std::uint64_t{op.at.base.number()} << 52);
    if (std::find(space->touched.begin(), space->touched.end(), page) != space->touched.end()) return;
    space->touched.push_back(page);
    ++s.used_;
  }
  void operator()(const CpuSwitchSpace& op) {
    if (op.space.is_none()) s.cpus_[op.cpu.raw() % kMaxCpus].is_lazy = true;
  }

  // The place where a mapping will be, as far as it can be said: asked for, or the handle of what the machine chooses.
  template <class Op>
  static Place placed(const Op& op) {
    const bool is_fixed = op.flags.any(kMapFixed | kMapNoReplace);
    const bool is_usable_hint = op.at.offset % kPageBytes == 0 && op.at.offset != 0;
    if (is_fixed || is_usable_hint || op.result.is_none()) return op.at;
    return {AddressHandle(op.result.number()), 0};
  }
  template <class Op>
  void map(SpaceHandle handle, const Place& at, const Op& op, FileId file, std::uint64_t offset) {
    SketchSpace* space = s.find_space(handle);
    const std::uint64_t length = rounded_up(op.length.raw());
    if (space == nullptr || length == 0 || length > s.user_end()) return;
    const MapFlags kept = op.flags & (kMapShared | kMapNoReserve | kMapStack);
    s.forget_range(*space, at, length);
    s.add_range(*space, {at, length, op.prot, kept, file, offset});
  }
  void add_block(unsigned number, std::uint64_t frames) {
    if (number == 0) return;
    s.blocks_.push_back({number, frames});
    s.used_ += frames;
  }
  SketchSpace& add_space(unsigned number) {
    s.used_ += kFramesOfSpace;
    SketchSpace& made = s.spaces_.emplace_back();
    made.number = number;
    return made;
  }
};

Sketch::Sketch(const MachineDescription& machine, unsigned handles) : machine_(machine), handles_(handles) {
  std::uint64_t managed = 0, kept = 4;
  for (unsigned node = 0; node < machine.nodes; ++node) {
    for (unsigned kind = 0; kind < kZoneKinds; ++kind) {
      const std::uint64_t frames = machine.frames_managed(NodeId(node), static_cast<ZoneKind>(kind));
      managed += frames;
      kept += frames != 0 ? machine.watermark_min : 0;
    }
  }
  capacity_ = managed > kept + 1 ? managed - kept : 1;
}

void Sketch::assume(const Operation& operation) {
  std::visit(
      [&](const auto& op) {
        SketchCpu& cpu = cpus_[op.cpu.raw() % kMaxCpus];
        for_each_field(op, [&](const auto& field) {
          using T = typename std::decay_t<decltype(field)>::Value;
          if constexpr (std::is_same_v<T, SpaceHandle>) {
            if (!field.is_none() && space(field) != nullptr) cpu = {field.number(), false};
          } else if constexpr (std::is_same_v<T, Fresh<AddressHandle::kLetter>>) {
            if (!field.is_none()) rename_address(field.number());
          }
        });
        Effects{*this}(op);
      },
      operation);
}

// An address handle may be given anew: what was known by it is known no more.
void Sketch::rename_address(unsigned number) {
  if (std::find(addresses_.begin(), addresses_.end(), number) == addresses_.end()) {
    addresses_.push_back(number);
    return;
  }
  for (SketchSpace& space : spaces_) {
    std::erase_if(space.ranges, [&](const SketchRange& range) { return range.at.base.number() == number; });
  }
}

const SketchSpace* Sketch::space(SpaceHandle handle) const {
  const auto found = std::find_if(spaces_.begin(), spaces_.end(),
                                  [&](const SketchSpace& s) { return s.number == handle.number(); });
  return found == spaces_.end() ? nullptr : &*found;
}
SketchSpace* Sketch::find_space(SpaceHandle handle) { return const_cast<SketchSpace*>(space(handle)); }

unsigned Sketch::free_handle(char letter) const {
  const auto is_taken = [&](unsigned number) {
    const auto has_number = [&](const auto& thing) { return thing.number == number; };
    if (letter == BlockHandle::kLetter) return std::any_of(blocks_.begin(), blocks_.end(), has_number);
    if (letter == SpaceHandle::kLetter) return std::any_of(spaces_.begin(), spaces_.end(), has_number);
    return std::find(addresses_.begin(), addresses_.end(), number) != addresses_.end();
  };
  for (unsigned number = 1; number <= handles_; ++number) {
    if (!is_taken(number)) return number;
  }
  return 0;
}

unsigned Sketch::pressure() const {
  return static_cast<unsigned>(std::min<std::uint64_t>(used_ * 100 / capacity_, 999));
}
std::uint64_t Sketch::frames_free() const { return capacity_ > used_ ? capacity_ - used_ : 0; }

std::uint64_t Sketch::user_end() const {
  return (std::uint64_t{1} << (machine_.geometry == GeometryName::kX86 ? 47 : 27)) - kPageBytes;
}
std::uint64_t Sketch::default_heap() const {
  return machine_.geometry == GeometryName::kX86 ? 0x555555559000 : 0x1000000;
}
std::uint64_t Sketch::default_top() const {
  return machine_.geometry == GeometryName::kX86 ? 0x7ffff7fff000 : 0x7000000;
}
std::uint64_t Sketch::huge_bytes() const { return machine_.geometry == GeometryName::kX86 ? 0x200000 : 0x10000; }

void Sketch::forget_range(SketchSpace& space, const Place& at, std::uint64_t length) {
  const std::uint64_t end = at.offset + length;
  std::vector<SketchRange> kept;
  for (const SketchRange& range : space.ranges) {
    const std::uint64_t range_end = range.at.offset + range.length;
    if (range.at.base != at.base || range_end <= at.offset || range.at.offset >= end) {
      kept.push_back(range);
      continue;
    }
    if (range.at.offset < at.offset) {
      kept.push_back(range);
      kept.back().length = at.offset - range.at.offset;
    }
    if (range_end > end) {
      kept.push_back(range);
      kept.back().at.offset = end;
      kept.back().length = range_end - end;
      kept.back().offset += end - range.at.offset;
    }
  }
  space.ranges = std::move(kept);
}

void Sketch::add_range(SketchSpace& space, const SketchRange& range) {
  for (SketchRange& other : space.ranges) {
    if (other.at.base != range.at.base || !same_attributes(other, range)) continue;
    if (other.at.offset + other.length == range.at.offset) {
      other.length += range.length;
      return;
    }
    if (range.at.offset + range.length == other.at.offset) {
      other.at.offset = range.at.offset;
      other.length += range.length;
      other.offset = range.offset;
      return;
    }
  }
  if (space.ranges.size() == kMostRanges) space.ranges.erase(space.ranges.begin());
  space.ranges.push_back(range);
}

}  // namespace mmtwin::lockstep
