// The model's whole state and the rules that judge it, family by family; Model is its outer face.
//
// Laws: all. Context: one thread. Cost: values and arrays, reset by what was touched. Rules live in judge_*.cc
// (events and observations) and apply_*.cc (operations). The operation that acts is `now`; others in flight wait in
// `parked` until an event says that they go on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/frames.h"
#include "model/model.h"
#include "model/pages.h"
#include "model/contract/contract.h"
#include "model/requests.h"
#include "model/tables.h"
#include "vocab/locks.h"

namespace mmtwin::model {

inline constexpr unsigned kCaches = static_cast<unsigned>(kCacheNames.size());
inline constexpr std::uint64_t kNoFrame = ~std::uint64_t{0};
inline constexpr std::uint64_t kNoLock = ~std::uint64_t{0};

std::string cache_text(std::uint64_t cache);  // for findings

struct Space {
  bool live = false;
  bool named = false;               // by its handle: the operation that makes it is over
  SpaceHandle handle;               // how the contract calls it
  std::uint32_t root = 0;           // table number; 0: none (killed, or a system that shows no tables)
  std::uint64_t resident_anon = 0;  // leaves that map anonymous pages
  std::uint64_t tables = 0;         // root included
  std::uint32_t changed_in = 0;
  std::uint32_t loaded_on = 0;      // CPUs that have its tables loaded, lazily or not
  std::uint64_t context = 0;        // never given to another space
  std::uint64_t generation = 0;     // counts rights taken from entries that a CPU could have cached
  std::uint64_t counted_ranges = 0;  // its part of State::live_ranges
  std::uint64_t lock = kNoLock, tables_lock = kNoLock;  // their instances, known once they were taken
};

struct TlbSlot {
  bool full = false;
  std::uint16_t asid = 0;
  std::uint64_t page = 0;
  std::uint64_t entry = 0;
};
struct WalkSlot {
  bool full = false;
  std::uint16_t asid = 0;
  std::uint64_t page = 0;  // any page of the cached prefix
  std::uint64_t frame = 0;
};
// Whose translations a CPU keeps under an ASID, and which takings of rights it heard of.
struct AsidOwner {
  std::uint64_t context = 0;  // 0: nobody's
  std::uint64_t generation = 0;
};
struct Cpu {
  std::uint64_t root_frame = 0;
  std::uint16_t asid = 0;
  bool lazy = true;
  std::uint32_t space = kKernel;
  std::array<AsidOwner, 8> asids{};
  std::array<std::uint32_t, 8> cached{};  // full slots of all caches by ASID
  std::vector<TlbSlot> tlb;
  std::array<std::vector<WalkSlot>, 8> walk;  // by level
};

// A frame taken by the operation in progress.
struct FreshFrame {
  std::uint64_t frame = 0;
  std::uint64_t count = 1;
  bool copied = false;
  std::uint64_t from = 0;  // copied: from this frame
  std::uint64_t stores = 0;  // copied: that the page there had seen by then
  bool mapped = false;     // once
  bool returned = false;
};
// A leaf that the operation in progress changed.
struct LeafTouch {
  std::uint32_t space = 0;
  std::uint64_t page = 0;
  bool had_page = false;  // it mapped an anonymous page before this change
};
// What an access found before it began.
struct AccessedPage {
  std::uint64_t page = 0;
  std::uint64_t entry = 0;
  std::uint32_t mapped = 0;  // Page number, 0: none or the zero page
  std::uint32_t mappings = 0;
  std::uint64_t used = 0;    // the cached entry that translated it for this very access
};

// The walk in progress, as far as events tell: a failed one ends without any.
struct Walk {
  unsigned next_level = 0;  // of the entry to be read next
  std::uint64_t page = 0;
  bool begun = false;
  bool marked = false;  // the entry read next has its marks: it is cached at once
  bool disturbed = false;  // since it began others acted: it may start anew
};

// What an operation keeps of many things, in memory that the next one uses again: assigning an empty one empties it.
template <class T>
class Reused : public std::vector<T> {
 public:
  Reused() = default;
  Reused(Reused&&) noexcept = default;
  Reused& operator=(Reused&& other) noexcept {
    if (other.empty())
      this->clear();
    else
      this->swap(other);
    return *this;
  }
};

struct HeldLock {
  LockClass lock_class{};
  std::uint64_t instance = 0;
  friend bool operator==(const HeldLock&, const HeldLock&) = default;
};

// An operation in flight. One begins as `Now{}`: nothing of the one before is left.
struct Now {
  Operation operation;
  bool is_access = false;
  std::uint64_t step = 0;
  bool running = false;
  bool may_pause = false;
  bool overlapped = false;     // another operation acted between this one's begin and its end
  bool lost_cpu = false;       // another one has run on its CPU since it last acted
  bool returns = false;        // it has its CPU back, and has done nothing yet
  bool in_section = false;     // it has the lock of the space that it names
  bool answered = false;       // it counts already: `answer` is what it answers
  Response answer;
  std::uint64_t stopped_at = 0;  // of a protect that was refused memory
  bool performed = false;      // the access was translated and has happened
  std::uint64_t faulted_page = kNoFrame;  // of the section that is being handled, or was last
  Block block;                 // of a pages_free
  Reused<HeldLock> held;
  Reused<std::uint64_t> unmapped;  // frames that lost a mapping; kept only where others may see it
  std::uint32_t unreadable = 0;    // of these, the first so many: every CPU has answered since
  EventKind last_event{};
  std::uint32_t left = 0;      // the space that its CPU ran before it loaded another one
  bool is_undisturbed = false;     // since the last interrupt that was taken nobody else acted
  std::uint64_t zone_had = 0;      // free frames of the zone whose lock it has, when it took it
  std::uint32_t in_transit = 0;    // zones whose free frames are not yet, or no more, what events told
  Reused<bool> made_family;  // of a fork: by range that was copied
  std::uint32_t asked = 0;     // CPUs that were asked to take an interrupt and have not answered
  std::uint32_t pending = 0;   // CPUs that may go on using what was taken away until they answer
  bool boot = false;
  bool refused = false;        // a page or object request was legally refused
  bool object_refused = false;
  bool slab_page_refused = false;  // a slab's page request was the last thing refused
  bool drained = false;        // frames left per-CPU lists for their zones
  bool killed = false;         // kSpaceKilled was narrated
  bool met_cap = false;        // of a fork: before others acted, a page had as many references as it may have
  bool shared_section = false;  // others acted while it had its space's lock
  std::uint32_t space = 0;     // the space that the operation names, 0: none
  std::uint32_t child = 0;     // the space that it makes
  Request request;
  Reused<std::uint64_t> zeroed;  // frames zeroed
  std::uint64_t returned_heads = 0;   // of blocks
  std::uint32_t lists_grown = 0;    // CPUs whose lists got a frame
  bool took_slab = false;
  bool acted = false;               // something happened but the loading of a space
  std::uint32_t cpu = 0;            // on which the operation runs
  std::uint32_t interrupted = 0;    // CPUs that are just now
  std::uint32_t heard = 0;          // CPUs that have answered an interrupt
  std::uint32_t may_flush = 0;      // CPUs that may be interrupted, for they could have cached what was taken away
  std::uint32_t must_flush = 0;     // of these, those that could have used it
  std::uint32_t expelled = 0;       // CPUs told to leave a space that ends
  bool took_rights = false;         // from entries of the operation's space
  bool freed_tables = false;        // that a CPU could have cached
  std::uint64_t taken_away = 0;     // anonymous pages and tables that left the space's tables
  std::uint64_t stripped_pages = 0;  // pages that lost rights which a CPU could have cached
  bool strips_page = false;          // one did since it took its space's lock last: whose flush is due, or under way
  std::array<std::uint64_t, 2> stripped_page{};  // the last two of them, newest first
  Walk walk;
  bool in_fault = false;            // software acts for an access that was not translated
  std::uint64_t fault_page = kNoFrame;  // the page that was not translated last
  bool fault_disturbed = false;  // since then others acted: it may be taken away again
  std::uint64_t bare = kNoFrame;    // taken to be zeroed or copied to, and neither yet
  std::uint64_t last_used = kNoFrame;  // page that the TLB translated last, nothing else having happened since
  ObjectRequest object;
  std::array<std::uint32_t, kCaches> returned_objects{};
  unsigned overflow_left = 0;        // frames that must still leave the list that grew too long
  std::uint32_t overflow_zone = 0;
  Reused<FreshFrame> fresh;
  Reused<LeafTouch> leaves;
  Reused<AccessedPage> accessed;
};

class State {
 public:
  void start(const MachineDescription& machine, const Claims& claims);
  void booted();
  Skip inapplicable(const Operation& operation) const;
  void begin(const Operation& operation, StepNumber step);
  void end(const Response& response);

