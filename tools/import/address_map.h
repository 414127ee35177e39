// Attributes by byte address: disjoint intervals, each with a value, cut and overwritten at any place.
//
// Laws: none. Context: one thread; copying gives an independent map (fork). Cost: logarithmic, plus what is
// overwritten. It deliberately never joins neighbours: an interval is what was assigned, or a piece of it.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace mmtwin::tools {

template <class Value>
class AddressMap {
 public:
  struct Piece {
    std::uint64_t start = 0, end = 0;
    Value value{};
  };

  void assign(std::uint64_t start, std::uint64_t end, const Value& value) {
    erase(start, end);
    if (start < end) pieces_[start] = {end, value};
  }

  void erase(std::uint64_t start, std::uint64_t end) {
    if (start >= end) return;
    cut_at(start);
    cut_at(end);
    pieces_.erase(pieces_.lower_bound(start), pieces_.lower_bound(end));
  }

  // Null: nothing there.
  const Value* find(std::uint64_t at) const {
    auto above = pieces_.upper_bound(at);
    if (above == pieces_.begin()) return nullptr;
    const auto& [start, rest] = *std::prev(above);
    return at < rest.end ? &rest.value : nullptr;
  }

  // The parts of [start, end) that hold a value, in order.
  std::vector<Piece> inside(std::uint64_t start, std::uint64_t end) const {
    std::vector<Piece> found;
    auto it = pieces_.upper_bound(start);
    if (it != pieces_.begin()) --it;
    for (; it != pieces_.end() && it->first < end; ++it) {
      std::uint64_t from = it->first > start ? it->first : start;
      std::uint64_t to = it->second.end < end ? it->second.end : end;
      if (from < to) found.push_back({from, to, it->second.value});
    }
    return found;
  }

  // The parts of [start, end) that hold nothing, in order.
  std::vector<Piece> holes(std::uint64_t start, std::uint64_t end) const {
    std::vector<Piece> found;
    for (const Piece& piece : inside(start, end)) {
      if (start < piece.start) found.push_back({start, piece.start, {}});
      start = piece.end;
    }
    if (start < end) found.push_back({start, end, {}});
    return found;
  }

  std::vector<Piece> all() const { return inside(0, UINT64_MAX); }
  std::size_t size() const { return pieces_.size(); }

 private:
  struct Rest {
    std::uint64_t end = 0;
    Value value{};
  };

  void cut_at(std::uint64_t at) {
    auto above = pieces_.upper_bound(at);
    if (above == pieces_.begin()) return;
    auto& [start, rest] = *std::prev(above);
    if (start == at || rest.end <= at) return;
    Rest tail = rest;
    rest.end = at;
    pieces_.emplace(at, tail);
  }

  std::map<std::uint64_t, Rest> pieces_;  // by start
};

}  // namespace mmtwin::tools
