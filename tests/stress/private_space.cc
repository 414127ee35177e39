#include "tests/stress/private_space.h"

#include <algorithm>

namespace mmtwin::stress {
namespace {

constexpr Prot kProts[] = {kProtRead | kProtWrite, kProtRead | kProtWrite, kProtRead | kProtWrite, kProtRead,
                           kProtNone, kProtRead | kProtExec, kProtWrite | kProtExec};
const std::vector<Area> kOwnAreas = {{0x800, 12}, {0x2000, 6}};

Prot any_prot(Runner& runner) { return kProts[runner.draw(std::size(kProts))]; }

}  // namespace

std::optional<PrivateSpace> PrivateSpace::create(Runner& runner) {
  const Outcome<SpaceId> made = runner.create(kHeapStart);
  if (!made) {
    expect(made.refusal() == Refusal::kOom, "a space is refused only for want of memory", runner.cpu());
    return std::nullopt;
  }
  PrivateSpace space(*made, kOwnAreas);
  space.moves_break_ = true;
  return space;
}

const PageContents* PrivateSpace::find(std::uint64_t page) const {
  const auto found = pages_.find(page);
  return found == pages_.end() ? nullptr : &found->second;
}

Refusal PrivateSpace::refusal_at(std::uint64_t page, Access access) const {
  const PageContents* contents = find(page);
  if (contents == nullptr) return Refusal::kSegvMapErr;
  const bool allows = access == Access::kStore   ? contents->prot.has(kProtWrite)
                      : access == Access::kFetch ? contents->prot.has(kProtExec)
                                                 : !contents->prot.empty();
  return allows ? Refusal::kNone : Refusal::kSegvAccErr;
}

bool PrivateSpace::survives(Runner& runner, Refusal seen, Refusal wanted, std::uint64_t page) {
  if (seen == wanted) return true;
  expect(seen == Refusal::kOom && wanted == Refusal::kNone, "an access is answered as its range says",
         runner.cpu(), page, static_cast<std::uint64_t>(seen), static_cast<std::uint64_t>(wanted));
  expect(runner.load(id_, page * kPage).refusal() == Refusal::kKilled, "a space that found no memory is killed",
         runner.cpu(), page);
  return false;
}

bool PrivateSpace::load(Runner& runner, std::uint64_t page) {
  const unsigned line = static_cast<unsigned>(runner.draw(kCpus));
  const Outcome<std::uint64_t> got = runner.load(id_, line_at(page, line));
  if (!survives(runner, got.refusal(), refusal_at(page, Access::kLoad), page)) return false;
  if (got) {
    expect(*got == find(page)->lines[line], "a load answers what was stored", runner.cpu(), line_at(page, line), *got,
           find(page)->lines[line]);
  }
  return true;
}

bool PrivateSpace::fetch(Runner& runner, std::uint64_t page) {
  const Outcome<std::uint64_t> got = runner.fetch(id_, line_at(page, 0));
  if (!survives(runner, got.refusal(), refusal_at(page, Access::kFetch), page)) return false;
  if (got) expect(*got == find(page)->lines[0], "a fetch answers what was stored", runner.cpu(), page, *got);
  return true;
}

bool PrivateSpace::store(Runner& runner, std::uint64_t page) {
  const unsigned line = static_cast<unsigned>(runner.draw(kCpus));
  const std::uint64_t value = runner.draw(~std::uint64_t{0});
  const Outcome<Done> done = runner.store(id_, line_at(page, line), value);
  if (!survives(runner, done.refusal(), refusal_at(page, Access::kStore), page)) return false;
  if (done) pages_[page].lines[line] = value;
  return true;
}

// Eight bytes, four on each of two pages.
bool PrivateSpace::straddle(Runner& runner, std::uint64_t page) {
  const bool stores = runner.one_in(2);
  const Access access = stores ? Access::kStore : Access::kLoad;
  const std::uint64_t at = (page + 1) * kPage - 4, value = runner.draw(~std::uint64_t{0});
  Refusal wanted = refusal_at(page, access);
  if (wanted == Refusal::kNone) wanted = refusal_at(page + 1, access);
  if (stores) {
    const Outcome<Done> done = runner.store(id_, at, value);
    if (done.refusal() == Refusal::kOom && refusal_at(page, access) == Refusal::kNone) wanted = Refusal::kNone;
    if (!survives(runner, done.refusal(), wanted, page)) return false;
    if (!done) return true;
    pages_[page].tail = static_cast<std::uint32_t>(value);
    pages_[page + 1].head = static_cast<std::uint32_t>(value >> 32);
    return true;
  }
  const Outcome<std::uint64_t> got = runner.load(id_, at);
  if (got.refusal() == Refusal::kOom && refusal_at(page, access) == Refusal::kNone) wanted = Refusal::kNone;
  if (!survives(runner, got.refusal(), wanted, page)) return false;
  if (got) {
    const std::uint64_t known = find(page)->tail | std::uint64_t{find(page + 1)->head} << 32;
    expect(*got == known, "a load over the end of a page answers what was stored", runner.cpu(), at, *got, known);
  }
  return true;
}

bool PrivateSpace::map(Runner& runner, const Area& where) {
  const Prot prot = any_prot(runner);
  const Outcome<std::uint64_t> got = runner.map(id_, where.first * kPage, where.pages, prot, kMapFixed);
  if (!got) {
    expect(got.refusal() == Refusal::kOom, "a mapping is refused only for want of memory", runner.cpu(), where.first,
           static_cast<std::uint64_t>(got.refusal()));
    return true;
  }
  expect(*got == where.first * kPage, "a fixed mapping lies where it was asked for", runner.cpu(), *got, where.first);
  for (std::uint64_t i = 0; i < where.pages; ++i) pages_[where.first + i] = {.prot = prot};
  return true;
}

bool PrivateSpace::map_anywhere(Runner& runner) {
  const std::uint64_t pages = 1 + runner.draw(20);
  const Outcome<std::uint64_t> got = runner.map(id_, 0, pages, kProtRead | kProtWrite, {});
  if (!got) return true;
  const std::uint64_t at = *got + kPage * runner.draw(pages) + 8;
  const Outcome<Done> done = runner.store(id_, at, at);
  if (!survives(runner, done.refusal(), Refusal::kNone, at / kPage)) return false;
  const Outcome<std::uint64_t> seen = runner.load(id_, at);
  if (!survives(runner, seen.refusal(), Refusal::kNone, at / kPage)) return false;
  expect(*seen == at, "a load answers what was stored", runner.cpu(), at, *seen);
  return runner.unmap(id_, *got, pages).is_ok();
}

bool PrivateSpace::unmap(Runner& runner, const Area& where) {
  const Outcome<Done> done = runner.unmap(id_, where.first * kPage, where.pages);
  if (!done) {
    expect(done.refusal() == Refusal::kOom, "an unmap is refused only for want of memory", runner.cpu(), where.first);
    return true;
  }
  for (std::uint64_t i = 0; i < where.pages; ++i) pages_.erase(where.first + i);
  return true;
}

bool PrivateSpace::protect(Runner& runner, const Area& where) {
  const Prot prot = any_prot(runner);
  const Outcome<Done> done = runner.protect(id_, where.first * kPage, where.pages, prot);
  // How much of it was done before memory ended is not known here.
  if (done.refusal() == Refusal::kOom) return false;
  std::uint64_t reached = 0;
  for (; reached < where.pages && find(where.first + reached) != nullptr; ++reached)
    pages_[where.first + reached].prot = prot;
  const Refusal wanted = reached == where.pages ? Refusal::kNone : Refusal::kNoMemory;
  expect(done.refusal() == wanted, "a protect ends at the first hole", runner.cpu(), where.first,
         static_cast<std::uint64_t>(done.refusal()));
  return true;
}

bool PrivateSpace::move_break(Runner& runner) {
  const std::uint64_t pages = runner.draw(kHeapPages + 1), first = kHeapStart / kPage;
  const BreakAnswer answer = runner.brk(id_, kHeapStart + pages * kPage);
  if (answer.refusal == Refusal::kOom) return true;
  expect(answer.refusal == Refusal::kNone && answer.value == kHeapStart + pages * kPage, "the break moves",
         runner.cpu(), pages, answer.value);
  for (std::uint64_t i = heap_pages_; i < pages; ++i) pages_[first + i] = {.prot = kProtRead | kProtWrite};
  for (std::uint64_t i = pages; i < heap_pages_; ++i) pages_.erase(first + i);
  heap_pages_ = pages;
  return true;
}

Area PrivateSpace::part_of_area(Runner& runner) const {
  const Area& area = areas_[runner.draw(areas_.size())];
  const std::uint64_t skipped = runner.draw(area.pages);
  return {area.first + skipped, 1 + runner.draw(std::min<std::uint64_t>(area.pages - skipped, 6))};
}

std::uint64_t PrivateSpace::any_address(Runner& runner) const { return line_at(part_of_area(runner).first, 0); }

bool PrivateSpace::step(Runner& runner) {
  const Area where = part_of_area(runner);
  const bool uses_heap = moves_break_ && runner.one_in(6);
  const std::uint64_t page = uses_heap ? kHeapStart / kPage + runner.draw(kHeapPages) : where.first;
  const std::uint64_t what = runner.draw(32);
  if (what < 12) return store(runner, page);
  if (what < 21) return load(runner, page);
  if (what < 23) return straddle(runner, page);
  if (what < 24) return fetch(runner, page);
  if (what < 27) return map(runner, where);
  if (what < 28) return unmap(runner, where);
  if (what < 30) return protect(runner, where);
  if (what < 31 && moves_break_) return move_break(runner);
  return map_anywhere(runner);
}

std::optional<PrivateSpace> PrivateSpace::fork(Runner& runner) {
  const Outcome<SpaceId> child = runner.fork(id_);
  if (!child) {
    expect(child.refusal() == Refusal::kOom, "a fork is refused only for want of memory", runner.cpu());
    return std::nullopt;
  }
  PrivateSpace copy = *this;
  copy.id_ = *child;
  return copy;
}

bool PrivateSpace::verify(Runner& runner) {
  for (const auto& [page, contents] : pages_) {
    for (unsigned line = 0; line < kCpus; ++line) {
      const Outcome<std::uint64_t> got = runner.load(id_, line_at(page, line));
      if (!survives(runner, got.refusal(), refusal_at(page, Access::kLoad), page)) return false;
      if (!got) break;
      expect(*got == contents.lines[line], "a page holds what was stored", runner.cpu(), line_at(page, line), *got,
             contents.lines[line]);
    }
  }
  return true;
}

void PrivateSpace::exit(Runner& runner) { runner.exit(id_); }

}  // namespace mmtwin::stress