  // -- judge_answers.cc: when an operation counts, and what it answers then --
  void committed(const Event& e);
  void settle(const Response& r);
  bool is_lost(const Response& r) const;
  bool judge_answer(const Response& r);
  void judge_shortage();
  bool judge_plain_shortage(const Response& r);
  // Each fault of an access begins and ends by events: close_fault() has judged it.
  bool were_faults_told() const { return claims.has(Claim::kLocks) && claims.has(Claim::kTranslations); }
  bool judge_access(const Response& r);
  void judge_performed(const Response& r);
  bool is_granted_by_others(const Response& r);
  void judge_refused_access(const Response& r);
  bool is_in_user_half() const;
  Operation part_refused() const;
  void adopt(const Response& r);
  bool take_prefix(Effects& effects);
  void conclude(const Response& r);
  void forget_child();
  void judge_machine(const Response& r);

  // -- overlap.cc: operations in flight beside this one --
  void park();
  void leave();
  void arrive();
  void look_again();
  void look_beside(const Now& holder, unsigned zone);
  void take_cpu();
  void judge_return(const Event& e);
  bool cannot_be_loaded(std::uint32_t space) const;
  void went_on(const Event& e);
  void judge_told_cpu(const Event& e);
  void ended(const Event& e);
  void judge_ended(StepNumber step);
  void enter_section();
  void leave_section();
  void close_fault();
  bool is_ending(std::uint32_t space) const;
  bool is_being_unmapped(std::uint64_t frame) const;
  std::vector<FamilyId> families_being_left() const;
  std::uint64_t unmapped_by_others(std::uint64_t frame) const;
  std::uint64_t shared_by_others(std::uint64_t frame) const;
  bool is_forking(const Now& in_flight) const;
  bool may_have_chosen_otherwise(const std::vector<FamilyId>& leaving) const;
  void judge_drained_list(std::uint32_t cpu);
  bool flush_is_due(std::uint32_t cpu, std::uint32_t space) const;
  void note_loaded(std::uint32_t cpu, std::uint32_t left, std::uint32_t loaded);
  void await_flush(std::uint32_t cpu, std::uint32_t space);
  bool takes_down(const Now& in_flight, std::uint32_t space) const;
  bool takes_space_down(std::uint32_t space) const;
  bool is_in_use(const Operation& operation) const;

