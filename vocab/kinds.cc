#include "vocab/kinds.h"

#include <algorithm>

#include "vocab/bounds.h"
#include "vocab/operations.h"

namespace mmtwin {
namespace {

template <std::size_t... I>
void emplace(std::size_t kind, Operation& operation, std::index_sequence<I...>) {
  (void)((kind == I ? (operation.emplace<I>(), true) : false) || ...);
}

}  // namespace

std::optional<std::size_t> kind_named(std::string_view name) {
  const auto found = std::find(kOperationNames.begin(), kOperationNames.end(), name);
  if (found == kOperationNames.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kOperationNames.begin());
}

void make_blank(std::size_t kind, Operation& operation) {
  emplace(kind, operation, std::make_index_sequence<kOperationKinds>());
}

bool in_bounds(const Operation& operation, const MachineDescription& machine) {
  return std::visit(
      [&](const auto& op) {
        bool all = true;
        for_each_field(op, [&](const auto& field) { all = all && in_bounds(field.value(), machine); });
        return all;
      },
      operation);
}

bool in_bounds(const Program& program) {
  if (problem_with(program.machine)) return false;
  return std::all_of(program.operations.begin(), program.operations.end(),
                     [&](const Operation& operation) { return in_bounds(operation, program.machine); });
}

bool same(const Operation& a, const Operation& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&](const auto& left) {
        const auto& right = *std::get_if<std::decay_t<decltype(left)>>(&b);
        bool equal = true;
        for_each_field(left, [&](const auto& field) {
          for_each_field(right, [&](const auto& other) {
            // A field's name is part of its type, and no two fields of a struct share a name.
            if constexpr (std::is_same_v<decltype(field), decltype(other)>) equal = equal && field == other;
          });
        });
        return equal;
      },
      a);
}

bool same(const RecordedAnswer& a, const RecordedAnswer& b) {
  return a.is_assumed == b.is_assumed &&
         a.has_response == b.has_response && (!a.has_response || a.response == b.response) &&
         a.has_ranges == b.has_ranges && (!a.has_ranges || a.ranges == b.ranges);
}

bool same(const Program& a, const Program& b) {
  const auto equal = [](const auto& x, const auto& y) { return same(x, y); };
  const auto equal_step = [](const auto& x, const auto& y) { return x.first == y.first && same(x.second, y.second); };
  return a.machine == b.machine && a.notes == b.notes &&
         std::equal(a.operations.begin(), a.operations.end(), b.operations.begin(), b.operations.end(), equal) &&
         std::equal(a.recorded.begin(), a.recorded.end(), b.recorded.begin(), b.recorded.end(), equal_step);
}

}  // namespace mmtwin
