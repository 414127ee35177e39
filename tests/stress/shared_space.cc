#include "tests/stress/shared_space.h"

#include <algorithm>

#include "version/asymmetric_barrier.h"

namespace mmtwin::stress {
namespace {

constexpr Prot kReadWrite = kProtRead | kProtWrite;

Prot prot_of(SlotState state) {
  return state == SlotState::kWritable ? kReadWrite : state == SlotState::kReadOnly ? kProtRead : kProtNone;
}

// What a slot at rest answers.
Refusal answer_of(SlotState state, bool is_store) {
  if (state == SlotState::kUnmapped) return Refusal::kSegvMapErr;
  if (state == SlotState::kWritable || (state == SlotState::kReadOnly && !is_store)) return Refusal::kNone;
  return Refusal::kSegvAccErr;
}

std::vector<Area> areas_of_children() {
  std::vector<Area> areas = {{kLedgerFirst, kLedgerPages}, {slot_first(0), 4 * kSlotPages}};
  for (unsigned slot = 4; slot < kSlots; ++slot) areas.push_back({slot_first(slot), kSlotPages});
  return areas;
}

// The newest value that page `page` of the ledger holds after `stores` stores.
std::uint64_t ledger_value(std::uint64_t stores, std::uint64_t page) {
  return stores - (stores + kLedgerPages - page) % kLedgerPages;
}

std::uint64_t message_at(unsigned cpu, std::uint64_t index) {
  return (kMessageFirst + cpu) * kPage + index * 8;
}
std::uint64_t message(unsigned cpu, std::uint64_t index) { return index * kCpus + cpu + 1; }

}  // namespace

// ---- setting up ----

void SharedSpace::fill(Runner& runner) {
  expect(runner.map(id_, kLedgerFirst * kPage, kLedgerPages, kReadWrite, kMapFixed).is_ok(), "the ledger is mapped",
         runner.cpu());
  expect(runner.map(id_, kMessageFirst * kPage, kCpus, kReadWrite, kMapFixed).is_ok(),
         "the messages are mapped", runner.cpu());
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) {
    for (std::uint64_t k = 1; k <= kLedgerPages; ++k) {
      const std::uint64_t page = kLedgerFirst + k % kLedgerPages;
      expect(runner.store(id_, line_at(page, cpu), k).is_ok(), "the ledger is writable", runner.cpu(), k);
    }
    begun_[cpu] = done_[cpu] = kLedgerPages;
  }
  for (unsigned slot = 0; slot < kHeapSlot; ++slot) {
    const std::uint64_t first = slot_first(slot);
    expect(runner.map(id_, first * kPage, kSlotPages, kReadWrite, kMapFixed).is_ok(), "a slot is mapped", runner.cpu());
    publish(slot, SlotState::kWritable, true);
    for (unsigned cpu = 0; cpu < kCpus; ++cpu) {
      for (std::uint64_t page = 0; page < kSlotPages; page += 2) {
        expect(runner.store(id_, line_at(first + page, cpu), cpu + 1).is_ok(), "a slot is writable", runner.cpu());
        known_[cpu][slot][page] = {cpu + 1u, incarnation_of(state(slot)), true};
      }
      known_[cpu][slot][1].incarnation = known_[cpu][slot][3].incarnation = incarnation_of(state(slot));
    }
  }
}

void SharedSpace::take_over(const SharedSpace& parent) {
  for (unsigned slot = 0; slot < kSlots; ++slot) slots_[slot] = parent.slots_[slot].load();
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) {
    begun_[cpu] = parent.begun_[cpu].load();
    done_[cpu] = parent.done_[cpu].load();
  }
  known_ = parent.known_;
}

// ---- the ledger ----

void SharedSpace::store_ledger(Runner& runner) {
  const unsigned cpu = runner.cpu();
  const std::uint64_t k = done_[cpu].load(std::memory_order_relaxed) + 1;
  const std::uint64_t page = kLedgerFirst + k % kLedgerPages;
  begun_[cpu].store(k, std::memory_order_relaxed);
  const Outcome<Done> done = runner.store(id_, line_at(page, cpu), k);
  expect(done.is_ok(), "a page that stays writable may be written", cpu, page,
         static_cast<std::uint64_t>(done.refusal()));
  done_[cpu].store(k, std::memory_order_relaxed);
}

void SharedSpace::load_ledger(Runner& runner) {
  const unsigned cpu = runner.cpu();
  const std::uint64_t page = runner.draw(kLedgerPages);
  const std::uint64_t wanted = ledger_value(done_[cpu].load(std::memory_order_relaxed), page);
  const Outcome<std::uint64_t> got = runner.load(id_, line_at(kLedgerFirst + page, cpu));
  expect(got.is_ok(), "a page that stays may be read", cpu, page, static_cast<std::uint64_t>(got.refusal()));
  expect(*got == wanted, "no store is lost", cpu, page, *got, wanted);
}