  // -- judge_locks.cc --
  bool is_held(const HeldLock& lock) const;
  bool is_the_lock(const HeldLock& lock);
  bool is_lock_of(std::uint32_t one, std::uint32_t other, std::uint64_t Space::* lock, std::uint64_t instance);
  void lock_taken(const Event& e);
  void lock_released(const Event& e);
  void judge_waiting();
  void judge_left_cpu(const Now& other);
  void judge_protected(LockClass lock_class, std::uint64_t instance);
  void stuck(const Event& e);

  void on_event(const Event& e);
  bool fits_machine(const Event& e, unsigned traits);
  void space_killed(const Event& e);

  // -- reporting --
  bool broken() const { return finding.has_value(); }
  void find(Law law, std::string_view field, std::string expected, std::string actual);
  void find(Law law, std::string_view field, std::uint64_t expected, std::uint64_t actual);
  // The law's antecedent held, and a wrong value was possible.
  void note(Law law) { ++exercised[static_cast<unsigned>(law)]; }

  // -- judge_frames.cc: the physical layer --
  void page_requested(const Event& e);
  void page_refused();
  void judge_page_refusal();
  bool may_ask(Role role, std::uint64_t cache) const;
  bool misses_table(std::uint64_t page) const { return leaf(now.space, page).table == 0; }
  bool starts_draining();
  void judge_drain(const Event& e, unsigned zone);
  void count_towards_failure();
  void failure_injected();
  void list_filled(const Event& e);
  void list_drained(const Event& e);
  void frame_taken(const Event& e);
  void frame_returned(const Event& e);
  void judge_choice_of_zone(std::uint64_t frame, Law otherwise);
  void adopt_taken(std::uint64_t frame, unsigned order);
  bool may_be_returned(const Event& e, const FrameRecord& record);
  bool is_its_return(std::uint64_t frame, const FrameRecord& record) const;
  void release_owner(std::uint64_t frame, FrameRecord& record);
  void frame_zeroed(const Event& e);
  void frame_copied(const Event& e);
  void make_copy(FreshFrame& fresh);
  bool is_accessed_in(std::uint64_t frame);
  FreshFrame* fresh_around(std::uint64_t frame);  // taken by this operation and not returned
  void end_of_physical();
  void judge_kept_frames();

  // -- judge_objects.cc --
  std::uint64_t objects_in_frame(std::uint64_t cache) const;
  bool has_free_object(std::uint64_t cache);
  void object_requested(const Event& e);
  void object_refused(const Event& e);
  void object_returned(const Event& e);
  bool may_need(CacheName cache) const;
  void judge_slab_room(std::uint64_t cache);
  void count_ranges(std::uint32_t space);
  void judge_objects();

