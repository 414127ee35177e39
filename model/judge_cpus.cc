// Who acts where: events of other CPUs, interrupts, and what must be gone from every CPU when an operation is over.
#include <algorithm>

#include "model/event_rows.h"
#include "model/state.h"

namespace mmtwin::model {

// Nearly always nothing is open, awaited or out of the ordinary, which one test tells.
bool State::may_come_now(const Event& e, unsigned traits) {
  if (!now.running) {
    find(Law::kAnswer, "event", "of an operation that acts", std::string(name_of(e.kind)));
    return false;
  }
  const bool is_usual = e.cpu.raw() == now.cpu && !(now.returns | now.request.open | now.object.open) &&
                        (now.asked == 0) & (now.bare == kNoFrame) && !(now.answered & now.in_section);
  const bool is_of_access = (traits & kOfAccess) != 0 && (e.kind != EventKind::kCommitted || now.is_access);
  if (!is_usual) [[unlikely]] {
    if (now.returns) judge_return(e);
    if (!is_of_access) judge_answering(e, traits);
    if (!is_of_access) judge_bare(e, traits);
  }
  if (!is_of_access)
    software_acts(e, traits);
  else if ((traits & kByWalker) != 0)
    now.in_fault = false;
  return is_usual ? !broken() : acts_where_it_may(e, traits) && is_before_release(e);
}

// On the operation's CPU; another one only gives back its lists, forgets translations or leaves a space that ends, and
// only in an interrupt.
bool State::acts_where_it_may(const Event& e, unsigned traits) {
  const std::uint32_t cpu = e.cpu.raw();
  if (cpu == now.cpu) [[likely]] {
    if (now.asked != 0) judge_waiting_for_answers(e, traits);
    return !broken();
  }
  note(Law::kCpu1);
  if ((traits & kOfInterrupted) != 0 && (now.interrupted >> cpu & 1u) != 0) return true;
  find(Law::kCpu1, "cpu", now.cpu, cpu);
  return false;
}

// Once an operation counts, its section comes to an end.
bool State::is_before_release(const Event& e) {
  const bool gives_back =
      e.kind == EventKind::kLockReleased && e.index == static_cast<unsigned>(LockClass::kSpace);
  if (!now.answered || !now.in_section || gives_back) return true;
  find(Law::kAnswer, "event", "the space's lock is given back: all that counts was told",
       std::string(name_of(e.kind)));
  return false;
}

// Who has interrupted a CPU does nothing until it has answered but to forget its own translations.
void State::judge_waiting_for_answers(const Event& e, unsigned traits) {
  note(Law::kCpu2);
  if ((traits & kWhileAwaited) == 0)
    find(Law::kCpu2, "sender of an interrupt", "waits for the answer", std::string(name_of(e.kind)));
}

// Until a page request is answered, nothing happens but what answers it; a request that got nothing says so at once.
void State::judge_answering(const Event& e, unsigned traits) {
  if (now.request.open) {
    const bool answers = (traits & kAnswersRequest) != 0 || now.returns;
    const bool is_lock = (traits & kIsLock) != 0;
    // Who needs a space's lock has it before it asks.
    if (!answers && !(is_lock && e.index != static_cast<unsigned>(LockClass::kSpace)))
      find(Law::kFrame1, "request", "answered first", std::string(name_of(e.kind)));
  } else if (now.object.open && (now.slab_page_refused || now.request.injected)) {
    if (e.kind != EventKind::kObjectRefused)
      find(Law::kOom1, "object", "refused first", std::string(name_of(e.kind)));
  }
}

void State::judge_bare(const Event& e, unsigned traits) {
  if (now.bare == kNoFrame) return;
  if ((traits & kFillsFrame) == 0 || e.frame.raw() != now.bare)
    find(Law::kIso2, "frame", "zeroed or copied to at once", std::string(name_of(e.kind)));
  now.bare = kNoFrame;
}

// What the hardware does at once, software does not come in between of.
void State::software_acts(const Event& e, unsigned traits) {
  if (now.is_access && !now.in_fault && (traits & kLoadsSpace) == 0 && cpus[now.cpu].space == now.space && !broken())
    find(Law::kWalk1, "access", "goes on, or faults", std::string(name_of(e.kind)));
  now.walk = Walk{};
  now.last_used = kNoFrame;
}

void State::faulted(const Event& e) {
  const bool is_again = now.in_fault && !now.fault_disturbed && e.place == now.fault_page;
  if (!is_access_of_operation(e) || e.place != page_due() || is_again)
    return find(Law::kWalk1, "fault", "of the page that is due", "page " + std::to_string(e.place));
  judge_fault();
  now.walk = Walk{};
  now.last_used = kNoFrame;
}

// The access was not translated: its walk went as far as it could and found no entry, or one that does not permit it.
void State::judge_fault() {
  now.in_fault = true;
  now.fault_disturbed = false;
  const std::uint64_t page = page_due();
  const Cpu& cpu = cpus[now.cpu];
  now.fault_page = page;
  if (page == kNoFrame || cpu.space == kKernel || broken()) return;
  note(Law::kWalk1);
  unsigned level = geometry->levels - 1;
  if (now.walk.begun) {
    level = now.walk.next_level;
  } else if (!begins_walk(cpu, page, geometry->levels)) {
    return;
  }
  const std::uint64_t entry = entry_above(cpu.space, page, level);
  bool stops = !present(entry) && !now.walk.marked;
  if (level == 0) stops = stops || !user(entry) || (is<MemoryStore>() && !writable(entry)) ||
                          (is<MemoryFetch>() && !executable(entry));
  if (!stops) find(Law::kWalk1, "walk", "goes on: the entry permits it", "a fault at page " + std::to_string(page));
}

// The entry of the table at `level` that leads to the page; 0 if there is no such table.
std::uint64_t State::entry_above(std::uint32_t space, std::uint64_t page, unsigned level) const {
  std::uint32_t here = spaces[space].root;
  for (unsigned l = geometry->levels - 1; here != 0; --l) {
    const std::uint64_t entry = tables.at(here).entries[geometry->index_of(page, l)];
    if (l == level) return entry;
    if (!present(entry)) return 0;
    here = table_number(frame_in(entry));
  }
  return 0;
}

// The CPU is about to run the space, or has just left it: those who count who runs it count the CPU before that is told
// and until after (Linux's mm_cpumask as well), and then it is interrupted for nothing. So it is where it was lazy in
// the space, and wakes to run whichever.
bool State::is_switching(std::uint32_t cpu, std::uint32_t space) const {
  const Cpu& at = cpus[cpu];
  return std::any_of(parked.begin(), parked.end(), [&](const Now& other) {
    if (other.cpu != cpu || other.lost_cpu) return false;
    const bool comes = at.space == space ? at.lazy && other.space != 0 : other.space == space;
    return (comes && !other.acted) || (other.left == space && other.last_event == EventKind::kSpaceLoaded);
  });
}

// Drains of its lists, a space that it must leave, or translations that it could have cached: each at most once.
bool State::may_be_interrupted(std::uint32_t cpu) {
  const std::uint32_t bit = 1u << cpu;
  if (const auto* drain = std::get_if<PagesDrainCpu>(&now.operation))
    return drain->target.raw() == cpu && ((now.asked | now.heard) & bit) == 0;
  if (now.request.open) {
    if (!starts_draining() || (now.request.interrupted & bit) != 0) return false;
    now.request.interrupted |= bit;
    return true;
  }
  const bool runs_it = cpus[cpu].space == now.space || is_switching(cpu, now.space);
  if ((is<SpaceExit>() || now.killed) && runs_it && (now.expelled & bit) == 0) {
    now.expelled |= bit;
    now.must_flush &= ~bit;
    return true;
  }
  if ((now.may_flush & bit) == 0) return now.took_rights && (now.asked & bit) == 0 && is_switching(cpu, now.space);
  now.may_flush &= ~bit;
  now.must_flush &= ~bit;
  return true;
}

void State::interrupt_sent(const Event& e) {
  note(Law::kCpu2);
  if (e.index >= cpus.size() || e.index == now.cpu || !may_be_interrupted(e.index))
    return find(Law::kCpu2, "interrupted CPU", "one whose lists or translations are concerned",
                std::to_string(e.index));
  now.asked |= 1u << e.index;
}

void State::interrupted(const Event& e) {
  note(Law::kCpu2);
  if (e.index >= cpus.size() || (now.asked >> e.index & 1u) == 0 || (now.interrupted >> e.index & 1u) != 0)
    return find(Law::kCpu2, "interrupted CPU", "one that was asked", std::to_string(e.index));
  now.interrupted |= 1u << e.index;
  now.is_undisturbed = true;
}

// What was asked of the CPU is done.
void State::interrupt_answered(const Event& e) {
  if (e.index >= cpus.size() || (now.interrupted >> e.index & 1u) == 0)
    return find(Law::kCpu2, "answering CPU", "one that was interrupted", std::to_string(e.index));
  const std::uint32_t bit = 1u << e.index;
  const bool is_first = (now.heard & bit) == 0;
  now.heard |= bit;
  now.interrupted &= ~bit;
  now.asked &= ~bit;
  if (asks_for_lists()) {
    if (now.is_undisturbed) judge_drained_list(e.index);
    return;
  }
  // What takes translations away comes between walks: one that went on would use what it read before.
  for (const Now& other : parked) {
    if (other.cpu != e.index) continue;
    note(Law::kTlb2);
    if (other.walk.begun) return find(Law::kTlb2, "interrupted CPU", "not in the middle of a walk", "it is");
  }
  now.pending &= ~bit;
  if (now.pending == 0) now.unreadable = static_cast<std::uint32_t>(now.unmapped.size());
  Cpu& target = cpus[e.index];
  if (now.space == 0 || target.space != now.space || !now.took_rights) return;
  target.asids[target.asid].generation = spaces[target.space].generation;
  if (now.overlapped) judge_answered(e.index);
  if (now.overlapped && now.is_undisturbed && is_first) judge_flushed(e.index);
}

// An unmap of more than a batch flushes several times, each time perhaps for one page: what counts is what they left.
// An access flushes each page that it takes, unless it ends with the death of its program.
bool State::flushes_in_batches() const {
  return (!is_access() || now.killed) && now.taken_away >= machine.flush_batch && now.stripped_pages > 1;
}

// Nothing is left of what the flush was for: nobody could walk there again, and no earlier flush was for a part of it.
void State::judge_flushed(std::uint32_t number) {
  if (broken() || flushes_in_batches() || (!now.strips_page && !now.freed_tables)) return;
  const bool all = now.freed_tables || (now.stripped_pages > 1 && !is_access());
  judge_dropped(number, all, now.stripped_page[0]);
}

// From now on the CPU must not use anything that was taken away before it was asked.
void State::judge_answered(std::uint32_t number) {
  const Cpu& cpu = cpus[number];
  for (const TlbSlot& slot : cpu.tlb) {
    if (!slot.full || slot.asid != cpu.asid || !slot_is_stale(cpu.space, slot)) continue;
    find(Law::kTlb1, "stale entry", "dropped when the flush is acknowledged",
         "kept: page " + std::to_string(slot.page));
  }
  if (!now.freed_tables) return;
  for (unsigned level = 1; level < geometry->levels; ++level)
    for (const WalkSlot& slot : cpu.walk[level])
      if (slot.full && slot.asid == cpu.asid && slot_is_stale(cpu.space, level, slot))
        find(Law::kTlb2, "cached table", "dropped when the flush is acknowledged", std::to_string(slot.frame));
}

// An entry of the space grants less than `before` did, or is gone. Only a walk caches it, and a walk sets A first.
void State::rights_taken(std::uint32_t space, std::uint64_t before, std::uint64_t page, bool is_table) {
  const bool could_be_cached = (before & kBitAccessed) != 0;
  if (space != now.space) return;  // a child that a fork gives up: loaded nowhere yet. No other one may be touched
  now.took_rights = true;
  if (could_be_cached) {
    ++spaces[space].generation;
    if (is_table) now.freed_tables = true;
    const bool is_known = now.stripped_pages != 0 && now.stripped_page[0] == page;
    if (!is_table) now.strips_page = true;
    if (!is_table && !is_known) {
      ++now.stripped_pages;
      now.stripped_page = {page, now.stripped_page[0]};
    }
  }
  const std::uint32_t others = spaces[space].loaded_on & ~(1u << now.cpu);
  if (others == 0) return;
  for (std::uint32_t cpu = 0; others >> cpu != 0; ++cpu) {
    if ((others >> cpu & 1u) == 0 || (cpus[cpu].lazy && !is_table)) continue;
    now.may_flush |= 1u << cpu;
    if (!could_be_cached) continue;
    now.must_flush |= 1u << cpu;
    now.pending |= 1u << cpu;
  }
}

// What the CPU had cached of what was taken away is gone: of one page its walk caches too, of more everything.
void State::judge_dropped(std::uint32_t number, bool all, std::uint64_t page) {
  const Cpu& cpu = cpus[number];
  note(Law::kTlb1);
  if (all) {
    if (cpu.cached[cpu.asid] != 0) find(Law::kTlb1, "cached under the flushed ASID", 0, cpu.cached[cpu.asid]);
    return;
  }
  const TlbSlot& slot = cpu.tlb[page % cpu.tlb.size()];
  if (slot.full && slot.asid == cpu.asid && slot.page == page)
    return find(Law::kTlb1, "cached page", "dropped", "kept: page " + std::to_string(page));
  if (is<CpuEvict>()) return;
  for (unsigned level = 1; level < geometry->levels; ++level) {
    const std::uint64_t index = (page >> (geometry->bits_per_level * level)) % cpu.walk[level].size();
    if (covers(cpu.walk[level][index], cpu.asid, level, page))
      return find(Law::kTlb2, "cached table", "dropped with its page", "kept: page " + std::to_string(page));
  }
}

// An access that walked again filled the slots anew, or left them empty.
void State::judge_stale_slots(const Cpu& cpu) {
  if (cpu.space != now.space) return;
  for (unsigned i = 0; i < std::min<std::uint64_t>(now.stripped_pages, 2); ++i) {
    const TlbSlot& slot = cpu.tlb[now.stripped_page[i] % cpu.tlb.size()];
    if (slot.full && slot.asid == cpu.asid && slot_is_stale(cpu.space, slot))
      find(Law::kTlb1, "stale entry", "dropped by the flush", "kept: page " + std::to_string(slot.page));
  }
}

void State::end_of_flushes() {
  if (broken()) return;
  if (now.asked != 0) return find(Law::kCpu2, "interrupts not answered", 0, now.asked);
  if (now.must_flush != 0) return find(Law::kCpu2, "interrupts still due", 0, now.must_flush);
  if (const auto* op = std::get_if<CpuFlushPage>(&now.operation))
    return judge_dropped(now.cpu, false, op->at.value().offset / kPage);
  if (const auto* op = std::get_if<CpuEvict>(&now.operation))
    return judge_dropped(now.cpu, false, op->at.value().offset / kPage);
  if (is<CpuFlushSpace>()) return judge_dropped(now.cpu, true, 0);
  if (!now.took_rights || spaces[now.space].root == 0) return;
  if (now.overlapped) return;  // judged when the space's lock was given back, and at each answer
  for (std::uint32_t number = 0; number < cpus.size(); ++number) {
    Cpu& cpu = cpus[number];
    if (cpu.space != now.space || (cpu.lazy && !now.freed_tables)) continue;
    if (number == now.cpu) cpu.asids[cpu.asid].generation = spaces[now.space].generation;
    // An access flushes page by page, and walks again once its fault was handled.
    const bool is_walking = is_access();
    if (number == now.cpu && is_walking) {
      judge_stale_slots(cpu);
      continue;
    }
    if (flushes_in_batches()) {
      judge_answered(number);
      continue;
    }
    const bool all = now.freed_tables || (now.stripped_pages > 1 && !is_walking);
    for (unsigned i = 0; i < (all ? 1 : std::min<std::uint64_t>(now.stripped_pages, 2)); ++i)
      judge_dropped(number, all, now.stripped_page[i]);
  }
}

// An operation on a space runs as a thread of it. A walk ahead of the program goes as far as one for an access; beside
// others that change entries it may have started anew, and where it ended nobody saw.
void State::end_on_cpu() {
  if (is<CpuSpeculate>() && !now.overlapped && page_due() < geometry->user_end / kPage &&
      !is_hit(cpus[now.cpu], page_due()))
    return judge_fault();
  if (broken() || now.space == 0 || is<SpaceExit>() || is<CpuSwitchSpace>() || is_ending(now.space)) return;
  if (!claims.has(Claim::kTranslations)) return;
  const Cpu& cpu = cpus[now.cpu];
  if (cpu.lazy || cpu.space != now.space) find(Law::kCpu1, "loaded space", "the operation's", "another");
}

}  // namespace mmtwin::model
