// Operations by number and by name, and what can be said of any of them from its field list alone.
//
// Laws: none. Context: pure functions. Cost: a table look-up; by name a linear search of a few dozen names. It
// deliberately has no line per operation: the table is the variant in vocab/operations.h.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

#include "vocab/operations.h"
#include "vocab/program.h"

namespace mmtwin {

namespace kinds {
template <std::size_t... I>
constexpr auto names(std::index_sequence<I...>) {
  return std::array<std::string_view, sizeof...(I)>{std::variant_alternative_t<I, Operation>::kName...};
}
}  // namespace kinds

// By operation number, the index in the variant.
inline constexpr auto kOperationNames = kinds::names(std::make_index_sequence<kOperationKinds>());

std::optional<std::size_t> kind_named(std::string_view name);

// The number of operation type T.
template <class T>
inline constexpr std::size_t kKindOf = [] {
  std::size_t kind = 0;
  while (kOperationNames[kind] != T::kName) ++kind;
  return kind;
}();

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
