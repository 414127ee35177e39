// Events: what happened inside the system under test, in order, each handed to the judge as it happens.
//
// Laws: FRAME, BUDDY, ZONE, PCP, PT, TLB-1, TLB-2, ACCT and the legality of refusals are judged from these. Context:
// one sink per machine, called synchronously on the CPU that acts. Cost: one indirect call; in threaded builds none.
// Hardware events are emitted by impl/platform alone. The rest of the implementation may only narrate choices, and each
// narration must be witnessed by memory before the operation ends. It deliberately carries no pointers and no time.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "vocab/units.h"

namespace mmtwin {

// Who asks the page allocator, and what for; observations show the numbers, so append only. Which GFP, node and order
// the request may have is the model's own table.
enum class Role : std::uint8_t {
  kNone = 0,
  kBlock = 1,      // pages_alloc, pages_alloc_exact: what the operation says
  kZeroPage = 2,   // the shared zero page, at boot
  kRootTable = 3,  // top-level page table of a space
  kTable = 4,      // any lower page table
  kAnon = 5,       // a private anonymous page
  kSlab = 6,       // a slab's frames (which cache: Event::place)
};
inline constexpr std::array<std::string_view, 7> kRoleNames = {"none",       "block", "zero_page", "root_table",
                                                               "table", "anon",  "slab"};
constexpr std::string_view name_of(Role r) { return kRoleNames[static_cast<unsigned>(r)]; }

// Slab caches, for Role::kSlab and the object events.
enum class CacheName : std::uint8_t { kSpace = 0, kRange = 1, kAnonFamily = 2, kFamilyLink = 3 };
inline constexpr std::array<std::string_view, 4> kCacheNames = {"space", "range", "anon_family", "family_link"};
constexpr std::string_view name_of(CacheName c) { return kCacheNames[static_cast<unsigned>(c)]; }

enum class EventKind : std::uint8_t {
  // -- hardware: memory --
  kFrameTaken,     // block `frame` of `order` leaves the allocator and belongs to the pending request from now on
  kFrameReturned,  // block `frame` of `order` is the allocator's again: nobody may use it from now on
  kFrameZeroed,    // all 4096 bytes of `frame` (in the small geometry a table's 128) are zero
  kFrameCopied,    // all bytes of frame `place` were copied to `frame`
  kTableStore,     // software stored `after` over `before` in entry `index` of table `frame`
  kTableMark,      // the walker set A or D: entry `index` of table `frame` went from `before` to `after`
  // -- hardware: translation --
  kSpaceLoaded,        // `cpu` loaded root table `frame` under ASID `index`; after=1: what it had cached is flushed
  kSpaceUnloaded,      // `cpu` runs no user code (lazy TLB): the root stays loaded, user accesses do not happen
  kTlbFilled,          // slot `index`: page `place` of the loaded ASID -> leaf entry `after`, rights ANDed over levels
  kTlbUsed,            // an access (`access`) was translated by slot `index` for page `place`
  kTlbDropped,         // slot `index` is empty again (invalidated or evicted); a fill over a full slot drops silently
  kWalkCacheFilled,    // page-walk cache of level `level`, slot `index`: prefix of page `place` -> table `frame`
  kWalkCacheUsed,      // a walk started from that slot instead of the root
  kWalkCacheDropped,   // the slot is empty again
  kInterrupted,        // CPU `index` takes an interrupt sent by `cpu` (TLB shootdown, remote drain)
  // -- hardware: the world --
  kLockTaken,          // lock class `index`, instance `place`
  kLockReleased,
  kFailureInjected,    // fail_next hit: the request being made gets nothing
  // -- narration by the implementation: choices --
  kPageRequested,      // a page request of role `role` and `order` begins; place = CacheName for slabs
  kPageRefused,        // it got nothing
  kObjectRequested,    // a slab object is asked for; place = CacheName
  kObjectRefused,      // none
  kListFilled,         // `frame` moved from its zone's free blocks to the per-CPU list of CPU `index`
  kListDrained,        // `frame` moved from the per-CPU list of CPU `index` to its zone's free blocks
  kSpaceKilled,        // the space whose root table is `frame` is being ended for want of memory
  kObjectReturned,     // a slab object goes back to its cache; place = CacheName
  // -- hardware: what came later --
  kInterruptSent,      // `cpu` asks CPU `index` to take an interrupt: InterruptReason `level`, of root `frame`
  kInterruptAnswered,  // CPU `index` is done with it
  kFaulted,            // an access (`access`) to page `place` found no translation that permits it: software takes over
  // -- the harness: operations that overlap --
  kWentOn,             // what follows is done by the operation of step `place`, on `cpu`
  kEnded,              // the operation of step `place` ended: refusal `index`, value `after`
  kStuck,              // the operation of step `place` will not end; index 0: it waits in a circle, 1: it goes round
  // -- narration by the implementation: when an operation counts --
  kCommitted,          // from here on it has answered: refusal `index`, value `after`; place = where a protect stopped
  // -- narration by the implementation: for whom --
  kActivityBegun,      // what follows is done inside of what went before: ActivityKind `index`
  kActivityEnded,      // the innermost activity is over
};
inline constexpr std::array<std::string_view, 35> kEventNames = {
    "frame_taken",       "frame_returned",  "frame_zeroed",       "frame_copied",      "table_store",
    "table_mark",        "space_loaded",    "space_unloaded",     "tlb_filled",        "tlb_used",
    "tlb_dropped",       "walk_cache_filled", "walk_cache_used",  "walk_cache_dropped", "interrupted",
    "lock_taken",        "lock_released",   "failure_injected",   "page_requested",    "page_refused",
    "object_requested",  "object_refused",  "list_filled",        "list_drained",      "space_killed",
    "object_returned",   "interrupt_sent",  "interrupt_answered", "faulted",           "went_on",
    "ended",             "stuck",           "committed",          "activity_begun",    "activity_ended"};
constexpr std::string_view name_of(EventKind k) { return kEventNames[static_cast<unsigned>(k)]; }

struct Event {
  EventKind kind{};
  CpuId cpu{};
  Order order{};
  Role role = Role::kNone;
  std::uint8_t level = 0;   // page-table level, 0 = leaf tables
  std::uint8_t access = 0;  // Access, for kTlbUsed
  std::uint16_t index = 0;  // table index, slot, ASID, CPU or lock class
  std::uint32_t unused = 0;
  Pfn frame{};
  std::uint64_t place = 0;
  std::uint64_t before = 0;
  std::uint64_t after = 0;
};
static_assert(sizeof(Event) == 48);

class EventSink {
 public:
  virtual void on_event(const Event& event) = 0;

 protected:
  ~EventSink() = default;
};

}  // namespace mmtwin
