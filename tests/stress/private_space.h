// PrivateSpace: a space that one thread at a time uses, and all that its pages must hold and allow.
//
// Laws: CONTENT-1 (bytes stay what they were, whoever shares the pages), COW-1, PERM-1, ROLLBACK-1. Context: the thread
// that holds the object. Cost: a map of its pages. It deliberately asks for nothing whose outcome it cannot predict,
// but refusals for want of memory where the runner allows them.
//
// Layout of a page: word `line` of a CPU at 64 * (1 + cpu), the head in its first 4 bytes, the tail in its last 4.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "tests/stress/runner.h"

namespace mmtwin::stress {

inline constexpr std::uint64_t kHeapStart = 0x400'0000;
inline constexpr std::uint64_t kHeapPages = 6;
constexpr std::uint64_t line_at(std::uint64_t page, unsigned cpu) { return page * kPage + 64 * (1 + cpu); }

struct PageContents {
  Prot prot;
  std::array<std::uint64_t, kCpus> lines{};
  std::uint32_t head = 0;
  std::uint32_t tail = 0;
};

// Pages in a row that steps choose from.
struct Area {
  std::uint64_t first = 0;  // page number
  std::uint64_t pages = 0;
};

class PrivateSpace {
 public:
  // A new space without ranges. nullopt: no memory.
  static std::optional<PrivateSpace> create(Runner& runner);
  // A space forked from one that others share; the caller says what it must hold by adopt().
  PrivateSpace(SpaceId id, std::vector<Area> areas) : id_(id), areas_(std::move(areas)) {}

  void adopt(std::uint64_t page, const PageContents& contents) { pages_[page] = contents; }

  // One verb; false: the space was killed for want of memory, or what it holds is not known any more.
  bool step(Runner& runner);
  // nullopt: no memory.
  std::optional<PrivateSpace> fork(Runner& runner);
  // Reads everything back.
  bool verify(Runner& runner);
  void exit(Runner& runner);
  SpaceId id() const { return id_; }
  std::uint64_t any_address(Runner& runner) const;

 private:
  const PageContents* find(std::uint64_t page) const;
  bool load(Runner& runner, std::uint64_t page);
  bool fetch(Runner& runner, std::uint64_t page);
  bool store(Runner& runner, std::uint64_t page);
  bool straddle(Runner& runner, std::uint64_t page);
  bool map(Runner& runner, const Area& where);
  bool map_anywhere(Runner& runner);
  bool unmap(Runner& runner, const Area& where);
  bool protect(Runner& runner, const Area& where);
  bool move_break(Runner& runner);
  Refusal refusal_at(std::uint64_t page, Access access) const;
  // The outcome must be this one; false: memory ended instead, and with it the space.
  bool survives(Runner& runner, Refusal seen, Refusal wanted, std::uint64_t page);
  Area part_of_area(Runner& runner) const;

  SpaceId id_;
  std::vector<Area> areas_;
  std::map<std::uint64_t, PageContents> pages_;
  std::uint64_t heap_pages_ = 0;
  bool moves_break_ = false;
};

}  // namespace mmtwin::stress
