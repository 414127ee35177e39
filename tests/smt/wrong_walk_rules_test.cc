// Walks and maps that are wrong on purpose: refuted, and the counterexample breaks them in real memory.
#include <gtest/gtest.h>

#include "props/smt/theorems_walk_induction.h"
#include "tests/smt/counterexample.h"

namespace mmtwin::smt {
namespace {

using impl::X86Geometry;
using Running = RunningWalkRules<X86Geometry>;

TheoremResult refuted(const Theorem& theorem, std::string_view reason) {
  TheoremResult result = prove(theorem);
  EXPECT_EQ(result.verdict, Verdict::kRefuted) << theorem.id << " " << name_of(result.verdict);
  EXPECT_EQ(result.reason, reason);
  return result;
}

unsigned level_of(const TheoremResult& result) { return static_cast<unsigned>(value_of(result, "level")); }

struct MapThatForgetsToMask : Running {
  template <class Memory, class Word, class Allocate>
  static impl::MapResult<Word> map_step(Memory& memory, Word table, Word vpn, unsigned level, Allocate& allocate) {
    const Word index = vpn >> (9 * level);
    const Word entry = memory.load(table, index);
    if (impl::is_present(entry)) return {impl::MapOutcome::kMapped, impl::frame_of(entry)};
    const impl::NewTable<Word> fresh = allocate();
    if (!fresh.ok) return {impl::MapOutcome::kNoMemory, table};
    memory.store(table, index, impl::make_table(fresh.table));
    return {impl::MapOutcome::kMapped, fresh.table};
  }
};

TEST(WrongWalkRules, AMapThatForgetsToMaskLeavesItsTable) {
  const auto result = refuted(map_frame_step<MapThatForgetsToMask>("wrong"), "an index stays inside its table");
  EXPECT_GE(value_of(result, "vpn") >> (9 * level_of(result)), 512U);
}

struct MapOverAHugePage : Running {
  template <class Memory, class Word, class Allocate>
  static impl::MapResult<Word> map_step(Memory& memory, Word table, Word vpn, unsigned level, Allocate& allocate) {
    const auto here = impl::walk_step<X86Geometry>(memory, table, vpn, level);
    if (here.step == impl::Step::kDescend) return {impl::MapOutcome::kMapped, impl::frame_of(here.entry)};
    const impl::NewTable<Word> fresh = allocate();
    if (!fresh.ok) return {impl::MapOutcome::kNoMemory, table};
    memory.store(table, impl::index_at<X86Geometry>(vpn, level), impl::make_table(fresh.table));
    return {impl::MapOutcome::kMapped, fresh.table};
  }
};

// |------ huge page ------|    the rule puts an empty table there: the other 511 pages are gone
//    ^ vpn        ^ other
TEST(WrongWalkRules, AMapThatReplacesAHugePageLosesItsNeighbours) {
  const auto result = refuted(map_frame_step<MapOverAHugePage>("wrong"), "a present entry stays");
  ConcreteMemory memory(result);
  const std::uint64_t table = value_of(result, "table"), other = value_of(result, "other");
  const std::uint64_t other_index = specs::table_index(other, 512, level_of(result));
  const std::uint64_t before = memory.load(table, other_index);
  auto allocate = [&] { return impl::NewTable<std::uint64_t>{true, value_of(result, "new_table")}; };
  MapOverAHugePage::map_step(memory, table, value_of(result, "vpn"), level_of(result), allocate);
  EXPECT_TRUE(impl::is_present(before));
  EXPECT_NE(memory.load(table, other_index), before);
}

struct MapThatDeniesWriting : Running {
  template <class Memory, class Word, class Allocate>
  static impl::MapResult<Word> map_page(Memory& memory, Word root, Word vpn, Word leaf, Allocate& allocate) {
    Word table = root;
    for (unsigned level = 3; level > 0; --level) {
      const auto here = impl::walk_step<X86Geometry>(memory, table, vpn, level);
      if (here.step == impl::Step::kLeaf) return {impl::MapOutcome::kHuge, table};
      if (here.step == impl::Step::kAbsent) {
        const impl::NewTable<Word> fresh = allocate();
        if (!fresh.ok) return {impl::MapOutcome::kNoMemory, table};
        memory.store(table, impl::index_at<X86Geometry>(vpn, level),
                     impl::write_protected(impl::make_table(fresh.table)));
        table = fresh.table;
      } else {
        table = impl::frame_of(here.entry);
      }
    }
    memory.store(table, impl::index_at<X86Geometry>(vpn, 0), leaf);
    return {impl::MapOutcome::kMapped, table};
  }
};

TEST(WrongWalkRules, ATableEntryWithoutRwTakesTheRightThatWasAsked) {
  const auto result = refuted(map_makes_the_page_found<MapThatDeniesWriting>("wrong"), "the asked frame and rights");
  ConcreteMemory memory(result);
  const std::uint64_t root = value_of(result, "root"), vpn = value_of(result, "vpn"), leaf = value_of(result, "leaf");
  unsigned given = 0;
  auto allocate = [&] {
    return impl::NewTable<std::uint64_t>{true, value_of(result, "new_table" + std::to_string(given++))};
  };
  ASSERT_EQ(MapThatDeniesWriting::map_page(memory, root, vpn, leaf, allocate).outcome, impl::MapOutcome::kMapped);
  EXPECT_TRUE(impl::is_writable(leaf));
  EXPECT_FALSE(impl::is_writable(impl::walk<X86Geometry>(memory, root, vpn).rights));
}

struct UnmapOfAWholeHugePage : Running {
  template <class Memory, class Word>
  static impl::Walk<Word> unmap_page(Memory& memory, Word root, Word vpn) {
    const impl::Walk<Word> found = impl::walk<X86Geometry>(memory, root, vpn);
    if (found.present) memory.store(found.table, impl::index_at<X86Geometry>(vpn, found.level), Word(0));
    return found;
  }
};

TEST(WrongWalkRules, UnmappingAPageOfAHugePageTakesItsNeighboursAlong) {
  const auto result = refuted(unmap_makes_the_page_absent<UnmapOfAWholeHugePage>("wrong"),
                              "nothing is stored where there is no page to clear");
  ConcreteMemory memory(result);
  const std::uint64_t root = value_of(result, "root"), vpn = value_of(result, "vpn");
  const std::uint64_t neighbour = vpn ^ 1;
  EXPECT_TRUE(impl::walk<X86Geometry>(memory, root, neighbour).present);
  UnmapOfAWholeHugePage::unmap_page(memory, root, vpn);
  EXPECT_FALSE(impl::walk<X86Geometry>(memory, root, neighbour).present);
}

struct WalkThatIgnoresHugePages : Running {
  template <class Memory, class Word>
  static impl::Walk<Word> walk(Memory& memory, Word root, Word vpn) {
    Word table = root, rights(impl::kAllRights), entry(0);
    for (unsigned level = 4; level-- > 0; table = impl::frame_of(entry)) {
      entry = memory.load(table, impl::index_at<X86Geometry>(vpn, level));
      if (!impl::is_present(entry)) return {false, level, entry, table, Word(0)};
      rights = impl::effective(rights, entry);
      if (level == 0) break;
    }
    return {true, 0, entry, table, rights};
  }
};

// The walk takes the first frame of a huge page for a table: the caller's bytes are read as entries.
TEST(WrongWalkRules, AWalkThatIgnoresHugePagesReadsThemAsTables) {
  TheoremResult result = prove(walk_reads_the_tree<WalkThatIgnoresHugePages>("wrong"));
  ASSERT_EQ(result.verdict, Verdict::kRefuted) << result.reason;
  ConcreteMemory memory(result);
  const std::uint64_t root = value_of(result, "root"), vpn = value_of(result, "vpn");
  const auto wrong = WalkThatIgnoresHugePages::walk(memory, root, vpn);
  const auto said = specs::translation_of(memory, root, vpn, 512, 4);
  ASSERT_TRUE(said.present);
  EXPECT_TRUE(!wrong.present || impl::frame_for<X86Geometry>(wrong, vpn) != said.frame ||
              impl::is_writable(wrong.rights) != said.writable || impl::is_user(wrong.rights) != said.user ||
              impl::is_executable(wrong.rights) != said.executable);
}

// Stores the leaf one entry further: found by the base of the induction, the last step being wrong.
struct LeafInTheNextEntry : RunningWalkRules<LastLevelOf<X86Geometry>> {
  template <class Memory, class Word, class Allocate>
  static impl::MapResult<Word> map_page(Memory& memory, Word root, Word vpn, Word leaf, Allocate&) {
    memory.store(root, impl::index_at<Geometry>(vpn + Word(1), 0), leaf);
    return {impl::MapOutcome::kMapped, root};
  }
};

TEST(WrongWalkRules, ALeafInTheNextEntryFailsTheInductionBase) {
  const auto result = refuted(map_frame_base<LeafInTheNextEntry>("wrong"), "the page is the leaf");
  ConcreteMemory memory(result);
  const std::uint64_t table = value_of(result, "table"), vpn = value_of(result, "vpn"), leaf = value_of(result, "leaf");
  int no_allocator = 0;
  LeafInTheNextEntry::map_page(memory, table, vpn, leaf, no_allocator);
  const auto said = specs::translation_of(memory, table, vpn, 512, 1);
  EXPECT_FALSE(said.present && said.frame == specs::named_frame(leaf) && said.writable == impl::is_writable(leaf) &&
               said.user == impl::is_user(leaf) && said.executable == impl::is_executable(leaf));
}

}  // namespace
}  // namespace mmtwin::smt
