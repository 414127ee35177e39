#include "model/judges/lists.h"

#include <algorithm>

#include "model/court.h"
#include "model/judges/words.h"

namespace mmtwin::model {

// Who wants lists emptied: an operation for that, or a request that nobody could serve. Null: nobody.
ListNotes* ListJudge::drainer() {
  if (now.row.has(kDrainsList)) return &now.own.lists;
  Activity* const asks = court.requests.asking();
  return asks != nullptr && asks->asking.request.draining ? &asks->lists : nullptr;
}

// Which lists have nothing now: a CPU empties them zone by zone, and others may fill the first ones meanwhile.
void ListJudge::look(ListNotes& notes) const {
  notes.emptied.resize(kMaxZones);
  for (unsigned z = 0; z < kMaxZones; ++z) {
    const Zone& zone = machine.frames.zone(z);
    if (!zone.exists()) notes.emptied[z] = ~0u;
    for (std::uint32_t cpu = 0; zone.exists() && cpu < machine.cpus.size(); ++cpu)
      if (zone.listed[cpu] == 0) notes.emptied[z] |= 1u << cpu;
  }
}

// From now on it wants every list to be empty at some moment.
void ListJudge::begin_draining(ListNotes& notes) const {
  notes.emptied.clear();
  look(notes);
}

void ListJudge::look_for_drainer() {
  if (ListNotes* const notes = drainer(); notes != nullptr) look(*notes);
}

// A frame has left the list of the zone.
void ListJudge::look_at(unsigned zone, std::uint32_t cpu) {
  ListNotes* const notes = drainer();
  if (notes == nullptr) return;
  if (notes->emptied.empty()) look(*notes);
  if (machine.frames.zone(zone).listed[cpu] == 0) notes->emptied[zone] |= 1u << cpu;
}

// CPUs each of whose lists was empty at some moment since that is wanted.
std::uint32_t ListJudge::emptied(const ListNotes& notes) const {
  std::uint32_t all = (1u << machine.cpus.size()) - 1;
  for (const std::uint32_t cpus : notes.emptied) all &= cpus;
  return all;
}

// The CPU has emptied its lists. What it was just giving back may have come since.
void ListJudge::judge_drained_list(std::uint32_t cpu) {
  ListNotes* const notes = drainer();
  if (notes == nullptr) return;
  note(Law::kPcp2);
  look(*notes);
  const bool gives_back = flights.any_parked([&](const Flight& other) {
    return other.cpu == cpu && other.schedule.last_event == EventKind::kFrameReturned;
  });
  for (unsigned z = 0; gives_back && z < kMaxZones; ++z)
    if (machine.frames.zone(z).listed[cpu] == 1) notes->emptied[z] |= 1u << cpu;
  if ((emptied(*notes) >> cpu & 1u) == 0)
    violated(Law::kPcp2, "drained lists", "empty at some moment", "never those of CPU " + std::to_string(cpu));
}

void ListJudge::list_filled(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  const Request& request = act().asking.request;
  if (!request.open || request.injection_due || request.wish.order != 0 || e.index != request.cpu)
    return violated(Law::kPcp1, "list", "filled only by an order-0 request of its CPU", "filled");
  if (!machine.frames.exists(frame) || !machine.frames.is_free(frame))
    return violated(Law::kPcp1, "frame", "a free one", std::to_string(frame));
  court.requests.judge_choice_of_zone(frame, Law::kPcp1);
  if (broken()) return;
  const Zone& zone = machine.frames.zone(machine.frames.zone_of(frame));
  if (request.filled == 0) {
    if (zone.listed[e.index] != 0) return violated(Law::kPcp2, "filled list", 0, zone.listed[e.index]);
    act().asking.request.fill_wanted = std::min<std::uint64_t>(machine.description.pcp_batch, zone.free);
    act().asking.request.fill_is_known = !court.requests.is_in_transit(machine.frames.zone_of(frame));
  }
  note(Law::kPcp2);
  if (++act().asking.request.filled > request.fill_wanted)
    return violated(Law::kPcp2, "frames filled", request.fill_wanted, request.filled);
  court.locks.judge_protected(Thing::free_frames(machine.frames.zone_of(frame)));
  machine.frames.take(frame, 0);
  machine.frames.list(frame, e.index);
  report.changed(machine.frames.at(frame), frame);
  act().lists.grown |= 1u << e.index;
  note(Law::kPcp1);
  report.count_item();
}

// A list is drained by its own CPU: because that was asked for, for a request that fails otherwise, or because it grew
// too long, and then by a whole batch.
void ListJudge::judge_drain(const Event& e, unsigned zone) {
  if (e.cpu.raw() != e.index) return violated(Law::kCpu1, "drained list", e.cpu.raw(), e.index);
  note(Law::kPcp2);
  if (now.row.has(kDrainsList)) {
    if (now.named.target != e.index) violated(Law::kPcp2, "drained list", now.named.target, e.index);
    return;
  }
  if (court.requests.turn_to_draining()) return;
  const std::uint32_t length = machine.frames.zone(zone).listed[e.index];
  if (act().lists.overflow_left == 0) {
    if (length <= machine.description.pcp_high)
      return violated(Law::kPcp2, "list", "drained when too long or asked for", "drained");
    act().lists.overflow_left = std::min<std::uint32_t>(machine.description.pcp_batch, length);
    act().lists.overflow_zone = zone;
  }
  if (act().lists.overflow_zone != zone)
    return violated(Law::kPcp2, "zone", zone_text(act().lists.overflow_zone), zone_text(zone));
  --act().lists.overflow_left;
}

void ListJudge::list_drained(const Event& e) {
  const std::uint64_t frame = e.frame.raw();
  if (!machine.frames.exists(frame)) return violated(Law::kPcp1, "frame", "one that exists", std::to_string(frame));
  FrameRecord& record = machine.frames.at(frame);
  if (record.state != FrameState::kListed || record.cpu != e.index)
    return violated(Law::kPcp1, "frame", "on the list of CPU " + std::to_string(e.index), std::to_string(frame));
  judge_drain(e, record.zone);
  court.locks.judge_protected(Thing::free_frames(record.zone));
  if (broken()) return;
  machine.frames.unlist(frame);
  machine.frames.give_back(frame, 0);
  report.changed(record, frame);
  act().lists.drained = true;
  court.requests.list_drained();
  look_at(record.zone, e.index);
  report.count_item();
}

// No list that grew is longer than it may be.
void ListJudge::judge_end() {
  const ListNotes& notes = act().lists;
  if (broken()) return;
  if (notes.overflow_left != 0) return violated(Law::kPcp2, "frames still to drain", 0, notes.overflow_left);
  if (notes.grown == 0) return;
  for (unsigned z = 0; z < kMaxZones; ++z) {
    const Zone& zone = machine.frames.zone(z);
    if (!zone.exists()) continue;
    for (unsigned c = 0; c < machine.description.cpus; ++c) {
      if ((notes.grown >> c & 1u) == 0) continue;
      if (zone.listed[c] >= machine.description.pcp_high) note(Law::kPcp2);
      if (zone.listed[c] > machine.description.pcp_high)
        return violated(Law::kPcp2, "list length", "at most " + std::to_string(machine.description.pcp_high),
                        std::to_string(zone.listed[c]));
    }
  }
}

}  // namespace mmtwin::model
