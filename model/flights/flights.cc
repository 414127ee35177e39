#include "model/flights/flights.h"

#include "model/rows/operation_rows.h"

namespace mmtwin::model {

void Flights::start() {
  parked.clear();
  now.running = false;
}

void Flights::begin(const Operation& operation, std::uint64_t step) {
  now = std::move(blank_);
  now.operation = operation;
  now.row = row_of(operation);
  now.named = operands_of(operation);
  now.step = step;
  now.cpu = now.own.cpu = now.named.cpu;
  now.running = true;
  find_top();
}

void Flights::park() { parked.push_back(std::move(now)); }

void Flights::go_on(std::vector<Flight>::iterator parked_flight) {
  if (now.running) {
    std::swap(now, *parked_flight);
  } else {
    now = std::move(*parked_flight);
    parked.erase(parked_flight);
  }
  find_top();
}

Activity& Flights::push(ActivityKind kind, unsigned cpu) {
  Activity& pushed = now.nested.emplace_back();
  pushed.kind = kind;
  pushed.cpu = cpu;
  find_top();
  return pushed;
}

void Flights::pop() {
  now.nested.pop_back();
  find_top();
}

}  // namespace mmtwin::model
