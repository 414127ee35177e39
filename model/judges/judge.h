// Judge: what every judge has at hand: facts, who acts, where to report, and the other judges.
//
// Laws: none. Context: one thread. Cost: references. It deliberately keeps no notes: those are in flights, so that
// nothing of one operation is left when the next begins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "model/contract/contract.h"
#include "model/flights/flights.h"
#include "model/machine/machine.h"
#include "model/report.h"
#include "vocab/claims.h"
#include "vocab/events.h"

namespace mmtwin::model {

class Court;

class Judge {
 public:
  explicit Judge(Court& all);
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

 protected:
  ~Judge() = default;

  bool broken() const { return report.is_broken(); }
  void violated(Law law, std::string_view field, std::string expected, std::string actual) const {
    report.violated(law, field, std::move(expected), std::move(actual));
  }
  void violated(Law law, std::string_view field, std::uint64_t expected, std::uint64_t actual) const {
    report.violated(law, field, expected, actual);
  }
  void note(Law law) const { report.note(law); }

  Activity& act() const { return flights.top(); }
  // Null: the space has none yet, or none any more.
  const Ranges* ranges_of(std::uint32_t number) const { return contract.ranges_of(machine.spaces[number].handle); }
  bool is_killed(std::uint32_t number) const {
    return number != 0 && contract.is_killed(machine.spaces[number].handle);
  }

  Court& court;
  Machine& machine;
  Contract& contract;
  Flights& flights;
  Flight& now;  // the flight that acts
  Report& report;
  const Claims& claims;
};

}  // namespace mmtwin::model
