// Operations that overlap: who acts now, when what an operation did counts, and what it may answer then
// (docs/RULES.md section 7).
//
// What an operation does to a space counts when it gives the space's lock back: until then nobody else may look at the
// ranges, from then on everybody may. An access happens when its last page is translated. Both lie between begin and
// end of the operation. Whatever is judged over the whole machine waits until nothing is in flight.
#include <algorithm>

#include "model/state.h"

namespace mmtwin::model {

// ---- who acts ----

void State::park() {
  leave();
  for (Now& other : parked) other.overlapped = true;
  parked.push_back(std::move(now));
}

// Others act from here on, and see what this operation has done so far. An open request may have chosen its zone last
// thing: the watermark is read without the lock, in Linux as well.
void State::leave() {
  now.overlapped = true;
  if (now.request.open && !now.request.filling) look_again();
  if (is<SpaceFork>() && now.in_section) now.met_cap = now.met_cap || shares_a_page_at_the_cap();
}

// Others have acted: zones may have become full or empty under an open request.
void State::arrive() {
  now.overlapped = true;
  now.is_undisturbed = false;
  now.walk.disturbed = now.fault_disturbed = true;
  now.shared_section = now.shared_section || now.in_section;
  take_cpu();
  if (now.lost_cpu) {
    now.lost_cpu = now.acted = false;
    now.returns = true;
  }
  if (now.request.open && !now.request.filling) look_again();
}

void State::look_again() {
  Request seen = now.request;
  look(frames, seen);
  now.request.may |= seen.may;
  now.request.always &= seen.may;
  for (const Now& other : parked) {
    now.request.always &= ~other.in_transit;
    for (const HeldLock& held : other.held)
      if (held.lock_class == LockClass::kZone) look_beside(other, static_cast<unsigned>(held.instance));
  }
}

// Who holds a zone's lock may have taken from it already; watermarks are read without the lock. And what it has told
// already the lists, which serve a single frame, may not know yet.
void State::look_beside(const Now& holder, unsigned zone) {
  now.request.always &= ~(1u << zone);
  Zone before = frames.zone(zone);
  if (now.request.wish.order != 0 || holder.zone_had <= before.free) return;
  before.free = holder.zone_had;
  before.full[0] = 1;
  if (may_give(before, now.request.wish)) now.request.may |= 1u << zone;
}

// The CPU runs the operation that acts. If another one was at work there, it gave the CPU away.
void State::take_cpu() {
  for (Now& other : parked) {
    if (other.cpu != now.cpu || other.lost_cpu) continue;
    judge_left_cpu(other);
    other.lost_cpu = true;
  }
}

// Before an operation does anything more on a CPU that another one had, its space is loaded there again.
void State::judge_return(const Event& e) {
  if (e.kind == EventKind::kSpaceLoaded || e.kind == EventKind::kSpaceUnloaded) return;
  now.returns = false;
  const Cpu& cpu = cpus[now.cpu];
  note(Law::kCpu1);
  if (now.space == 0 || (cpu.space == now.space && !cpu.lazy) || !claims.has(Claim::kTranslations)) return;
  // What cannot be loaded is not; then nobody else's user code may run, either.
  if (cannot_be_loaded(now.space) && (cpu.lazy || cpu.space == now.space)) return;
  find(Law::kCpu1, "loaded space", "the operation's, before it goes on", "another");
}

// It is ending, or over.
bool State::cannot_be_loaded(std::uint32_t space) const { return spaces[space].root == 0 || is_ending(space); }

void State::went_on(const Event& e) {
  if (now.running && now.step == e.place)
    return find(Law::kAnswer, "operation that goes on", "another than the one that acts", "the same");
  const auto other =
      std::find_if(parked.begin(), parked.end(), [&](const Now& in_flight) { return in_flight.step == e.place; });
  if (other == parked.end()) return find(Law::kAnswer, "operation", "one in flight", "step " + std::to_string(e.place));
  if (now.running) {
    leave();
    std::swap(now, *other);
  } else {
    now = std::move(*other);
    parked.erase(other);
  }
  judge_told_cpu(e);
  arrive();
}

// An operation stays on its CPU.
void State::judge_told_cpu(const Event& e) {
  note(Law::kCpu1);
  if (e.cpu.raw() != now.cpu) find(Law::kCpu1, "cpu", now.cpu, e.cpu.raw());
}

void State::ended(const Event& e) {
  if (!now.running || now.step != e.place || e.index >= kRefusalNames.size())
    return find(Law::kAnswer, "ended operation", "the one that acts", "step " + std::to_string(e.place));
  note(Law::kLive2);
  judge_told_cpu(e);
  end({static_cast<Refusal>(e.index), e.after});
}

void State::judge_ended(StepNumber step) {
  if (broken()) return;
  const auto is_it = [step](const Now& in_flight) { return in_flight.step == step.raw(); };
  note(Law::kLive2);
  if ((now.running && is_it(now)) || std::any_of(parked.begin(), parked.end(), is_it))
    find(Law::kLive2, "ended operation", "told to have ended", "in flight: step " + std::to_string(step.raw()));
}

// A handle that an operation in flight is about to give or to take away.
bool State::is_in_use(const Operation& operation) const {
  const auto clashes = [&](const Now& in_flight) {
    return std::visit(
        []<class New, class Old>(const New& fresh, const Old& old) {
          if constexpr (requires { fresh.result.handle(); old.result.handle(); }) {
            if constexpr (std::is_same_v<decltype(fresh.result.handle()), decltype(old.result.handle())>)
              if (fresh.result.number() != 0 && fresh.result.handle() == old.result.handle()) return true;
          }
          if constexpr (requires { fresh.block; } && std::is_same_v<Old, PagesFree>)
            if (fresh.block == old.block) return true;
          if constexpr (requires { fresh.space; } && std::is_same_v<Old, SpaceExit>)
            if (fresh.space == old.space) return true;
          return false;
        },
        operation, in_flight.operation);
  };
  return (now.running && clashes(now)) || std::any_of(parked.begin(), parked.end(), clashes);
}

// ---- the space's lock ----

void State::enter_section() {
  now.in_section = true;
  now.strips_page = false;
  now.faulted_page = now.fault_page;
  if (is_access()) find_accessed();
}

void State::leave_section() {
  now.in_section = false;
  if (now.must_flush != 0) return find(Law::kCpu2, "interrupts due before the lock is given back", 0, now.must_flush);
  // A fault has its page flushed before the access walks there again.
  const bool took_page = now.stripped_pages != 0 && now.stripped_page[0] == now.faulted_page;
  if (is_access() && !now.overlapped && took_page && cpus[now.cpu].space == now.space)
    judge_dropped(now.cpu, false, now.faulted_page);
  if (claims.has(Claim::kEffects) && !is_access() && !now.answered && !broken())
    return find(Law::kAnswer, "answer", "told before the space's lock is given back", "not");
  // Its own CPU has flushed whatever was taken away.
  Cpu& cpu = cpus[now.cpu];
  if (now.took_rights && cpu.space == now.space && !broken()) {
    cpu.asids[cpu.asid].generation = spaces[now.space].generation;
    judge_answered(now.cpu);
  }
  if (is_access() && !broken()) close_fault();
}

// What a fault has come to when it gives the space's lock back, unless it has refused the access.
void State::close_fault() {
  if (now.answered || is_killed(now.space) || now.faulted_page == kNoFrame) return;
  const SpaceHandle space = spaces[now.space].handle;
  const std::uint64_t byte = now.faulted_page * kPage;
  const Refusal otherwise = contract.expect(part_refused()).plainest().refusal;
  if (now.refused) {  // it will be killed; until then the range has the family that a page was asked for
    if (otherwise != Refusal::kNone)
      return find(Law::kOom1, "fault", std::string(name_of(otherwise)) + " before any request", "refused memory");
    if (is<MemoryStore>() && !now.object_refused) contract.touch(space, byte);
    return;
  }
  if (is<MemoryStore>() && otherwise == Refusal::kNone) {
    contract.touch(space, byte);
    if (claims.has(Claim::kTables)) end_stored_page(now.faulted_page, false);
  }
  judge_touched_leaves({}, {});
  now.leaves.clear();
}

// Killed, or being killed by an operation in flight: whoever comes now need not wait for the end of it.
bool State::is_ending(std::uint32_t space) const {
  const auto kills = [&](const Now& other) { return other.space == space && other.killed; };
  return is_killed(space) || std::any_of(parked.begin(), parked.end(), kills);
}

// Some other operation took a mapping of the frame away, and not every CPU has heard of it.
bool State::is_being_unmapped(std::uint64_t frame) const {
  return std::any_of(parked.begin(), parked.end(), [&](const Now& other) {
    const auto readable = other.unmapped.begin() + other.unreadable;
    return other.pending != 0 && std::find(readable, other.unmapped.end(), frame) != other.unmapped.end();
  });
}

// How many operations in flight have taken a mapping of the frame away.
std::uint64_t State::unmapped_by_others(std::uint64_t frame) const {
  std::uint64_t count = 0;
  for (const Now& other : parked)
    count += static_cast<std::uint64_t>(std::count(other.unmapped.begin(), other.unmapped.end(), frame));
  return count;
}

// How many forks in flight may hold a reference for a mapping that the child does not have yet: that of the first page
// that it lacks.
std::uint64_t State::shared_by_others(std::uint64_t frame) const {
  const auto number_of = [this](std::uint64_t f) { return table_number(f); };
  std::uint64_t count = 0;
  for (const Now& other : parked) {
    if (!is_forking(other) || spaces[other.child].root == 0) continue;
    bool is_found = false;
    const auto look = [&](std::uint64_t page, std::uint64_t entry, std::uint32_t, std::uint64_t) {
      if (is_found || maps_zero_page(entry) || present(leaf(other.child, page).entry)) return;
      is_found = true;
      if (frame_in(entry) == frame) ++count;
    };
    tables.for_each_leaf(spaces[other.space].root, 0, geometry->user_end / kPage, number_of, look);
  }
  return count;
}

bool State::is_forking(const Now& in_flight) const {
  return std::holds_alternative<SpaceFork>(in_flight.operation) && in_flight.in_section;
}

// Did others act while this fork had its space's lock, so that families may have been otherwise when it chose? Or are
// they in the middle of what changes families, which counts only when they are done?
bool State::may_have_chosen_otherwise(const std::vector<FamilyId>& leaving) const {
  const auto forks = [this](const Now& other) { return is_forking(other); };
  return now.shared_section || !leaving.empty() || std::any_of(parked.begin(), parked.end(), forks);
}

// Of the spaces in which an operation in flight may have made ranges go, which does not count yet.
std::vector<FamilyId> State::families_being_left() const {
  std::vector<FamilyId> leaving;
  for (const Now& other : parked) {
    const auto& op = other.operation;
    const bool keeps = std::holds_alternative<SpaceFork>(op) || std::holds_alternative<SpaceCreate>(op);
    const Ranges* const ranges = ranges_of(other.space);
    if (keeps || !other.in_section || ranges == nullptr) continue;
    for (const auto& [start, range] : ranges->all())
      if (range.family != 0) leaving.push_back(range.family);
  }
  return leaving;
}

// The CPU has emptied its lists; what it was just giving back may have come there since.
void State::judge_drained_list(std::uint32_t cpu) {
  const auto gives_back = [&](const Now& other) {
    return other.cpu == cpu && other.last_event == EventKind::kFrameReturned;
  };
  std::uint32_t listed = 0;
  for (unsigned z = 0; z < kMaxZones; ++z) listed += frames.zone(z).listed[cpu];
  const std::uint32_t most = std::any_of(parked.begin(), parked.end(), gives_back) ? 1 : 0;
  note(Law::kPcp2);
  if (listed > most) find(Law::kPcp2, "listed frames after a drain", most, listed);
}

// ---- flushes that are under way ----

// Another operation has taken something away from the space, and this CPU has not been told yet; its own, on which it
// was preempted, it tells at the latest before it gives the space's lock back.
bool State::flush_is_due(std::uint32_t cpu, std::uint32_t space) const {
  return std::any_of(parked.begin(), parked.end(), [&](const Now& other) {
    if (other.space != space) return false;
    return (other.pending >> cpu & 1u) != 0 || (other.cpu == cpu && takes_down(other, space));
  });
}

// The operation holds the lock of the space and has taken something away: its flush is still to come.
bool State::takes_down(const Now& in_flight, std::uint32_t space) const {
  return in_flight.space == space && in_flight.took_rights && in_flight.in_section;
}
bool State::takes_space_down(std::uint32_t space) const {
  return takes_down(now, space) ||
         std::any_of(parked.begin(), parked.end(), [&](const Now& other) { return takes_down(other, space); });
}

// What it still caches of what was taken away, it may use until then.
void State::await_flush(std::uint32_t cpu, std::uint32_t space) {
  for (Now& other : parked) {
    if (!takes_down(other, space) || other.cpu == cpu) continue;  // its own CPU it tells itself
    other.must_flush |= 1u << cpu;
    other.may_flush |= 1u << cpu;
    other.pending |= 1u << cpu;
  }
}

// The CPU runs the space `loaded` from now on: flushes of the one it left need not reach it any more, since what it
// cached of that one it cannot use; those of the new one may.
void State::note_loaded(std::uint32_t cpu, std::uint32_t left, std::uint32_t loaded) {
  const std::uint32_t bit = 1u << cpu;
  for (Now& other : parked) {
    if (other.space == left && left != loaded) {
      other.must_flush &= ~bit;
      other.pending &= ~bit;
      // Who ends the space, or flushes, may have looked before: the CPU is then interrupted for nothing.
      const bool ends = std::holds_alternative<SpaceExit>(other.operation) && other.in_section;
      if (ends || other.killed || takes_down(other, left)) other.may_flush |= bit;
    }
    if (takes_down(other, loaded)) other.may_flush |= bit;
  }
}

}  // namespace mmtwin::model
