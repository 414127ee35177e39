// SharedSpace: a space that several threads use at once, and what each of them knows about it.
//
// Laws: CONTENT-1, COW-1, PERM-1, TLB-1, TLB-2, as far as a program can see them. Context: threads of CPUs; each has a
// line of its own on every page, so that they share nothing but the memory manager. Cost: two relaxed loads a verb. It
// deliberately orders its threads by nothing but messages and the machine's own order of loads and stores (x86: all but
// a load before an older store).
//
// Ledger: pages that stay. A CPU's k-th store puts k on its line of page k mod kLedgerPages. What a fork sees of it
// must be a prefix: whoever met a page that was already write-protected waits until the fork is done.
// Messages: a CPU writes the words of its pages once each, and then tells the others how many there are.
// Slots: spans of pages that one CPU each maps, unmaps and protects while all others load and store there. `state` says
// what the slot was before and after an access: if it was the same and at rest, the outcome is known.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "tests/stress/private_space.h"
#include "tests/stress/runner.h"

namespace mmtwin::stress {

inline constexpr std::uint64_t kLedgerFirst = 0x100;  // page number
inline constexpr std::uint64_t kLedgerPages = 8;
inline constexpr std::uint64_t kMessageFirst = 0x300;      // page number; a page for each CPU
inline constexpr std::uint64_t kMessages = kPage / 8 - 1;  // of each CPU; the last word stays zero
inline constexpr unsigned kSlots = 7;  // the last one is the heap
inline constexpr unsigned kHeapSlot = kSlots - 1;
inline constexpr std::uint64_t kSlotPages = 4;

// Four beside each other, so that ranges merge and share tables; two far away, so that tables come and go.
constexpr std::uint64_t slot_first(unsigned slot) {
  if (slot == kHeapSlot) return kHeapStart / kPage;
  return slot < 4 ? 0x200 + slot * kSlotPages : 0x800 + slot * 0x400;
}

// One word: rights and what is going on in the low byte, incarnation (how often it was mapped or unmapped) from bit 32,
// changes from bit 8.
enum class SlotState : std::uint8_t { kUnmapped, kNoRights, kReadOnly, kWritable, kProtecting, kRemapping };
constexpr SlotState state_of(std::uint64_t word) { return static_cast<SlotState>(word & 0xff); }
constexpr std::uint64_t incarnation_of(std::uint64_t word) { return word >> 32; }
constexpr bool is_at_rest(std::uint64_t word) { return state_of(word) < SlotState::kProtecting; }

class SharedSpace {
 public:
  // `slots`: how many of them are used at most; few of them are met more often.
  SharedSpace(SpaceId id, unsigned first_cpu, unsigned cpus, unsigned slots)
      : id_(id), first_cpu_(first_cpu), cpus_(cpus), slots_used_(slots) {}

  // A new one, its ledger written once by each line's name. Nobody else runs in it yet.
  void fill(Runner& runner);
  // This one was forked from `parent`, in which nobody runs either.
  void take_over(const SharedSpace& parent);

  SpaceId id() const { return id_; }
  bool is_used_by(unsigned cpu) const { return cpu >= first_cpu_ && cpu < first_cpu_ + cpus_; }
  // The caller's thread will not use the space any more. True: nobody will.
  bool leave() { return cpus_ == left_.fetch_add(1, std::memory_order_acq_rel) + 1; }

  void store_ledger(Runner& runner);
  void load_ledger(Runner& runner);
  void send_message(Runner& runner);
  // Of some CPU.
  void read_message(Runner& runner);
  void use_slot(Runner& runner);
  // Of a slot that belongs to the runner's CPU.
  void change_slot(Runner& runner);
  // The child is known page by page: the caller's.
  PrivateSpace fork(Runner& runner);
  // The child stores to a few pages at once, while they are still shared, and exits.
  void fork_briefly(Runner& runner);
  std::uint64_t any_page(Runner& runner) const;

 private:
  // What a CPU's own line on a page of a slot holds.
  struct Known {
    std::uint64_t value = 0;
    std::uint64_t incarnation = 0;
    bool is_certain = true;  // false: `value`, or 0 if the slot was remapped after the store
  };
  using SlotKnowledge = std::array<std::array<Known, kSlotPages>, kSlots>;
  using Words = std::array<std::uint64_t, kCpus>;
  using SlotWords = std::array<std::uint64_t, kSlots>;

  std::uint64_t state(unsigned slot) const { return slots_[slot].load(std::memory_order_relaxed); }
  void publish(unsigned slot, SlotState state, bool is_new_incarnation);
  void store_slot(Runner& runner, unsigned slot, std::uint64_t page);
  void load_slot(Runner& runner, unsigned slot, std::uint64_t page);
  void change_rights(Runner& runner, unsigned slot);
  void remap(Runner& runner, unsigned slot);
  void move_heap(Runner& runner);
  void adopt_ledger(Runner& runner, PrivateSpace& child, const Words& before, const Words& after);
  void adopt_slot(Runner& runner, PrivateSpace& child, unsigned slot, std::uint64_t before, std::uint64_t after);
  void adopt_page(Runner& runner, PrivateSpace& child, unsigned slot, std::uint64_t page, std::uint64_t word);
  Words read_all(const std::array<std::atomic<std::uint64_t>, kCpus>& words) const;
  SlotWords read_states() const;

  SpaceId id_;
  unsigned first_cpu_;
  unsigned cpus_;
  unsigned slots_used_;
  std::atomic<unsigned> left_{0};
  std::array<std::atomic<std::uint64_t>, kSlots> slots_{};
  // Stores to the ledger by CPU: begun, done.
  std::array<std::atomic<std::uint64_t>, kCpus> begun_{};
  std::array<std::atomic<std::uint64_t>, kCpus> done_{};
  std::array<std::atomic<std::uint64_t>, kCpus> sent_{};
  // Each used by its CPU only.
  std::array<SlotKnowledge, kCpus> known_{};
};

}  // namespace mmtwin::stress
