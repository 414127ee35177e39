#include "lockstep/generate/foresight.h"

#include <algorithm>

#include "model/contract/block_requests.h"
#include "vocab/operations.h"

namespace mmtwin::lockstep {
namespace {

constexpr std::uint64_t kFramesOfSpace = 5;  // root, tables of one small mapping, a share of slabs

template <class Op>
constexpr bool kActsOnLoadedSpace = HasPlace<Op> && !HasSpace<Op>;

}  // namespace

Foresight::Foresight(const MachineDescription& machine, unsigned handles) : machine_(machine), handles_(handles) {
  contract_.start(machine);
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

bool Foresight::is_in_vain(const Operation& operation) const {
  if (contract_.inapplicable(operation) != model::Skip::kNone) return true;
  const auto& cpu = cpus_[cpu_of(operation).raw() % kMaxCpus];
  const bool needs_loaded = std::visit(
      []<class Op>(const Op&) { return kActsOnLoadedSpace<Op> || std::is_same_v<Op, CpuFlushSpace>; }, operation);
  return needs_loaded && (cpu.space == 0 || cpu.is_lazy);
}

void Foresight::play(const Operation& operation) {
  const Response answer = contract_.expect(operation).plainest();
  contract_.adopt(operation, answer);
  const SpaceHandle space = space_of(operation);
  KnownCpu& cpu = cpus_[cpu_of(operation).raw() % kMaxCpus];
  if (!space.is_none()) cpu = {space.number(), false};
  if (std::holds_alternative<CpuSwitchSpace>(operation) && space.is_none()) cpu.is_lazy = true;
  if (answer.refusal == Refusal::kNone) note_made(operation, answer);
  note_gone(operation);
  const auto* const store = std::get_if<MemoryStore>(&operation);
  if (store != nullptr && answer.refusal == Refusal::kNone) note_touched(*store);
  const bool is_access = std::visit([]<class Op>(const Op&) { return IsAccess<Op>; }, operation);
  KnownSpace* const known = is_access ? nullptr : find_space(space);
  if (known != nullptr) known->is_listed = false;
}

Foresight::Prospect Foresight::prospect(const Operation& operation) {
  const Response answer = contract_.expect(operation).plainest();
  const bool changes_ranges = std::visit(
      []<class Op>(const Op&) { return HasSpace<Op> && HasPlace<Op> && !IsAccess<Op>; }, operation);
  if (!changes_ranges || answer.refusal != Refusal::kNone) return {answer.refusal, 0};
  const model::Contract::Mark mark = contract_.mark();
  (void)contract_.commit(operation, answer);
  const std::uint64_t ranges = contract_.ranges(space_of(operation)).all().size();
  contract_.rewind(mark);
  return {answer.refusal, ranges};
}

void Foresight::note_made(const Operation& operation, const Response& answer) {
  std::visit(
      [&]<class Op>(const Op& op) {
        if constexpr (makes<Op>() == 'b') {
          blocks_.push_back({op.result.number(), model::pages_of(op)});
          used_ += blocks_.back().frames;
        } else if constexpr (makes<Op>() == 'p') {
          KnownSpace& made = spaces_.emplace_back();
          made.number = op.result.number();
          made.heap = contract_.ranges(op.result.handle()).heap_start();
          made.is_listed = false;
          used_ += kFramesOfSpace;
        } else if constexpr (makes<Op>() == 'a') {
          const unsigned number = op.result.number();
          std::erase(addresses_, number);
          std::erase(chosen_addresses_, number);
          if (number == 0) return;
          addresses_.push_back(number);
          if (answer.value != contract_.address(op.at.value())) chosen_addresses_.push_back(number);
        }
      },
      operation);
}

void Foresight::note_gone(const Operation& operation) {
  if (const auto* op = std::get_if<PagesFree>(&operation)) {
    const auto found = std::find_if(blocks_.begin(), blocks_.end(),
                                    [&](const KnownBlock& block) { return block.number == op->block.number(); });
    used_ -= std::min(used_, found->frames);
    blocks_.erase(found);
  } else if (const auto* exit = std::get_if<SpaceExit>(&operation)) {
    const KnownSpace* const gone = find_space(exit->space);
    used_ -= std::min(used_, kFramesOfSpace + gone->touched.size());
    spaces_.erase(spaces_.begin() + (gone - spaces_.data()));
    for (KnownCpu& cpu : cpus_)
      if (cpu.space == exit->space.number()) cpu = {};
  }
}

void Foresight::note_touched(const MemoryStore& store) {
  KnownSpace& known = *find_space(store.space);
  const std::uint64_t page = contract_.address(store.at.value()) >> kPageShift;
  if (std::find(known.touched.begin(), known.touched.end(), page) != known.touched.end()) return;
  known.touched.push_back(page);
  ++used_;
}

void Foresight::list_ranges(KnownSpace& space) const {
  space.ranges.clear();
  space.is_listed = true;
  for (const auto& [start, range] : contract_.ranges(SpaceHandle(space.number)).all()) {
    space.ranges.push_back({name_place(start, range.end), range.end - start, range.prot, range.flags,
                            FileId(range.file), range.offset});
  }
}

// By a handle, it stays the same place where the machine chooses another address.
Place Foresight::name_place(std::uint64_t start, std::uint64_t end) const {
  for (const unsigned number : chosen_addresses_) {
    const AddressHandle handle(number);
    const std::uint64_t named = contract_.address({handle, 0});
    if (named >= start && named < end) return {handle, start - named};
  }
  return {AddressHandle(), start};
}

KnownSpace* Foresight::find_space(SpaceHandle handle) {
  const auto found = std::find_if(spaces_.begin(), spaces_.end(),
                                  [&](const KnownSpace& s) { return s.number == handle.number(); });
  return found == spaces_.end() ? nullptr : &*found;
}

const std::vector<KnownSpace>& Foresight::spaces() const {
  for (KnownSpace& space : spaces_)
    if (!space.is_listed) list_ranges(space);
  return spaces_;
}

const KnownSpace* Foresight::space(SpaceHandle handle) const {
  for (KnownSpace& space : spaces_) {
    if (space.number != handle.number()) continue;
    if (!space.is_listed) list_ranges(space);
    return &space;
  }
  return nullptr;
}

unsigned Foresight::free_handle(char letter) const {
  const auto is_taken = [&](unsigned number) {
    if (letter == BlockHandle::kLetter) return contract_.blocks().holds(number);
    if (letter == SpaceHandle::kLetter) return contract_.has_space(SpaceHandle(number));
    return std::find(addresses_.begin(), addresses_.end(), number) != addresses_.end();
  };
  for (unsigned number = 1; number <= handles_; ++number) {
    if (!is_taken(number)) return number;
  }
  return 0;
}

unsigned Foresight::pressure() const {
  return static_cast<unsigned>(std::min<std::uint64_t>(used_ * 100 / capacity_, 999));
}
std::uint64_t Foresight::frames_free() const { return capacity_ > used_ ? capacity_ - used_ : 0; }

}  // namespace mmtwin::lockstep