  // -- judge_cpus.cc: who acts where, who is interrupted --
  bool may_come_now(const Event& e, unsigned traits);
  bool acts_where_it_may(const Event& e, unsigned traits);
  bool is_before_release(const Event& e);
  void software_acts(const Event& e, unsigned traits);
  void judge_waiting_for_answers(const Event& e, unsigned traits);
  void judge_answering(const Event& e, unsigned traits);
  void judge_bare(const Event& e, unsigned traits);
  void judge_fault();
  std::uint64_t entry_above(std::uint32_t space, std::uint64_t page, unsigned level) const;
  void faulted(const Event& e);
  void interrupt_sent(const Event& e);
  void interrupted(const Event& e);
  void interrupt_answered(const Event& e);
  void judge_answered(std::uint32_t number);
  bool flushes_in_batches() const;
  void judge_flushed(std::uint32_t number);
  bool may_be_interrupted(std::uint32_t cpu);
  bool is_switching(std::uint32_t cpu, std::uint32_t space) const;
  bool asks_for_lists() const { return is<PagesDrainCpu>() || now.request.open; }
  void rights_taken(std::uint32_t space, std::uint64_t before, std::uint64_t page, bool is_table);
  void end_of_flushes();
  void judge_stale_slots(const Cpu& cpu);
  void judge_dropped(std::uint32_t number, bool all, std::uint64_t page);
  void end_on_cpu();

  // -- judge_tables.cc --
  void table_store(const Event& e);
  void table_mark(const Event& e);
  void link_changed(std::uint32_t table, std::uint64_t index, std::uint64_t before, std::uint64_t after);
  void leaf_changed(std::uint32_t table, std::uint64_t index, std::uint64_t before, std::uint64_t after);
  void judge_stored_marks(std::uint32_t space, std::uint64_t page, std::uint64_t before, std::uint64_t after);
  void map_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry);
  void map_fresh(std::uint32_t space, std::uint64_t page, std::uint64_t frame);
  void judge_copy_of(std::uint32_t space, std::uint64_t entry);
  void unmap_leaf(std::uint32_t space, std::uint64_t entry);
  // At the end of an operation. `likely` is a range of the space to try first, and becomes the one found.
  void judge_leaf(std::uint32_t space, std::uint64_t page, std::uint64_t entry, const Range*& likely);
  void judge_touched_leaves(const Response& r, const Span& gone);
  void judge_leaves_of(std::uint32_t space, std::uint64_t from, std::uint64_t to);
  void judge_no_leaves(std::uint32_t space, std::uint64_t from, std::uint64_t to);
  void judge_tables_justified(std::uint32_t space, std::uint64_t from, std::uint64_t to);
  LeafPlace leaf(std::uint32_t space, std::uint64_t page) const;
  std::uint64_t leaf_entry(LeafCursor& cursor, std::uint32_t space, std::uint64_t page) const;
  std::uint32_t table_number(std::uint64_t frame) const;

  // -- judge_translation.cc --
  void space_loaded(const Event& e);
  void space_unloaded(const Event& e);
  bool may_load(const Event& e, const Cpu& cpu, std::uint32_t space);
  bool needs_flush(const Cpu& cpu, std::uint32_t asid) const;
  void tlb_dropped(const Event& e);
  void walk_cache_dropped(const Event& e);
  bool may_drop(const Event& e, std::uint64_t page, unsigned level) const;
  std::uint64_t page_due() const;
  bool is_hit(const Cpu& cpu, std::uint64_t page) const;
  bool begins_walk(const Cpu& cpu, std::uint64_t page, unsigned cached_level);
  bool covers(const WalkSlot& slot, unsigned asid, unsigned level, std::uint64_t page) const;
  bool walks_here(const Event& e, const Table& table);
  void tlb_filled(const Event& e);
  void tlb_used(const Event& e);
  bool is_access_of_operation(const Event& e);
  void drop_slot(Cpu& cpu, TlbSlot& slot);
  void drop_slot(Cpu& cpu, WalkSlot& slot);
  void walk_cache_filled(const Event& e);
  void walk_cache_used(const Event& e);
  void judge_break_before_make(std::uint32_t space, std::uint64_t page, std::uint64_t frame);
  bool usable_somewhere(std::uint64_t frame, bool is_table) const;
  bool slot_is_stale(std::uint32_t space, const TlbSlot& slot) const;
  bool slot_is_stale(std::uint32_t space, unsigned level, const WalkSlot& slot) const;
  void watch(std::uint64_t frame) { ++frames.at(frame).watchers; }
  void unwatch(std::uint64_t frame) { --frames.at(frame).watchers; }

