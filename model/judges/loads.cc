#include "model/judges/loads.h"

#include <algorithm>

#include "model/court.h"

namespace mmtwin::model {

// The operation's own space, first of all and unless it runs already; the kernel's where a space ends.
bool LoadJudge::may_load(const Event& e, const Cpu& cpu, std::uint32_t space) {
  note(Law::kCpu1);
  if (space == kKernel) {
    const bool ends = (now.row.has(kEndsSpace) || now.killed) && cpu.space == now.space && now.space != 0;
    if (!ends) violated(Law::kCpu1, "loaded root", "no other: no space ends", "the kernel's");
    if (e.cpu.raw() == now.cpu && cpu.lazy) violated(Law::kCpu1, "loaded space", "the operation's, first", "none");
    if (e.index != 0 || e.after != 0) violated(Law::kTlb1, "ASID of the kernel", 0, e.index);
    return !broken();
  }
  if (space != now.space || e.cpu.raw() != now.cpu || now.schedule.acted || (cpu.space == space && !cpu.lazy))
    violated(Law::kCpu1, "loaded space", "the operation's, first, unless it runs already", "another");
  else if (e.index == 0 || e.index > machine.geometry->asids)
    violated(Law::kTlb1, "ASID", "1 to " + std::to_string(machine.geometry->asids), std::to_string(e.index));
  return !broken();
}

// Software does not see what is cached: it flushes an ASID that it gives anew, or under which the CPU missed a flush.
bool LoadJudge::needs_flush(const Cpu& cpu, std::uint32_t asid) const {
  const AsidOwner& owner = cpu.asids[asid];
  const Space& space = machine.spaces[now.space];
  return owner.context != space.context || owner.generation != space.generation;
}

// Loading without a flush is legal only if nothing that was missed is still cached.
void LoadJudge::space_loaded(const Event& e) {
  if (!machine.frames.exists(e.frame.raw()))
    return violated(Law::kPt1, "root", "a root table", std::to_string(e.frame.raw()));
  Cpu& cpu = machine.cpus[e.cpu.raw()];
  const FrameRecord& record = machine.frames.at(e.frame.raw());
  if (record.state != FrameState::kUsed || record.role != Role::kRootTable)
    return violated(Law::kPt1, "root", "a root table", std::to_string(e.frame.raw()));
  const Table& root = machine.tables.at(record.object);
  if (!may_load(e, cpu, root.space)) return;
  const std::uint32_t bit = 1u << e.cpu.raw();
  machine.spaces[cpu.space].loaded_on &= ~bit;
  if (!flights.parked.empty()) {
    court.flushes.space_loaded(e.cpu.raw(), cpu.space, root.space);
    if (cpu.space != root.space) court.interrupts.space_left(e.cpu.raw(), cpu.space);
  }
  if (e.cpu.raw() == now.cpu) now.schedule.left = cpu.space;
  cpu.root_frame = e.frame.raw();
  cpu.asid = e.index;
  cpu.space = root.space;
  cpu.lazy = cpu.space == kKernel;
  machine.spaces[cpu.space].loaded_on |= bit;
  bool is_due = false;  // the flush that it missed will still reach it
  if (cpu.space != kKernel) {
    note(Law::kTlb1);
    if (e.after == 0 && needs_flush(cpu, cpu.asid)) {
      is_due =
          cpu.asids[cpu.asid].context == machine.spaces[cpu.space].context && court.flushes.is_taken_from(cpu.space);
      if (!is_due)
        return violated(Law::kTlb1, "load", "with a flush: the ASID was another's, or missed one", "without");
      court.flushes.await_flush(e.cpu.raw(), cpu.space);
    } else {
      cpu.asids[cpu.asid] = {machine.spaces[cpu.space].context, machine.spaces[cpu.space].generation};
    }
  }
  for (TlbSlot& slot : cpu.tlb) {
    if (!slot.full || slot.asid != cpu.asid) continue;
    note(Law::kTlb1);
    if (e.after != 0)
      machine.drop(cpu, slot);
    else if (cpu.space == kKernel || (machine.is_stale(cpu.space, slot) && !is_due))
      return violated(Law::kTlb1, "cached page", "flushed before the space runs again",
                      "page " + std::to_string(slot.page));
  }
  for (unsigned level = 0; level < cpu.walk.size(); ++level)
    for (WalkSlot& slot : cpu.walk[level]) {
      if (!slot.full || slot.asid != cpu.asid) continue;
      if (e.after != 0)
        machine.drop(cpu, slot);
      else if (cpu.space == kKernel || (machine.is_stale(cpu.space, level, slot) && !is_due))
        return violated(Law::kTlb2, "cached table", "flushed before the space runs again",
                        "frame " + std::to_string(slot.frame));
    }
}

void LoadJudge::space_unloaded(const Event& e) {
  Cpu& cpu = machine.cpus[e.cpu.raw()];
  const bool goes_idle = now.row.has(kSwitches) && now.named.space.is_none();
  const bool stays_out = now.schedule.returns && now.space != 0 && court.schedule.cannot_be_loaded(now.space);
  if ((!goes_idle && !stays_out) || cpu.lazy)
    return violated(Law::kCpu1, "cpu", "runs on: nothing made it lazy", "lazy");
  cpu.lazy = true;
  court.flushes.space_unloaded(e.cpu.raw(), cpu.space);
}

}  // namespace mmtwin::model
