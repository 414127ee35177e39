// Counterexamples as tests use them: a named value, and the memory a refuted theorem has loaded from.
//
// Laws: none. Context: tests. Cost: linear searches. It deliberately throws for a name that is missing.
#pragma once

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "props/smt/theorem.h"

namespace mmtwin::smt {

inline const std::uint64_t* find_value(const std::vector<Assignment>& values, std::string_view name) {
  for (const Assignment& value : values)
    if (value.name == name) return &value.value;
  return nullptr;
}

inline std::uint64_t value_of(const std::vector<Assignment>& values, std::string_view name) {
  const std::uint64_t* found = find_value(values, name);
  if (found == nullptr) throw std::out_of_range("the counterexample does not name " + std::string(name));
  return *found;
}
inline std::uint64_t value_of(const TheoremResult& result, std::string_view name) {
  return value_of(result.counterexample, name);
}

// Real memory with the entries that the counterexample was found with; zero elsewhere.
class ConcreteMemory {
 public:
  explicit ConcreteMemory(const TheoremResult& result) {
    // A later load may have seen a store of the rule; the first one of a cell saw the memory as it was given.
    for (unsigned i = 1;; ++i) {
      const std::string load = "load" + std::to_string(i);
      const std::uint64_t* entry = find_value(result.counterexample, load + ".entry");
      if (entry == nullptr) break;
      cells_.insert({{value_of(result, load + ".table"), value_of(result, load + ".index")}, *entry});
    }
  }
  std::uint64_t load(std::uint64_t table, std::uint64_t index) const {
    const auto found = cells_.find({table, index});
    return found == cells_.end() ? 0 : found->second;
  }
  void store(std::uint64_t table, std::uint64_t index, std::uint64_t entry) { cells_[{table, index}] = entry; }

  friend bool operator==(const ConcreteMemory&, const ConcreteMemory&) = default;

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> cells_;
};

}  // namespace mmtwin::smt