// ---- messages ----

void SharedSpace::send_message(Runner& runner) {
  const unsigned cpu = runner.cpu();
  const std::uint64_t sent = sent_[cpu].load(std::memory_order_relaxed);
  if (sent == kMessages) return;
  expect(runner.store(id_, message_at(cpu, sent), message(cpu, sent)).is_ok(),
         "a page that stays writable may be written", cpu, sent);
  sent_[cpu].store(sent + 1, std::memory_order_release);
}

void SharedSpace::read_message(Runner& runner) {
  const unsigned from = static_cast<unsigned>(runner.draw(kCpus));
  const std::uint64_t sent = sent_[from].load(std::memory_order_acquire);
  const bool is_last = sent == 0 || runner.one_in(4);
  // Mostly a new one: it may lie in a frame that this CPU has not yet seen.
  const std::uint64_t index = is_last ? kMessages : sent - 1 - runner.draw(std::min<std::uint64_t>(sent, 4));
  const Outcome<std::uint64_t> got = runner.load(id_, message_at(from, index));
  expect(got.is_ok(), "a page that stays may be read", runner.cpu(), index);
  expect(*got == (is_last ? 0 : message(from, index)), "what was stored before it was told is there", runner.cpu(),
         message_at(from, index), *got, message(from, index));
}

// ---- slots ----

void SharedSpace::publish(unsigned slot, SlotState now, bool is_new_incarnation) {
  const std::uint64_t word = state(slot);
  const std::uint64_t changes = ((word >> 8) + 1) & 0xffffff;
  const std::uint64_t incarnation = incarnation_of(word) + (is_new_incarnation ? 1 : 0);
  slots_[slot].store(incarnation << 32 | changes << 8 | static_cast<std::uint64_t>(now), std::memory_order_relaxed);
}

void SharedSpace::use_slot(Runner& runner) {
  const unsigned slot = static_cast<unsigned>(runner.draw(slots_used_));
  const std::uint64_t page = runner.draw(kSlotPages);
  if (runner.one_in(2))
    store_slot(runner, slot, page);
  else
    load_slot(runner, slot, page);
}

void SharedSpace::store_slot(Runner& runner, unsigned slot, std::uint64_t page) {
  const unsigned cpu = runner.cpu();
  const std::uint64_t value = runner.draw(~std::uint64_t{0});
  const std::uint64_t before = state(slot);
  const Outcome<Done> done = runner.store(id_, line_at(slot_first(slot) + page, cpu), value);
  const std::uint64_t after = state(slot);
  const Refusal wanted = answer_of(state_of(before), true);
  expect(before != after || !is_at_rest(before) || done.refusal() == wanted, "a store is answered as the range says",
         cpu, slot_first(slot) + page, static_cast<std::uint64_t>(done.refusal()), before);
  expect(done.is_ok() || done.refusal() == Refusal::kSegvMapErr || done.refusal() == Refusal::kSegvAccErr,
         "a store is refused only for want of rights", cpu, slot, static_cast<std::uint64_t>(done.refusal()));
  if (!done) return;
  const bool is_certain =
      incarnation_of(before) == incarnation_of(after) && state_of(before) != SlotState::kRemapping;
  known_[cpu][slot][page] = {value, incarnation_of(after), is_certain};
}

void SharedSpace::load_slot(Runner& runner, unsigned slot, std::uint64_t page) {
  const unsigned cpu = runner.cpu();
  const std::uint64_t before = state(slot);
  const Outcome<std::uint64_t> got = runner.load(id_, line_at(slot_first(slot) + page, cpu));
  const std::uint64_t after = state(slot);
  const Refusal wanted = answer_of(state_of(before), false);
  const bool was_at_rest = before == after && is_at_rest(before);
  expect(!was_at_rest || got.refusal() == wanted, "a load is answered as the range says", cpu,
         slot_first(slot) + page, static_cast<std::uint64_t>(got.refusal()), before);
  expect(got.is_ok() || got.refusal() == Refusal::kSegvMapErr || got.refusal() == Refusal::kSegvAccErr,
         "a load is refused only for want of rights", cpu, slot, static_cast<std::uint64_t>(got.refusal()));
  if (!got) return;
  Known& known = known_[cpu][slot][page];
  // Mapped anew since: zero. Stored or loaded while it was being mapped anew: zero or the value.
  const bool is_same = known.incarnation == incarnation_of(after) && incarnation_of(before) == incarnation_of(after) &&
                       state_of(before) != SlotState::kRemapping;
  const bool may_be_value = is_same || !known.is_certain || !was_at_rest;
  const bool may_be_zero = !is_same || !known.is_certain;
  expect((may_be_value && *got == known.value) || (may_be_zero && *got == 0),
         "a load answers what was stored since the page was mapped", cpu, slot_first(slot) + page, *got, known.value);
  if (was_at_rest) known = {*got, incarnation_of(after), true};
}

