// Page requests: what each role may ask for, which zones may give, and when a refusal is legal.
//
// Laws: ZONE-1, ZONE-2, ZONE-3, OOM-1, OOM-2. Context: one request is pending at a time per CPU in flight; sequential
// programs have one. Cost: one look at each zone of the list. It deliberately believes nothing that the request
// claims but its role: flags, order and node come from the table in docs/RULES.md section 2 or from the operation
// itself.
#pragma once

#include <cstdint>

#include "model/contract/zones.h"
#include "model/machine/frames.h"

namespace mmtwin::model {

// Flags of an internal request; blocks bring their own.
Gfp flags_of_role(Role role);

struct Request {
  bool open = false;
  Role role = Role::kNone;
  unsigned cpu = 0;
  std::uint64_t cache = 0;  // role slab
  Wish wish;
  bool injection_due = false;  // fail_next says that this one fails
  bool injected = false;
  std::uint32_t interrupted = 0;  // CPUs that were, to drain their lists
  bool draining = false;          // nobody may give: the lists are being drained
  bool filling = false;           // frames are moving to the CPU's list: the choice of zone is made
  std::uint64_t filled = 0;       // frames moved so far
  std::uint64_t fill_wanted = 0;  // as many as the zone had, at most the machine's batch
  bool fill_is_known = true;  // nobody else was about to change the zone when it began to fill the list
  std::uint32_t may = 0;      // bit z: zone z could give at some moment since it tried
  std::uint32_t always = 0;   // bit z: zone z could give whenever it came to look
  std::uint64_t looked_at = 0;  // Frames::version() then
  bool may_use_reserves = false;  // it frees memory itself: no watermark holds it back, and it may be refused
};

// May the zone give 2^order frames to this request now?
bool may_give(const Zone& zone, const Request& request);

// A slab object that was asked for. It was granted if something else happens before a refusal.
struct ObjectRequest {
  bool open = false;
  bool asked_page = false;
  bool got_page = false;
  bool attached = false;  // the slab that it got is the cache's
  bool was_full = false;  // its cache had no free object at some moment since
  std::uint64_t cache = 0;
};

// Looks at the zones as they are now.
void look(const Frames& frames, Request& request);

}  // namespace mmtwin::model
