// Court: the facts, the flights and the judges of one system under test that narrates what it does.
//
// Laws: all. Context: one thread. Cost: an event costs one look at its row, then what its judge looks at. Judges see
// facts, their own notes, and each other's named questions. It deliberately decides nothing: it says who is asked, and
// in which order.
#pragma once

#include "model/judges/commits.h"
#include "model/judges/flushes.h"
#include "model/judges/frames.h"
#include "model/judges/interrupts.h"
#include "model/judges/leaves.h"
#include "model/judges/lists.h"
#include "model/judges/loads.h"
#include "model/judges/locks.h"
#include "model/judges/objects.h"
#include "model/judges/observations.h"
#include "model/judges/outcomes.h"
#include "model/judges/requests.h"
#include "model/judges/schedule.h"
#include "model/judges/tables.h"
#include "model/judges/walks.h"

namespace mmtwin::model {

class Court {
 public:
  void start(const MachineDescription& machine, const Claims& claims);
  void booted();
  Skip inapplicable(const Operation& operation) const;
  void begin(const Operation& operation, StepNumber step);
  void on_event(const Event& e);
  void end(const Response& response);
  void audit_self() const;

  // -- what is true, who acts, what came of it --
  Contract contract;
  Machine machine;
  Flights flights;
  Report report;
  Claims claims;

  // -- the judges --
  ScheduleJudge schedule{*this};
  LockJudge locks{*this};
  RequestJudge requests{*this};
  ListJudge lists{*this};
  ObjectJudge objects{*this};
  FrameJudge frames{*this};
  TableJudge tables{*this};
  LeafJudge leaves{*this};
  WalkJudge walks{*this};
  LoadJudge loads{*this};
  FlushJudge flushes{*this};
  InterruptJudge interrupts{*this};
  CommitJudge commits{*this};
  OutcomeJudge outcomes{*this};
  ObservationJudge observations{*this};

 private:
  bool fits_machine(const Event& e, unsigned traits);
  void judge_left_behind();
  void activity_begun(const Event& e);
  void activity_ended(const Event& e);
};

}  // namespace mmtwin::model
