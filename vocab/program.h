// A program: a machine and the operations to run on it, plus what a real kernel answered where that was recorded.
//
// Laws: none. Context: value; cleared and refilled without freeing in fuzz loops. Cost: 72 bytes an operation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vocab/machine.h"
#include "vocab/responses.h"
#include "vocab/units.h"

namespace mmtwin {

struct Operation;  // vocab/operations.h

// What the recorded system answered at one step.
struct RecordedAnswer {
  bool has_response = false;
  bool is_assumed = false;               // nobody recorded it: whoever wrote the program supposes that it was done
  Response response;                     // refusal name or value
  bool has_ranges = false;
  std::vector<RangeObservation> ranges;  // the space's whole list then; `accounted` and anonymous offsets unknown
};

// What makes, copies and ends one stands in program.cc, so that whoever only hands programs on needs not know what an
// operation is.
struct Program {
  Program();
  ~Program();
  Program(const Program&);
  Program(Program&&) noexcept;
  Program& operator=(const Program&);
  Program& operator=(Program&&) noexcept;

  MachineDescription machine;
  std::vector<Operation> operations;                 // step n is operations[n - 1]
  std::map<std::uint64_t, RecordedAnswer> recorded;  // by step number, empty unless imported
  std::map<std::uint64_t, std::string> notes;        // by step number: where it comes from, for eyes; one line each

  void clear();  // but for the machine
  std::size_t length() const;  // how many operations
  const Operation& at(StepNumber step) const;
};

}  // namespace mmtwin
