// Long random runs over a few related spaces: what each page is mapped as, page by page, and the families recounted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

#include "tests/model/contract/range_world.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kPages = 40;
constexpr std::uint64_t kHeapPage = 20;
constexpr std::uint32_t kCap = 9;

// prot, flags, file, offset of each mapped page: no ranges, no families.
using PageMap = std::map<std::uint64_t, std::tuple<unsigned, unsigned, std::uint64_t, std::uint64_t>>;

struct Space {
  explicit Space(Families& families) : world(families, kCap) { world.ranges.set_heap(page(kHeapPage), 0); }
  RangeWorld world;
  PageMap pages;
};

class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed) : random_(seed) { spaces_.push_back(std::make_unique<Space>(families_)); }
  void step();
  void check() {
    std::vector<const Ranges*> all;
    for (const auto& space : spaces_) {
      all.push_back(&space->world.ranges);
      ASSERT_LE(space->world.ranges.all().size(), kCap + 1);
      PageMap pages;
      for (const auto& [start, range] : space->world.ranges.all()) {
        for (std::uint64_t at = start; at < range.end; at += kPage) {
          pages[at] = {range.prot.bits(), range.flags.bits(), range.file, range.offset + (at - start)};
        }
      }
      ASSERT_EQ(pages, space->pages) << space->world.drawing(kPages);
      ASSERT_EQ(space->world.ranges.total_pages(), pages.size());
    }
    audit(families_, all, kSmall);
  }
  std::uint64_t done = 0, refused = 0, most_families = 0;

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  Prot prot() { return below(3) == 0 ? kProtRead : below(8) == 0 ? kRw | kProtExec : kRw; }
  MapRequest request() {
    const std::uint64_t first = below(kPages - 6), pages = 1 + below(6);
    MapFlags flags = below(12) == 0 ? kMapStack : MapFlags{};
    if (below(12) == 0) flags = flags | kMapNoReserve;
    if (below(5) != 0) return RangeWorld::anonymous(first, pages, prot(), flags);
    return RangeWorld::of_file(first, pages, 1 + below(2), first + below(2), prot(),
                               below(2) == 0 ? kMapShared : flags);
  }
  void set_pages(Space& space, const MapRequest& request) {
    for (std::uint64_t i = 0; i * kPage < request.length; ++i) {
      const std::uint64_t at = request.at + i * kPage;
      const std::uint64_t offset = request.file == 0 ? at : request.offset + i * kPage;
      space.pages[at] = {request.prot.bits(), request.flags.without(kMapFixed).bits(), request.file, offset};
    }
  }
  void count(Refusal refusal) { (refusal == Refusal::kNone ? done : refused) += 1; }
  void map(Space& space);
  void unmap(Space& space);
  void protect(Space& space);
  void brk(Space& space);
  void fork_or_exit(Space& space);

  std::mt19937_64 random_;
  Families families_;
  std::vector<std::unique_ptr<Space>> spaces_;
};

void RandomRun::map(Space& space) {
  const MapRequest wanted = request();
  const Refusal refusal = space.world.map(wanted);
  count(refusal);
  if (refusal == Refusal::kNone) set_pages(space, wanted);
}

void RandomRun::unmap(Space& space) {
  const std::uint64_t first = below(kPages), pages = 1 + below(8);
  const Refusal refusal = space.world.unmap(first, pages);
  count(refusal);
  if (refusal != Refusal::kNone) return;
  for (std::uint64_t i = first; i < first + pages; ++i) space.pages.erase(page(i));
}

void RandomRun::protect(Space& space) {
  const std::uint64_t first = below(kPages), pages = 1 + below(8);
  const Prot to = prot();
  const Verdict verdict = space.world.ranges.judge_protect(page(first), pages * kPage, to);
  count(space.world.protect(first, pages, to));
  for (std::uint64_t at = page(first); at < verdict.value; at += kPage) std::get<0>(space.pages.at(at)) = to.bits();
}

void RandomRun::brk(Space& space) {
  const std::uint64_t before = page_ceiling(space.world.ranges.brk());
  const std::uint64_t wanted = page(kHeapPage) + below(8 * kPage);
  const std::uint64_t after = page_ceiling(space.world.brk(wanted));
  count(space.world.ranges.brk() == wanted ? Refusal::kNone : Refusal::kNoMemory);
  for (std::uint64_t at = after; at < before; at += kPage) space.pages.erase(at);
  for (std::uint64_t at = before; at < after; at += kPage) space.pages[at] = {kRw.bits(), 0, 0, at};
}

void RandomRun::fork_or_exit(Space& space) {
  if (spaces_.size() > 1 && below(3) != 0) {
    space.world.ranges.clear();
    std::erase_if(spaces_, [&space](const auto& each) { return each.get() == &space; });
  } else if (spaces_.size() < 6) {
    auto child = std::make_unique<Space>(families_);
    space.world.ranges.fork_into(child->world.ranges);
    child->pages = space.pages;
    spaces_.push_back(std::move(child));
  }
}

void RandomRun::step() {
  Space& space = *spaces_[below(spaces_.size())];
  const std::uint64_t choice = below(40);
  if (choice < 10) {
    map(space);
  } else if (choice < 14) {
    unmap(space);
  } else if (choice < 22) {
    protect(space);
  } else if (choice < 25) {
    brk(space);
  } else if (choice < 27) {
    fork_or_exit(space);
  } else {
    space.world.touch(below(kPages));
  }
  most_families = std::max(most_families, families_.live());
}

TEST(RangesRandom, TwentyThousandOperationsKeepEveryPageAndEveryFamilyCounted) {
  std::uint64_t done = 0, refused = 0, most_families = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    RandomRun run(seed);
    for (int i = 0; i < 1000; ++i) {
      run.step();
      run.check();
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << "seed " << seed << " operation " << i;
    }
    done += run.done;
    refused += run.refused;
    most_families = std::max(most_families, run.most_families);
  }
  EXPECT_GT(done, 5000u);
  EXPECT_GT(refused, 500u);
  EXPECT_GT(most_families, 20u);
}

}  // namespace
}  // namespace mmtwin::model
