// Flights: the operations in flight, of which one acts, and whose stack of activities has a top.
//
// Laws: none. Context: one thread. Cost: one begins by assignment; going over to another swaps two values. It
// deliberately knows nothing of CPUs: who may act where is ScheduleJudge's.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "model/flights/flight.h"

namespace mmtwin::model {

class Flights {
 public:
  Flights() = default;
  Flights(const Flights&) = delete;
  Flights& operator=(const Flights&) = delete;

  void start();
  // One begins; the one that acted was parked before.
  void begin(const Operation& operation, std::uint64_t step);
  void park();
  // The parked one acts from here on; the one that acted is parked in its place, if one did.
  void go_on(std::vector<Flight>::iterator parked_flight);
  void end() { now.running = false; }

  // -- the stack of the flight that acts --
  Activity& top() const { return *top_; }
  Activity& push(ActivityKind kind, unsigned cpu);
  void pop();

  template <class Test>
  bool any_parked(Test&& test) const {
    return std::any_of(parked.begin(), parked.end(), test);
  }
  // Of all flights, the one that acts included.
  template <class Test>
  bool any_activity(Test&& test) const {
    const auto has_one = [&](const Flight& flight) { return flight.any_activity(test); };
    return has_one(now) || any_parked(has_one);
  }

  Flight now;                  // the one that acts, if now.running
  std::vector<Flight> parked;  // the others

 private:
  void find_top() { top_ = now.nested.empty() ? &now.own : &now.nested.back(); }

  Flight blank_;  // as one begins: it stays so when it is assigned by moving, since Reused keeps empty what is empty
  Activity* top_ = &now.own;
};

}  // namespace mmtwin::model