  // -- apply_*.cc: operations --
  void end_pages(const PagesAlloc& op, const Response& r);
  void end_pages(const PagesAllocExact& op, const Response& r);
  void end_pages(const PagesFree& op, const Response& r);
  void end_pages(const PagesDrainCpu& op, const Response& r);
  std::uint64_t zeroed_in(std::uint64_t frame, std::uint64_t count);
  bool is_fresh_block(const Response& r);
  void end_shrink();
  void end_making(const Response& r);
  void judge_fork();
  bool shares_a_page_at_the_cap();
  void end_switch(const CpuSwitchSpace& op);
  void end_exit();
  void name_space(std::uint32_t number);
  void judge_emptied(const Span& span);
  void begin_access(const Place& at, unsigned width);
  void find_accessed();
  void perform_store();
  void end_stored_pages();
  void end_stored_page(std::uint64_t page, bool stored);
  void judge_killed();
  void forget_space(std::uint32_t number);

  // -- judge_observations.cc --
  void judge_frame(Pfn at, const FrameObservation& seen);
  void judge_too_large_block(const FrameObservation& seen);
  void judge_counts(const FrameRecord& record, const FrameObservation& seen);
  bool is_well_formed(const std::vector<RangeObservation>& seen);
  void judge_ranges(SpaceHandle handle, const std::vector<RangeObservation>& seen);
  void judge_space(SpaceHandle handle, const SpaceObservation& seen);
  void judge_zone(NodeId node, ZoneKind kind, const ZoneObservation& seen);
  void judge_cache(CacheName cache, const CacheObservation& seen);
  void judge_entry(SpaceHandle handle, Vpn page, const EntryObservation& seen);
  void judge_bytes(Pfn at, std::span<const std::uint8_t> seen);
  void judge_complaint(std::string_view complaint);
  void judge_rest();
  void audit_self() const;

  // -- small things --
  std::uint32_t space_number(SpaceHandle handle) const {
    return handle.number() < space_of_handle.size() ? space_of_handle[handle.number()] : 0;
  }
  // Null: the space has none yet, or none any more.
  const Ranges* ranges_of(std::uint32_t number) const { return contract.ranges_of(spaces[number].handle); }
  bool is_killed(std::uint32_t number) const { return number != 0 && contract.is_killed(spaces[number].handle); }
  std::uint32_t make_space(SpaceHandle handle);
  void changed(FrameRecord& record, std::uint64_t frame);
  void space_changed(std::uint32_t number);
  bool maps_zero_page(std::uint64_t entry) const;
  bool is_access() const { return now.is_access; }
  template <class Op>
  bool is() const {
    return std::holds_alternative<Op>(now.operation);
  }
  std::uint64_t live_objects(unsigned cache) const;

  MachineDescription machine;
  NodeOrders nearest_nodes{};
  Claims claims;
  Contract contract;
  const Geometry* geometry = &kSmall;
  Frames frames;
  Pages pages;
  Tables tables;
  std::vector<Space> spaces{1};                // by number; 0: the kernel, no ranges
  std::vector<std::uint32_t> spare_spaces;
  std::vector<std::uint32_t> space_of_handle;  // 0: empty
  std::vector<Cpu> cpus;
  std::uint64_t zero_frame = kNoFrame;
  std::uint64_t kernel_root = kNoFrame;
  std::uint64_t fail_countdown = 0;
  std::uint64_t live_spaces = 0;
  std::uint64_t live_ranges = 0;    // of all spaces
  std::uint64_t contexts = 0;       // spaces made so far
  std::uint64_t family_lock = kNoLock;  // its instance, known once it was taken
  std::array<std::uint64_t, kCaches> objects{};  // handed out, as far as events tell
  std::uint64_t mapped_pages = 0;   // pages with a mapping
  std::uint64_t linked_tables = 0;  // roots not included
  std::array<std::uint64_t, kRoleNames.size()> used_by_role{};  // frames, boot not included
  std::array<std::uint64_t, kCaches> slab_frames{};

  Now now;
  std::vector<Now> parked;   // the others in flight
  std::uint32_t epoch = 0;   // counts times when nothing was in flight; stamps of changes
  bool gave_up = false;      // a refusal left open how far an operation came, and others went on: judging is over
  Changes changes;
  std::optional<Finding> finding;
  LawCounts exercised{};
  std::uint64_t items = 0;
};

}  // namespace mmtwin::model
