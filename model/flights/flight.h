// Flight: an operation between its begin and its end, and the activities on its stack.
//
// Laws: none; each judge reads and writes the notes that bear its name. Context: one thread. Cost: a value, reset by
// assignment. One begins as `Flight{}`: nothing of the one before is left. It deliberately holds no facts.
#pragma once

#include <algorithm>
#include <cstdint>

#include "model/contract/blocks.h"
#include "model/flights/activity.h"
#include "model/rows/operation_rows.h"
#include "vocab/operations.h"
#include "vocab/responses.h"

namespace mmtwin::model {

// ScheduleJudge's.
struct ScheduleNotes {
  bool lost_cpu = false;  // another one has run on its CPU since it last acted
  bool returns = false;   // it has its CPU back, and has done nothing yet
  bool acted = false;     // something happened but the loading of a space
  EventKind last_event{};
  std::uint32_t left = 0;  // the space that its CPU ran before it loaded another one
};

// AnswerJudge's: when the operation counts.
struct SectionNotes {
  bool is_open = false;    // it has the lock of the space that it names
  std::uint64_t entered_at = 0;  // Machine::clock
  bool answered = false;   // it counts already: `answer` is what it answers
  Response answer;
  std::uint64_t stopped_at = 0;  // of a protect that was refused memory
};

// What an access found before it began.
struct AccessedPage {
  std::uint64_t page = 0;
  std::uint64_t entry = 0;
  std::uint32_t mapped = 0;  // Page number, 0: none or the zero page
  std::uint64_t looked_at = 0;   // Machine::clock
  bool others_refer = false;     // then another operation in flight had taken a mapping of it away
  bool was_shared = false;       // at some moment until it was copied
  std::uint64_t used = 0;  // the cached entry that translated it for this very access
};
// The walk in progress, as far as events tell: a failed one ends without any.
struct Walk {
  unsigned next_level = 0;  // of the entry to be read next
  std::uint64_t page = 0;
  bool begun = false;
  bool marked = false;     // the entry read next has its marks: it is cached at once
  std::uint64_t at = 0;    // Machine::clock of its last step
};
// WalkJudge's: what the hardware does for the operation.
struct AccessNotes {
  Reused<AccessedPage> pages;
  Walk walk;
  bool performed = false;                 // the access was translated and has happened
  bool in_fault = false;                  // software acts for an access that was not translated
  std::uint64_t faulted_at = 0;           // Machine::clock then
  std::uint64_t fault_page = kNoFrame;    // the page that was not translated last
  std::uint64_t faulted_page = kNoFrame;  // of the section that is being handled, or was last
  std::uint64_t last_used = kNoFrame;     // page that the TLB translated last, nothing else having happened since
};

// Of a fork.
struct ForkNotes {
  Reused<bool> made_family;  // by range that was copied
  bool met_cap = false;      // before others acted, a page had as many references as it may have
};

struct Flight {
  Operation operation;  // with places resolved: what the contract is asked about
  OperationRow row;
  Operands named;
  std::uint64_t step = 0;
  unsigned cpu = 0;
  std::uint32_t space = 0;  // the space that the operation names, 0: none
  std::uint32_t child = 0;  // the space that it makes
  bool running = false;
  bool boot = false;
  std::uint64_t began_at = 0;  // Machine::clock
  bool killed = false;      // its space, for want of memory
  Block block;              // that it frees
  ScheduleNotes schedule;
  SectionNotes section;
  AccessNotes access;
  ForkNotes fork;
  Activity own;               // the bottom of its stack
  Reused<Activity> nested;    // what is done inside, innermost last

  template <class Visit>
  void for_each_activity(Visit&& visit) {
    visit(own);
    for (Activity& activity : nested) visit(activity);
  }
  template <class Test>
  bool any_activity(Test&& test) const {
    return test(own) || std::any_of(nested.begin(), nested.end(), test);
  }
};

}  // namespace mmtwin::model
