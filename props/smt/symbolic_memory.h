// Memory of tables whose contents are arbitrary: a function from (table, index) to an entry, and the stores made since.
//
// Laws: PT (an index stays in its table, a table is a frame) is required at every access. Context: belongs to one
// PathExplorer; copying it remembers a state. Cost: a load is a term as long as the number of stores. It deliberately
// has no notion of tree or level: what the proofs assume about the shape they say themselves.
#pragma once

#include <string>
#include <vector>

#include "props/smt/path_explorer.h"

namespace mmtwin::smt {

inline constexpr unsigned kFrameBits = 40;  // of a frame number in an x86-64 entry

class SymbolicMemory {
 public:
  struct Store {
    SymbolicWord table, index, entry;
  };

  SymbolicMemory(PathExplorer& explorer, unsigned index_bits)
      : explorer_(&explorer),
        index_bits_(index_bits),
        initial_(explorer.function("memory", {kFrameBits, index_bits})) {}

  SymbolicWord load(const SymbolicWord& table, const SymbolicWord& index) {
    const std::string name = "load" + std::to_string(++loads_);
    require_inside(name, table, index);
    z3::expr value = initial_(frame(table), place(index));
    for (const Store& store : stores_) {
      const z3::expr same = frame(store.table) == frame(table) && place(store.index) == place(index);
      value = z3::ite(same, store.entry.term(), value);
    }
    const SymbolicWord entry(value.simplify());
    explorer_->observe(name + ".entry", entry);
    return entry;
  }

  void store(const SymbolicWord& table, const SymbolicWord& index, const SymbolicWord& entry) {
    stores_.push_back({table, index, entry});
    const std::string name = "store" + std::to_string(stores_.size());
    require_inside(name, table, index);
    explorer_->observe(name + ".entry", entry);
  }

  const std::vector<Store>& stores() const { return stores_; }

 private:
  z3::expr frame(const SymbolicWord& table) const { return table.term().extract(kFrameBits - 1, 0).simplify(); }
  z3::expr place(const SymbolicWord& index) const { return index.term().extract(index_bits_ - 1, 0).simplify(); }
  void require_inside(const std::string& name, const SymbolicWord& table, const SymbolicWord& index) {
    explorer_->observe(name + ".table", table);
    explorer_->observe(name + ".index", index);
    explorer_->require(index >> index_bits_ == SymbolicWord(0), "an index stays inside its table");
    explorer_->require(table >> kFrameBits == SymbolicWord(0), "a table is a frame that an entry can name");
  }

  PathExplorer* explorer_;
  unsigned index_bits_;
  z3::func_decl initial_;
  std::vector<Store> stores_;
  unsigned loads_ = 0;
};

}  // namespace mmtwin::smt
