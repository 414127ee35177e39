// Activity: who acts inside an operation in flight, with the notes that judges keep of it.
//
// Laws: none; each judge reads and writes the notes that bear its name. Context: one thread. Cost: a value; what it
// keeps of many things stays allocated. One begins as `Activity{}`: nothing of the one before is left. It deliberately
// holds no facts: those are the machine's.
#pragma once

#include <array>
#include <cstdint>

#include "model/flights/reused.h"
#include "model/judges/request.h"
#include "model/machine/machine.h"
#include "vocab/activities.h"
#include "vocab/locks.h"

namespace mmtwin::model {

struct HeldLock {
  LockClass lock_class{};
  std::uint64_t instance = 0;
  friend bool operator==(const HeldLock&, const HeldLock&) = default;
};

// RequestJudge's.
struct RequestNotes {
  Request request;
  std::uint32_t in_transit = 0;  // zones whose free frames are not yet, or no more, what events told
  std::uint64_t frames_in_transit = 0;  // at most so many of each
  std::uint64_t zone_had = 0;    // free frames of the zone whose lock it has, when it took it
};
// What was legally refused.
struct RefusalNotes {
  bool any = false;
  bool object = false;
  bool slab_page = false;  // a slab's page request was the last thing refused
};

// ObjectJudge's.
struct ObjectNotes {
  ObjectRequest asked;
  std::array<std::uint32_t, kCaches> returned{};
  bool took_slab = false;
  std::uint32_t shrunk = 0;  // of a shrinking operation: caches that had no slab too many at some moment
};

// A frame just taken.
struct FreshFrame {
  std::uint64_t frame = 0;
  std::uint64_t count = 1;
  bool copied = false;
  std::uint64_t from = 0;    // copied: from this frame
  bool outdated = false;     // copied: since then something was stored where it is to be mapped
  bool was_needed = false;   // copied: from a page that was shared then
  bool mapped = false;       // once
  bool returned = false;
};
// FrameJudge's.
struct FrameNotes {
  Reused<FreshFrame> fresh;
  Reused<std::uint64_t> zeroed;
  std::uint64_t bare = kNoFrame;     // taken to be zeroed or copied to, and neither yet
  std::uint64_t returned_heads = 0;  // of blocks
};

// ListJudge's.
struct ListNotes {
  std::uint32_t grown = 0;     // CPUs whose lists got a frame
  unsigned overflow_left = 0;  // frames that must still leave the list that grew too long
  std::uint32_t overflow_zone = 0;
  bool drained = false;  // frames left lists for their zones
  Reused<std::uint32_t> emptied;  // by zone: CPUs whose list was empty at some moment since it wanted that
};

// InterruptJudge's, of who asks other CPUs: which ones.
struct InterruptNotes {
  InterruptReason reason{};
  std::uint32_t space = 0;     // of a flush or an ending
  std::uint32_t asked = 0;     // have not answered yet
  std::uint32_t heard = 0;     // have answered one
  std::uint32_t expelled = 0;  // told to leave a space that ends
  std::uint32_t left = 0;      // have left it since it is ending: who looked before may still ask them
};

// FlushJudge's: what was taken away from one space, and which CPUs must hear of it.
struct FlushDebt {
  std::uint32_t space = 0;
  std::uint32_t may = 0;      // CPUs that may be interrupted, for they could have cached what was taken away
  std::uint32_t must = 0;     // of these, those that could have used it
  std::uint32_t pending = 0;  // CPUs that may go on using it until they answer
  bool freed_tables = false;         // that a CPU could have cached
  bool strips_page = false;          // one did since it took its space's lock last: whose flush is due, or under way
  std::uint64_t taken_away = 0;      // anonymous pages and tables that left the space's tables
  std::uint64_t stripped_pages = 0;  // pages that lost rights which a CPU could have cached
  std::array<std::uint64_t, 2> stripped_page{};  // the last two of them, newest first
  std::array<std::uint64_t, 2> stripped_at{};    // Machine::clock then
  std::uint64_t first_stripped_at = 0;           // and when the first one did, or the first table
  std::uint32_t unreadable = 0;  // of FlushNotes::unmapped the first so many: every CPU has answered since
};
// A frame that lost a mapping.
struct UnmappedFrame {
  std::uint32_t space = 0;
  std::uint64_t frame = 0;
};
struct FlushNotes {
  Reused<FlushDebt> debts;  // one a space from which rights were taken
  Reused<UnmappedFrame> unmapped;
  const FlushDebt* owed_to(std::uint32_t space) const {
    for (const FlushDebt& debt : debts)
      if (debt.space == space) return &debt;
    return nullptr;
  }
  FlushDebt* owed_to(std::uint32_t space) {
    return const_cast<FlushDebt*>(static_cast<const FlushNotes&>(*this).owed_to(space));
  }
};

// LeafJudge's: a leaf that was changed.
struct LeafTouch {
  std::uint32_t space = 0;
  std::uint64_t page = 0;
  bool had_page = false;  // it mapped an anonymous page before this change
};

struct Activity {
  ActivityKind kind = ActivityKind::kOperation;
  unsigned cpu = 0;           // on which it runs
  InterruptReason reason{};   // of an interrupt
  std::uint32_t space = 0;    // whose tables an interrupt is about
  std::uint64_t began_at = 0;  // Machine::clock
  Reused<HeldLock> held;  // LockJudge's
  RequestNotes asking;
  RefusalNotes refusal;
  ObjectNotes objects;
  FrameNotes frames;
  ListNotes lists;
  InterruptNotes calls;
  FlushNotes flushes;
  Reused<LeafTouch> leaves;
};

}  // namespace mmtwin::model