void SharedSpace::change_slot(Runner& runner) {
  // Slots of CPU c: c, c + cpus, ...
  const unsigned own = runner.cpu() - first_cpu_;
  if (own >= slots_used_) return;
  const unsigned slot = static_cast<unsigned>(own + cpus_ * runner.draw((slots_used_ - own + cpus_ - 1) / cpus_));
  if (slot == kHeapSlot) return move_heap(runner);
  if (state_of(state(slot)) != SlotState::kUnmapped && runner.one_in(2)) return change_rights(runner, slot);
  remap(runner, slot);
}

void SharedSpace::change_rights(Runner& runner, unsigned slot) {
  const SlotState kinds[] = {SlotState::kNoRights, SlotState::kReadOnly, SlotState::kWritable, SlotState::kWritable};
  const SlotState next = kinds[runner.draw(4)];
  publish(slot, SlotState::kProtecting, false);
  const Outcome<Done> done = runner.protect(id_, slot_first(slot) * kPage, kSlotPages, prot_of(next));
  expect(done.is_ok(), "a mapped slot can be protected", runner.cpu(), slot,
         static_cast<std::uint64_t>(done.refusal()));
  publish(slot, next, false);
}

void SharedSpace::remap(Runner& runner, unsigned slot) {
  const bool was_mapped = state_of(state(slot)) != SlotState::kUnmapped;
  const std::uint64_t at = slot_first(slot) * kPage;
  publish(slot, SlotState::kRemapping, true);
  if (was_mapped && runner.one_in(2)) {
    // Piece by piece: the last piece may have no page left, but the table.
    const std::uint64_t piece = runner.one_in(2) ? kSlotPages : 1 + runner.draw(kSlotPages - 1);
    for (std::uint64_t page = 0; page < kSlotPages; page += piece) {
      expect(runner.unmap(id_, at + page * kPage, std::min(piece, kSlotPages - page)).is_ok(),
             "a slot can be unmapped", runner.cpu(), slot, page);
    }
    return publish(slot, SlotState::kUnmapped, false);
  }
  const SlotState next = runner.one_in(8) ? SlotState::kReadOnly : SlotState::kWritable;
  const Outcome<std::uint64_t> got =
      runner.map(id_, at, kSlotPages, prot_of(next), was_mapped ? kMapFixed : kMapNoReplace);
  expect(got.is_ok() && *got == at, "a slot can be mapped", runner.cpu(), slot,
         static_cast<std::uint64_t>(got.refusal()));
  publish(slot, next, false);
}

void SharedSpace::move_heap(Runner& runner) {
  const bool grows = state_of(state(kHeapSlot)) == SlotState::kUnmapped;
  const std::uint64_t end = kHeapStart + (grows ? kSlotPages * kPage : 0);
  publish(kHeapSlot, SlotState::kRemapping, true);
  const BreakAnswer answer = runner.brk(id_, end);
  expect(answer.refusal == Refusal::kNone && answer.value == end, "the break moves", runner.cpu(), answer.value, end);
  publish(kHeapSlot, grows ? SlotState::kWritable : SlotState::kUnmapped, false);
}

std::uint64_t SharedSpace::any_page(Runner& runner) const {
  const unsigned slot = static_cast<unsigned>(runner.draw(slots_used_ + 1));
  if (slot == slots_used_) return kLedgerFirst + runner.draw(kLedgerPages);
  return slot_first(slot) + runner.draw(kSlotPages);
}

// ---- forks: what the child must hold ----

SharedSpace::Words SharedSpace::read_all(const std::array<std::atomic<std::uint64_t>, kCpus>& words) const {
  Words read;
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) read[cpu] = words[cpu].load(std::memory_order_relaxed);
  return read;
}

SharedSpace::SlotWords SharedSpace::read_states() const {
  SlotWords read;
  for (unsigned slot = 0; slot < kSlots; ++slot) read[slot] = state(slot);
  return read;
}

