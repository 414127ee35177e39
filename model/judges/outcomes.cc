#include "model/judges/outcomes.h"

#include <algorithm>

#include "model/court.h"

namespace mmtwin::model {

void OutcomeJudge::judge_killed() {
  if (!now.killed || machine.spaces[now.space].root != 0)
    violated(Law::kRollback1, "killed space", "everything given back", "it still has tables");
  report.changed(machine.spaces[now.space]);
}

// What the machine must look like now.
void OutcomeJudge::judge(const Response& r) {
  const OperationRow& row = now.row;
  if (row.has(kTakesBlock)) return end_taking(r);
  if (row.has(kFreesBlock)) return end_freeing();
  if (row.has(kDrainsList)) return end_draining();
  if (row.has(kShrinks)) return end_shrink();
  if (row.has(kMakesSpace)) return end_making(r);
  if (row.has(kEndsSpace)) return end_exit();
  if (row.has(kSwitches)) return end_switch();
  if (row.has(kProtects)) return court.leaves.judge_leaves_of(now.space, now.named.at, now.named.length);
  if (row.has(kStores) && r.refusal == Refusal::kNone) return court.leaves.judge_stored_pages();
}

// The answered frame is the one that the events handed out.
bool OutcomeJudge::is_fresh_block(const Response& r) {
  if (act().frames.fresh.size() == 1 && act().frames.fresh[0].frame == r.value) return true;
  violated(Law::kAnswer, "frame", act().frames.fresh.empty() ? 0 : act().frames.fresh[0].frame, r.value);
  return false;
}

// How many frames of the block were zeroed.
std::uint64_t OutcomeJudge::zeroed_in(std::uint64_t frame, std::uint64_t count) {
  std::sort(act().frames.zeroed.begin(), act().frames.zeroed.end());
  const auto end = std::unique(act().frames.zeroed.begin(), act().frames.zeroed.end());
  if (end != act().frames.zeroed.end()) violated(Law::kIso2, "frames zeroed", "once each", "one of them twice");
  return static_cast<std::uint64_t>(std::count_if(act().frames.zeroed.begin(), end,
                                                  [&](std::uint64_t f) { return f >= frame && f - frame < count; }));
}

// The block that was asked for is there, zeroed if that was asked too; the tail of an exact one is back.
void OutcomeJudge::end_taking(const Response& r) {
  if (r.refusal != Refusal::kNone || !is_fresh_block(r)) return;
  const std::uint64_t kept = now.named.pages;
  if (now.row.has(kTakesExact)) {
    const std::uint64_t tail = (std::uint64_t{1} << now.named.order) - kept;
    if (act().frames.returned_heads != tail)
      return violated(Law::kFrame1, "heads returned", tail, act().frames.returned_heads);
    for (std::uint64_t i = 0; i < kept; ++i) {
      const FrameRecord& record = machine.frames.at(r.value + i);
      if (record.state != FrameState::kUsed || record.role != Role::kBlock)
        return violated(Law::kFrame1, "frame", "kept", "returned");
    }
  }
  if (!now.named.gfp.any(kGfpZero)) return;
  note(Law::kIso2);
  const std::uint64_t zeroed = zeroed_in(r.value, kept);
  if (zeroed != kept) violated(Law::kIso2, "frames zeroed", kept, zeroed);
}

void OutcomeJudge::end_freeing() {
  const std::uint64_t heads = now.block.exact ? now.block.pages : 1;
  if (act().frames.returned_heads != heads)
    violated(Law::kFrame1, "heads returned", heads, act().frames.returned_heads);
}

void OutcomeJudge::end_draining() {
  const unsigned target = now.named.target;
  const bool tells_interrupts = claims.has(Claim::kTranslations);
  if (tells_interrupts && target != now.cpu && (act().calls.heard >> target & 1u) == 0)
    return violated(Law::kCpu2, "interrupt", "to CPU " + std::to_string(target), "none");
  court.lists.look(now.own.lists);
  if (act().lists.drained) note(Law::kPcp2);
  if ((court.lists.emptied(now.own.lists) >> target & 1u) == 0)
    violated(Law::kPcp2, "drained lists", "empty at some moment", "never");
}

// A frame that is kept holds an object, so there are no more frames than objects.
void OutcomeJudge::end_shrink() {
  court.objects.note_shrunk();
  note(Law::kRollback2);
  const std::uint32_t all = (1u << kCaches) - 1;
  if (now.own.objects.shrunk != all)
    violated(Law::kRollback2, "caches that kept no empty slab at some moment", all, now.own.objects.shrunk);
}

// A create or a fork.
void OutcomeJudge::end_making(const Response& r) {
  if (now.child == 0) return;  // the parent was killed
  const Space& child = machine.spaces[now.child];
  if (r.refusal != Refusal::kNone) {  // what it did to the parent's leaves is judged with all touched ones
    if (child.root != 0 || child.resident_anon != 0) violated(Law::kRollback2, "child", "all returned", "kept");
  } else if (child.root == 0) {
    violated(Law::kPt1, "root table", "taken", "none");
  } else if (now.row.has(kForks) && claims.has(Claim::kTables)) {
    court.leaves.judge_fork();
  }
}

// The CPU runs the space, or is lazy: none was asked for.
void OutcomeJudge::end_switch() {
  if (!claims.has(Claim::kTranslations)) return;
  const Cpu& cpu = machine.cpus[now.cpu];
  if (now.named.space.is_none()) {
    if (!cpu.lazy) violated(Law::kAnswer, "cpu", "lazy", "runs a space");
  } else if (cpu.lazy || cpu.space != now.space) {
    violated(Law::kAnswer, "cpu", "runs the space", "does not");
  }
}

void OutcomeJudge::end_exit() {
  if (machine.spaces[now.space].root != 0) return violated(Law::kPt2, "root table", "returned", "kept");
  for (const Cpu& cpu : machine.cpus)
    if (cpu.space == now.space)
      return violated(Law::kTlb2, "loaded root", "the kernel's", "that of a space that is gone");
}

}  // namespace mmtwin::model
