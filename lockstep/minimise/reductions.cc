#include "lockstep/minimise/reductions.h"

#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "vocab/bounds.h"
#include "vocab/operations.h"
#include "vocab/reflection.h"

namespace mmtwin::lockstep {

namespace {

using HandleName = std::pair<char, unsigned>;

template <class Visit>
void for_each_use(const Operation& operation, Visit&& visit) {
  std::visit(
      [&](const auto& op) {
        for_each_field(op, [&](const auto& field) {
          using T = typename std::decay_t<decltype(field)>::Value;
          if constexpr (kIsUse<T>) {
            if (!field.is_none()) visit(HandleName{T::kLetter, field.number()});
          } else if constexpr (std::is_same_v<T, Place>) {
            if (!field.base.is_none()) visit(HandleName{AddressHandle::kLetter, field.base.number()});
          }
        });
      },
      operation);
}

template <class Visit>
void for_each_result(const Operation& operation, Visit&& visit) {
  std::visit(
      [&](const auto& op) {
        for_each_field(op, [&](const auto& field) {
          using T = typename std::decay_t<decltype(field)>::Value;
          if constexpr (kIsResult<T>) {
            if (!field.is_none()) visit(HandleName{T::kLetter, field.number()});
          }
        });
      },
      operation);
}

struct Mapping {
  SpaceHandle space;
  Place at;
};
std::optional<Mapping> mapping_made_by(const Operation& operation) {
  if (const auto* anon = std::get_if<RangeMapAnon>(&operation)) return Mapping{anon->space, anon->at};
  if (const auto* file = std::get_if<RangeMapFile>(&operation)) return Mapping{file->space, file->at};
  return std::nullopt;
}

bool ends_a_handle(const Operation& operation) {
  return std::holds_alternative<PagesFree>(operation) || std::holds_alternative<SpaceExit>(operation);
}

}  // namespace

Dependencies::Dependencies(const Program& program) : uses_(program.operations.size()) {
  std::map<HandleName, std::int32_t> definer;
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    for_each_use(program.operations[i], [&](HandleName name) {
      const auto found = definer.find(name);
      if (found == definer.end()) return;
      (uses_[i].first == kNone ? uses_[i].first : uses_[i].second) = found->second;
    });
    for_each_result(program.operations[i], [&](HandleName name) { definer[name] = static_cast<std::int32_t>(i); });
  }
  find_cycles(program);
}

void Dependencies::close(Removed& removed) const {
  const auto is_gone = [&](std::int32_t i) { return i != kNone && removed[static_cast<std::size_t>(i)]; };
  for (std::size_t i = 0; i < uses_.size(); ++i) {
    if (is_gone(uses_[i].first) || is_gone(uses_[i].second)) removed[i] = true;
  }
}

void Dependencies::find_cycles(const Program& program) {
  const auto& operations = program.operations;
  std::map<std::pair<SpaceHandle, Place>, std::size_t> mapped;  // by the place that an unmap would name
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (ends_a_handle(operations[i]) && uses_[i].first != kNone) {
      // The end alone closes the group: everything else that uses the handle falls with its maker.
      cycles_.push_back({static_cast<std::size_t>(uses_[i].first), i});
    } else if (const auto* unmap = std::get_if<RangeUnmap>(&operations[i])) {
      const auto found = mapped.find({unmap->space, unmap->at});
      if (found != mapped.end()) {
        cycles_.push_back({found->second, i});
        mapped.erase(found);
      }
    } else if (const auto mapping = mapping_made_by(operations[i])) {
      mapped[{mapping->space, mapping->at}] = i;
      for_each_result(operations[i], [&](HandleName name) {
        mapped[{mapping->space, Place{AddressHandle(name.second), 0}}] = i;
      });
    }
  }
}

Program without(const Program& program, const Removed& removed) {
  Program smaller;
  smaller.machine = program.machine;
  smaller.operations.reserve(program.operations.size());
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    if (removed[i]) continue;
    smaller.operations.push_back(program.operations[i]);
    const auto answer = program.recorded.find(i + 1);
    if (answer != program.recorded.end()) smaller.recorded[smaller.operations.size()] = answer->second;
    const auto note = program.notes.find(i + 1);
    if (note != program.notes.end()) smaller.notes[smaller.operations.size()] = note->second;
  }
  return smaller;
}

std::optional<std::size_t> failure_counted_through(const Program& program, const Removed& removed) {
  std::optional<std::size_t> found, counts;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < program.operations.size(); ++i) {
    if (removed[i]) {
      counts = found;
      continue;
    }
    const auto* fail = std::get_if<FailNext>(&program.operations[i]);
    if (fail != nullptr) found = fail->n.raw() > 1 ? std::optional(kept) : std::nullopt;
    ++kept;
  }
  return counts;
}

Program cut_after(const Program& program, std::uint64_t steps) {
  Removed removed(program.operations.size(), false);
  for (std::size_t i = steps; i < removed.size(); ++i) removed[i] = true;
  return without(program, removed);
}

}  // namespace mmtwin::lockstep
