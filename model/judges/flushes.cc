#include "model/judges/flushes.h"

#include <algorithm>

#include "model/court.h"

namespace mmtwin::model {

// ---- what others owe ----

// Some other operation took a mapping of the frame away, and not every CPU has heard of it.
bool FlushJudge::is_being_unmapped(std::uint64_t frame) const {
  return any_parked_notes([&](const FlushNotes& notes) {
    for (std::size_t i = 0; i < notes.unmapped.size(); ++i) {
      if (notes.unmapped[i].frame != frame) continue;
      const FlushDebt* const debt = notes.owed_to(notes.unmapped[i].space);
      if (debt->pending != 0 && i >= debt->unreadable) return true;
    }
    return false;
  });
}

// How many operations in flight have taken a mapping of the frame away: they may refer to it until they end.
std::uint64_t FlushJudge::unmapped_by_others(std::uint64_t frame) const {
  std::uint64_t count = 0;
  any_parked_notes([&](const FlushNotes& notes) {
    for (const UnmappedFrame& unmapped : notes.unmapped) count += unmapped.frame == frame ? 1 : 0;
    return false;
  });
  return count;
}

// Another operation has taken something away from the space, and this CPU has not been told yet; its own, on which it
// was preempted, it tells at the latest before it gives the space's lock back.
bool FlushJudge::is_due(std::uint32_t cpu, std::uint32_t space) const {
  return any_parked_debt([&](const Flight& other, const FlushDebt& debt) {
    if (debt.space != space) return false;
    return (debt.pending >> cpu & 1u) != 0 || (other.cpu == cpu && is_open(other, debt));
  });
}

// The operation holds the lock of the space and has taken something away: its flush is still to come.
bool FlushJudge::is_open(const Flight& flight, const FlushDebt& debt) const {
  return debt.space == flight.space && flight.section.is_open;
}

bool FlushJudge::is_taken_from(std::uint32_t space) const {
  const FlushDebt* const debt = now.own.flushes.owed_to(space);
  if (debt != nullptr && is_open(now, *debt)) return true;
  return any_parked_debt(
      [&](const Flight& other, const FlushDebt& owed) { return owed.space == space && is_open(other, owed); });
}

// What it still caches of what was taken away, it may use until then.
void FlushJudge::await_flush(std::uint32_t cpu, std::uint32_t space) {
  for_each_parked_debt([&](Flight& other, FlushDebt& debt) {
    if (debt.space != space || !is_open(other, debt) || other.cpu == cpu) return;  // its own CPU it tells itself
    debt.must |= 1u << cpu;
    debt.may |= 1u << cpu;
    debt.pending |= 1u << cpu;
  });
}

// The CPU runs the space `loaded` from now on: flushes of the one it left need not reach it any more, since what it
// cached of that one it cannot use; those of the new one may. Who flushes the old one may have looked before: the CPU
// is then interrupted for nothing.
void FlushJudge::space_loaded(std::uint32_t cpu, std::uint32_t left, std::uint32_t loaded) {
  const std::uint32_t bit = 1u << cpu;
  for_each_parked_debt([&](Flight& other, FlushDebt& debt) {
    if (debt.space == left && left != loaded) {
      debt.must &= ~bit;
      debt.pending &= ~bit;
      if (other.killed || is_open(other, debt)) debt.may |= bit;
    }
    if (debt.space == loaded && is_open(other, debt)) debt.may |= bit;
  });
}

// A lazy CPU uses no leaf that it has cached; it may still walk.
void FlushJudge::space_unloaded(std::uint32_t cpu, std::uint32_t space) {
  for_each_parked_debt([&](Flight&, FlushDebt& debt) {
    if (debt.space != space || debt.freed_tables) return;
    debt.must &= ~(1u << cpu);
    debt.pending &= ~(1u << cpu);
  });
}

// ---- what this one owes ----

// An unmap of more than a batch flushes several times, each time perhaps for one page: what counts is what they left.
// An access flushes each page that it takes, unless it ends with the death of its program.
bool FlushJudge::flushes_in_batches(const FlushDebt& debt) const {
  return (!now.row.has(kIsAccess) || now.killed) && debt.taken_away >= machine.description.flush_batch &&
         debt.stripped_pages > 1;
}

// Everything of the space must be dropped, and not a few pages.
bool FlushJudge::flushes_all(const FlushDebt& debt) const {
  return debt.freed_tables || (debt.stripped_pages > 1 && !now.row.has(kIsAccess));
}

// Nothing is left of what the flush was for: nobody could walk there again, and no earlier flush was for a part of it.
void FlushJudge::judge_flushed(std::uint32_t number, const FlushDebt& debt) {
  if (broken() || flushes_in_batches(debt) || (!debt.strips_page && !debt.freed_tables)) return;
  judge_dropped(number, flushes_all(debt), debt.stripped_page[0]);
}

// From now on the CPU must not use anything that was taken away before it was asked.
void FlushJudge::judge_answered(std::uint32_t number, const FlushDebt& debt) {
  const Cpu& cpu = machine.cpus[number];
  for (const TlbSlot& slot : cpu.tlb) {
    if (!slot.full || slot.asid != cpu.asid || !machine.is_stale(cpu.space, slot)) continue;
    violated(Law::kTlb1, "stale entry", "dropped when the flush is acknowledged",
             "kept: page " + std::to_string(slot.page));
  }
  if (!debt.freed_tables) return;
  for (unsigned level = 1; level < machine.geometry->levels; ++level)
    for (const WalkSlot& slot : cpu.walk[level])
      if (slot.full && slot.asid == cpu.asid && machine.is_stale(cpu.space, level, slot))
        violated(Law::kTlb2, "cached table", "dropped when the flush is acknowledged", std::to_string(slot.frame));
}

// An entry of the space grants less than `before` did, or is gone. Only a walk caches it, and a walk sets A first.
void FlushJudge::rights_taken(std::uint32_t space, std::uint64_t before, std::uint64_t page, bool is_table) {
  const bool could_be_cached = (before & kBitAccessed) != 0;
  FlushDebt& debt = debt_to(space);
  if (could_be_cached) {
    ++machine.spaces[space].generation;
    if (debt.first_stripped_at == 0) debt.first_stripped_at = machine.clock;
    if (is_table)
      debt.freed_tables = true;
    else
      note_stripped(debt, page);
  }
  if (is_table) ++debt.taken_away;
  const std::uint32_t others = machine.spaces[space].loaded_on & ~(1u << now.cpu);
  for (std::uint32_t cpu = 0; others >> cpu != 0; ++cpu) {
    if ((others >> cpu & 1u) == 0 || (machine.cpus[cpu].lazy && !is_table)) continue;
    debt.may |= 1u << cpu;
    if (!could_be_cached) continue;
    debt.must |= 1u << cpu;
    debt.pending |= 1u << cpu;
  }
}

void FlushJudge::note_stripped(FlushDebt& debt, std::uint64_t page) const {
  debt.strips_page = true;
  if (debt.stripped_pages == 0 || debt.stripped_page[0] != page) {
    ++debt.stripped_pages;
    debt.stripped_page = {page, debt.stripped_page[0]};
    debt.stripped_at[1] = debt.stripped_at[0];
  }
  debt.stripped_at[0] = machine.clock;
}

// The space's entry for it is gone, or names another frame.
void FlushJudge::page_unmapped(std::uint32_t space, std::uint64_t frame) {
  ++debt_to(space).taken_away;
  act().flushes.unmapped.push_back({space, frame});
}

FlushDebt& FlushJudge::debt_to(std::uint32_t space) {
  FlushNotes& notes = act().flushes;
  if (FlushDebt* const debt = notes.owed_to(space); debt != nullptr) return *debt;
  FlushDebt& fresh = notes.debts.emplace_back();
  fresh.space = space;
  return fresh;
}

// What the CPU had cached of what was taken away is gone: of one page its walk caches too, of more everything.
void FlushJudge::judge_dropped(std::uint32_t number, bool all, std::uint64_t page) {
  const Cpu& cpu = machine.cpus[number];
  note(Law::kTlb1);
  if (all) {
    if (cpu.cached[cpu.asid] != 0) violated(Law::kTlb1, "cached under the flushed ASID", 0, cpu.cached[cpu.asid]);
    return;
  }
  const TlbSlot& slot = cpu.tlb[page % cpu.tlb.size()];
  if (slot.full && slot.asid == cpu.asid && slot.page == page)
    return violated(Law::kTlb1, "cached page", "dropped", "kept: page " + std::to_string(page));
  if (now.row.has(kEvicts)) return;
  for (unsigned level = 1; level < machine.geometry->levels; ++level) {
    const std::uint64_t index = (page >> (machine.geometry->bits_per_level * level)) % cpu.walk[level].size();
    if (machine.covers(cpu.walk[level][index], cpu.asid, level, page))
      return violated(Law::kTlb2, "cached table", "dropped with its page", "kept: page " + std::to_string(page));
  }
}

// Who walked to the page again filled its slot anew, or left it empty.
void FlushJudge::judge_stale_slot(const Cpu& cpu, std::uint64_t page) {
  const TlbSlot& slot = cpu.tlb[page % cpu.tlb.size()];
  if (slot.full && slot.asid == cpu.asid && machine.is_stale(cpu.space, slot))
    violated(Law::kTlb1, "stale entry", "dropped by the flush", "kept: page " + std::to_string(slot.page));
}

// ---- the section: what is taken away under a space's lock is flushed before it is given back ----

void FlushJudge::section_entered() {
  if (FlushDebt* const debt = now.own.flushes.owed_to(now.space); debt != nullptr) debt->strips_page = false;
}

void FlushJudge::judge_section_left() {
  const FlushDebt* const debt = now.own.flushes.owed_to(now.space);
  if (debt == nullptr) return;
  if (debt->must != 0) return violated(Law::kCpu2, "interrupts due before the lock is given back", 0, debt->must);
  // A fault has its page flushed before the access walks there again.
  const bool took_page = debt->stripped_pages != 0 && debt->stripped_page[0] == now.access.faulted_page;
  const Cpu& cpu = machine.cpus[now.cpu];
  if (now.row.has(kIsAccess) && took_page && cpu.space == now.space && cpu.filled_at <= debt->stripped_at[0])
    judge_dropped(now.cpu, false, now.access.faulted_page);
}

// Its own CPU has flushed whatever was taken away.
void FlushJudge::judge_own_cpu() {
  const FlushDebt* const debt = now.own.flushes.owed_to(now.space);
  Cpu& cpu = machine.cpus[now.cpu];
  if (debt == nullptr || cpu.space != now.space || broken()) return;
  cpu.asids[cpu.asid].generation = machine.spaces[now.space].generation;
  judge_answered(now.cpu, *debt);
}

// ---- interrupts ----

// Could the CPU have cached what was taken from the space?
bool FlushJudge::may_ask(std::uint32_t cpu, std::uint32_t space) const {
  const FlushDebt* const debt = act().flushes.owed_to(space);
  if (debt == nullptr) return false;
  if ((debt->may >> cpu & 1u) != 0) return true;
  return (act().calls.asked >> cpu & 1u) == 0 && court.interrupts.is_switching(cpu, space);
}

// The CPU is told: once for what was taken so far. One that must leave the space needs no other word.
void FlushJudge::asked(std::uint32_t cpu, std::uint32_t space, InterruptReason reason) {
  FlushDebt* const debt = act().flushes.owed_to(space);
  if (debt == nullptr) return;
  debt->must &= ~(1u << cpu);
  if (reason == InterruptReason::kFlush) debt->may &= ~(1u << cpu);
}

// The CPU is done with the interrupt that it took then. Nothing is left that could have been walked to before.
void FlushJudge::heard(std::uint32_t cpu, bool is_first, std::uint64_t began_at) {
  FlushDebt* const debt = act().flushes.owed_to(act().calls.space);
  if (debt == nullptr) return;
  debt->pending &= ~(1u << cpu);
  if (debt->pending == 0) debt->unreadable = static_cast<std::uint32_t>(act().flushes.unmapped.size());
  Cpu& target = machine.cpus[cpu];
  if (target.space != debt->space) return;
  target.asids[target.asid].generation = machine.spaces[target.space].generation;
  judge_answered(cpu, *debt);
  if (target.filled_at <= began_at && is_first) judge_flushed(cpu, *debt);
}

// ---- the end ----

// Every CPU that must hear of something has.
void FlushJudge::judge_paid() {
  if (act().calls.asked != 0) return violated(Law::kCpu2, "interrupts not answered", 0, act().calls.asked);
  for (const FlushDebt& debt : act().flushes.debts)
    if (debt.must != 0) return violated(Law::kCpu2, "interrupts still due", 0, debt.must);
}

void FlushJudge::judge_end() {
  judge_paid();
  if (broken()) return;
  if (now.row.has(kFlushesPage | kEvicts)) return judge_dropped(now.cpu, false, now.named.at / kPage);
  if (now.row.has(kFlushesSpace)) return judge_dropped(now.cpu, true, 0);
  for (const FlushDebt& debt : act().flushes.debts)
    for (std::uint32_t number = 0; number < machine.cpus.size(); ++number) judge_forgotten(number, debt);
}

void FlushJudge::judge_forgotten(std::uint32_t number, const FlushDebt& debt) {
  Cpu& cpu = machine.cpus[number];
  if (machine.spaces[debt.space].root == 0 || cpu.space != debt.space || (cpu.lazy && !debt.freed_tables)) return;
  if (is_due(number, debt.space)) return;  // what another one has taken since may be cached there still
  if (number == now.cpu && !claims.has(Claim::kLocks))  // else when the space's lock was given back
    cpu.asids[cpu.asid].generation = machine.spaces[debt.space].generation;
  if (flushes_in_batches(debt)) return judge_answered(number, debt);
  // Who has walked since has cached what is there now: an access does, once its fault was handled.
  if (flushes_all(debt) && cpu.filled_at <= debt.first_stripped_at) return judge_dropped(number, true, 0);
  for (unsigned i = 0; i < std::min<std::uint64_t>(debt.stripped_pages, 2); ++i) {
    if (cpu.filled_at > debt.stripped_at[i])
      judge_stale_slot(cpu, debt.stripped_page[i]);
    else
      judge_dropped(number, false, debt.stripped_page[i]);
  }
}

// ---- break before make ----

// A leaf of the page comes to name the frame: no CPU that runs the space may still use another one there. Elsewhere it
// may be cached: what runs the space there next flushes first.
void FlushJudge::judge_break_before_make(std::uint32_t space, std::uint64_t page, std::uint64_t frame) {
  if (machine.spaces[space].loaded_on == 0) return;
  for (std::uint32_t number = 0; number < machine.cpus.size(); ++number) {
    Cpu& cpu = machine.cpus[number];
    const TlbSlot& slot = machine.slot_of(cpu, page);
    if (!slot.full || slot.page != page || cpu.asids[slot.asid].context != machine.spaces[space].context) continue;
    if (frame_in(slot.entry) == frame) continue;
    note(Law::kTlb1);
    if (cpu.space == space && !cpu.lazy && cpu.asid == slot.asid)
      violated(Law::kTlb1, "frame that the leaf names", "none before the old one is flushed",
               "another: CPU " + std::to_string(number) + " uses the old one");
  }
}

// ---- forgetting ----

// A slot of the loaded ASID is emptied by an operation that says so, or by a flush of what was taken away.
bool FlushJudge::may_drop(const Event& e, std::uint64_t page, unsigned level) const {
  const unsigned shift = machine.geometry->bits_per_level * level;
  if (now.row.has(kFlushesSpace)) return true;
  if (now.row.has(kFlushesPage)) return (now.named.at / kPage) >> shift == page >> shift;
  if (now.row.has(kEvicts)) return level == 0 && now.named.at / kPage == page;
  const std::uint32_t space = machine.cpus[e.cpu.raw()].space;
  if (act().kind != ActivityKind::kInterrupt) return act().flushes.owed_to(space) != nullptr;
  return act().reason == InterruptReason::kFlush && act().space == space;
}

void FlushJudge::tlb_dropped(const Event& e) {
  Cpu& cpu = machine.cpus[e.cpu.raw()];
  TlbSlot& slot = cpu.tlb[e.index];
  note(Law::kTlb1);
  if (!slot.full || slot.asid != cpu.asid || !may_drop(e, slot.page, 0))
    return violated(Law::kTlb1, "dropped slot", "full, of the loaded ASID, to be dropped", std::to_string(e.index));
  machine.drop(cpu, slot);
}

void FlushJudge::walk_cache_dropped(const Event& e) {
  Cpu& cpu = machine.cpus[e.cpu.raw()];
  WalkSlot& slot = cpu.walk[e.level][e.index];
  note(Law::kTlb2);
  if (!slot.full || slot.asid != cpu.asid || !may_drop(e, slot.page, e.level))
    return violated(Law::kTlb2, "dropped slot", "full, of the loaded ASID, to be dropped", std::to_string(e.index));
  machine.drop(cpu, slot);
}

}  // namespace mmtwin::model
