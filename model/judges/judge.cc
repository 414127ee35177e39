#include "model/judges/judge.h"

#include "model/court.h"

namespace mmtwin::model {

Judge::Judge(Court& all)
    : court(all),
      machine(all.machine),
      contract(all.contract),
      flights(all.flights),
      now(all.flights.now),
      report(all.report),
      claims(all.claims) {}

}  // namespace mmtwin::model
