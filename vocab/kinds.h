// Operations by number and by name, and what can be said of any of them from its field list alone.
//
// Laws: none. Context: pure functions. Cost: a table look-up; by name a linear search of a few dozen names. It
// deliberately has no line per operation: the table is the variant in vocab/operations.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "vocab/program.h"

namespace mmtwin {

std::optional<std::size_t> kind_named(std::string_view name);

// Sets `operation` to the one of that number with all fields at their defaults. kind < kOperationKinds.
void make_blank(std::size_t kind, Operation& operation);

// Every field can stand in a program for `machine` (vocab/bounds.h).
bool in_bounds(const Operation& operation, const MachineDescription& machine);
// The machine is usable and every operation in bounds: such a program survives printing and encoding.
bool in_bounds(const Program& program);

// Equal field by field.
bool same(const Operation& a, const Operation& b);
bool same(const RecordedAnswer& a, const RecordedAnswer& b);
bool same(const Program& a, const Program& b);

}  // namespace mmtwin