PrivateSpace SharedSpace::fork(Runner& runner) {
  const Words done = read_all(done_);
  const SlotWords before = read_states();
  const Outcome<SpaceId> id = runner.fork(id_);
  expect(id.is_ok(), "a fork succeeds while memory is plentiful", runner.cpu(),
         static_cast<std::uint64_t>(id.refusal()));
  const SlotWords after = read_states();
  const Words begun = read_all(begun_);
  static const std::vector<Area> areas = areas_of_children();
  PrivateSpace child(*id, areas);
  adopt_ledger(runner, child, done, begun);
  for (unsigned slot = 0; slot < kSlots; ++slot) adopt_slot(runner, child, slot, before[slot], after[slot]);
  return child;
}

void SharedSpace::fork_briefly(Runner& runner) {
  const Outcome<SpaceId> id = runner.fork(id_);
  expect(id.is_ok(), "a fork succeeds while memory is plentiful", runner.cpu(),
         static_cast<std::uint64_t>(id.refusal()));
  const std::uint64_t moments = runner.draw(512);
  for (std::uint64_t i = 0; i < moments; ++i) impl::wait_a_moment();
  for (std::uint64_t left = runner.draw(6); left != 0; --left) {
    const std::uint64_t at = any_page(runner) * kPage + 64 * (1 + runner.draw(kCpus));
    const std::uint64_t value = runner.draw(~std::uint64_t{0});
    if (!runner.store(*id, at, value)) continue;
    const Outcome<std::uint64_t> got = runner.load(*id, at);
    expect(got.is_ok() && *got == value, "a load answers what was stored", runner.cpu(), at, *got, value);
  }
  runner.exit(*id);
}

void SharedSpace::adopt_ledger(Runner& runner, PrivateSpace& child, const Words& before, const Words& after) {
  std::array<PageContents, kLedgerPages> pages{};
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) {
    std::uint64_t newest = 0;
    for (std::uint64_t page = 0; page < kLedgerPages; ++page) {
      const Outcome<std::uint64_t> got = runner.load(child.id(), line_at(kLedgerFirst + page, cpu));
      expect(got.is_ok(), "a child may read what its parent had", runner.cpu(), page);
      pages[page].lines[cpu] = *got;
      newest = std::max(newest, *got);
    }
    expect(newest >= before[cpu] && newest <= after[cpu], "a child has what was stored when it was forked",
           runner.cpu(), newest, before[cpu], after[cpu]);
    for (std::uint64_t page = 0; page < kLedgerPages; ++page) {
      expect(pages[page].lines[cpu] == ledger_value(newest, page), "a child has each store and all those before it",
             runner.cpu(), page, pages[page].lines[cpu], newest);
    }
  }
  for (std::uint64_t page = 0; page < kLedgerPages; ++page) {
    pages[page].prot = kReadWrite;
    child.adopt(kLedgerFirst + page, pages[page]);
  }
}

// A slot that was changed meanwhile is unmapped in the child, so that something is known about it.
void SharedSpace::adopt_slot(Runner& runner, PrivateSpace& child, unsigned slot, std::uint64_t before,
                             std::uint64_t after) {
  const std::uint64_t first = slot_first(slot);
  const bool is_known = before == after && is_at_rest(before);
  if (is_known && answer_of(state_of(before), false) == Refusal::kNone) {
    for (std::uint64_t page = 0; page < kSlotPages; ++page) adopt_page(runner, child, slot, page, before);
    return;
  }
  if (is_known) {
    const Outcome<std::uint64_t> got = runner.load(child.id(), line_at(first, runner.cpu()));
    expect(got.refusal() == answer_of(state_of(before), false), "a child has the ranges of its parent", runner.cpu(),
           first, static_cast<std::uint64_t>(got.refusal()));
  }
  expect(runner.unmap(child.id(), first * kPage, kSlotPages).is_ok(), "a slot can be unmapped", runner.cpu(), slot);
}

void SharedSpace::adopt_page(Runner& runner, PrivateSpace& child, unsigned slot, std::uint64_t page,
                             std::uint64_t word) {
  PageContents contents{.prot = prot_of(state_of(word))};
  for (unsigned cpu = 0; cpu < kCpus; ++cpu) {
    const Outcome<std::uint64_t> got = runner.load(child.id(), line_at(slot_first(slot) + page, cpu));
    expect(got.is_ok(), "a child may read what its parent could", runner.cpu(), slot_first(slot) + page);
    contents.lines[cpu] = *got;
  }
  const Known& known = known_[runner.cpu()][slot][page];
  const std::uint64_t own = contents.lines[runner.cpu()];
  const bool is_same = known.incarnation == incarnation_of(word);
  expect((own == known.value && (is_same || !known.is_certain)) || (own == 0 && !(is_same && known.is_certain)),
         "a child has what its own thread had stored", runner.cpu(), slot_first(slot) + page, own, known.value);
  child.adopt(slot_first(slot) + page, contents);
}

}  // namespace mmtwin::stress
