#include "model/machine/tables.h"

namespace mmtwin::model {

void Tables::start(const Geometry& geometry) {
  if (geometry_ != &geometry) {
    geometry_ = &geometry;
    tables_.clear();
    tables_.resize(1);
  }
  spare_.clear();
  used_ = 0;
}

std::uint32_t Tables::make(std::uint64_t frame) {
  std::uint32_t number = 0;
  if (!spare_.empty()) {
    number = spare_.back();
    spare_.pop_back();
  } else {
    number = ++used_;
    if (number == tables_.size()) tables_.emplace_back();
  }
  Table& table = tables_[number];
  table.frame = frame;
  table.space = 0;
  table.level = 0;
  table.first = 0;
  table.parent = 0;
  table.present = 0;
  table.entries.assign(geometry_->entries_per_table(), 0);
  return number;
}

void Tables::drop(std::uint32_t table) { spare_.push_back(table); }

void Tables::place(std::uint32_t table, std::uint32_t space, unsigned level, std::uint64_t first,
                   std::uint32_t parent) {
  Table& placed = tables_[table];
  placed.space = space;
  placed.level = level;
  placed.first = first;
  placed.parent = parent;
}

}  // namespace mmtwin::model
