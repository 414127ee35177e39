// PT, ISO, PERM, COW, CONTENT and FRAME-3: what page tables may hold, and what accesses answer and leave behind.
#include <gtest/gtest.h>

#include "tests/model/narrator.h"

namespace mmtwin::model {
namespace {

constexpr std::uint64_t kHere = 0x100000, kThere = 0x200000;
constexpr EventKind kStored = EventKind::kTableStore, kZeroed = EventKind::kFrameZeroed,
                    kUsed = EventKind::kTlbUsed;

Narrator one_range(Prot prot = kReadWrite) {
  Narrator n(machine_of("tiny", 2));
  n.create(1);
  n.map(1, kHere, 4, prot);
  return n;
}
// p1 stored 7 at kHere.
Narrator one_page() {
  Narrator n = one_range();
  n.store(1, kHere, 7);
  return n;
}
Narrator shared_page() {
  Narrator n = one_page();
  n.fork(1, 2);
  return n;
}
auto to_frame(std::uint64_t frame) {
  return [frame](Event& e) { e.frame = Pfn(frame); };
}
auto with_bits(std::uint64_t bits) {
  return [bits](Event& e) { e.after |= bits; };
}
auto without_bits(std::uint64_t bits) {
  return [bits](Event& e) { e.after &= ~bits; };
}
auto to_entry_for(std::uint64_t frame) {
  return [frame](Event& e) { e.after = entry_of(frame, e.after & (kPage - 1)) | (e.after & kBitNoExecute); };
}

// ---- CONTENT ----
TEST(Content1, ALoadReturnsTheBytesLastStored) {
  Narrator n = one_page();
  n.load(1, kHere, 7);
  n.load(1, kHere + 1, 0);
  n.load(1, kHere + kPage, 0);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int load : {-3, -2, -1})
    expect_found(Law::kContent1, altered<Response>(legal, nth<Response>(legal, load), [](Response& r) { ++r.value; }));
}

TEST(Content1, AForkSharesThePagesOfRangesThatWereStoredTo) {
  const Scene legal = shared_page().scene();
  expect_legal(legal);
  expect_found(Law::kContent1, without(legal, nth(legal, kStored)));
}

TEST(Content1, NoPageIsLostOnTheWay) {
  for (const bool zeroed : {false, true}) {
    Narrator n = one_page();
    const std::uint64_t page = kHere / kPage, frame = n.frame_at(1, kHere);
    n.begin(n.map_operation(1, kThere, 1));
    const std::uint64_t unmarked = n.bits_for_reading(1, page) & ~kBitAccessed;
    n.break_leaf(1, page);
    if (zeroed) n.set_leaf(1, page, entry_of(n.zero_page(), unmarked | kBitSpecial));
    n.put(frame);
    n.end(Refusal::kNone, kThere);
    expect_found(Law::kContent1, n.scene());
  }
}

TEST(Content2, AFrameHoldsTheBytesOfItsPage) {
  Narrator n = one_page();
  SeenBytes seen{n.frame_at(1, kHere), {}};
  seen.seen[0] = 7;
  n.step(seen);
  n.step(SeenBytes{n.zero_page(), {}});
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int i : {0, 1})
    expect_found(Law::kContent2, altered<SeenBytes>(legal, nth<SeenBytes>(legal, i),
                                                    [](SeenBytes& s) { s.seen[4095] = 1; }));
}

// ---- PERM ----
TEST(Perm1, AnAccessSucceedsIffARangeAllowsIt) {
  Narrator n = one_page();
  n.begin(MemoryFetch{CpuId(0), SpaceHandle(1), place(kHere), Width(1)});
  n.walk(1, kHere / kPage, Access::kFetch);
  n.end(Refusal::kSegvAccErr);
  n.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kThere), Width(1)});
  n.walk(1, kThere / kPage, Access::kLoad);
  n.end(Refusal::kSegvMapErr);
  n.protect(1, kHere, 4, kProtRead);
  n.begin(n.store_operation(1, kHere, 8));
  n.walk(1, kHere / kPage, Access::kStore);
  n.end(Refusal::kSegvAccErr);
  const Scene legal = n.scene();
  expect_legal(legal);
  for (int i : {-4, -3, -1})
    for (const Refusal refusal : {Refusal::kNone, Refusal::kBus, Refusal::kSegvAccErr, Refusal::kSegvMapErr}) {
      const std::size_t at = nth<Response>(legal, i);
      if (std::get<Response>(legal.steps[at]).refusal == refusal) continue;
      expect_found(Law::kPerm1, altered<Response>(legal, at, [&](Response& r) { r.refusal = refusal; }));
    }
}

TEST(Perm1, AnAccessThatSucceedsHasItsPageMapped) {
  const Scene load = [] {
    Narrator n = one_range();
    n.load(1, kHere);
    return n.scene();
  }();
  Scene unmapped = load;
  unmapped.steps.erase(unmapped.steps.begin() + static_cast<std::ptrdiff_t>(nth(load, kStored)),
                       unmapped.steps.end() - 1);
  expect_found(Law::kPerm1, unmapped);
  const Scene store = one_page().scene();
  Scene clean = altered(store, nth(store, kStored), without_bits(kBitDirty));
  clean.steps.erase(clean.steps.begin() + static_cast<std::ptrdiff_t>(nth(store, kStored)) + 1, clean.steps.end() - 1);
  expect_found(Law::kPerm1, clean);
}

TEST(Perm1, ATranslationIsUsedForWhatItAllows) {
  Narrator n = one_range();
  n.load(1, kHere);
  n.begin(n.store_operation(1, kHere, 8));
  n.translated(kHere / kPage, Access::kStore);
  expect_found(Law::kPerm1, n.scene());

  Narrator data = one_page();
  data.begin(MemoryFetch{CpuId(0), SpaceHandle(1), place(kHere), Width(1)});
  data.translated(kHere / kPage, Access::kFetch);
  expect_found(Law::kPerm1, data.scene());
}

TEST(Perm1, ATranslationIsUsedOnlyByTheAccess) {
  Narrator n = one_page();
  n.load(1, kHere + kPage);
  n.map(1, kThere, 1);
  n.load(1, kHere, 7);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t used = nth(legal, kUsed);
  expect_found(Law::kPerm1, altered(legal, used, [](Event& e) { e.access = unsigned(Access::kFetch); }));
  expect_found(Law::kPerm1, altered(legal, used, [](Event& e) { e.access = unsigned(Access::kStore); }));
  expect_found(Law::kPerm1, altered(legal, used, [](Event& e) { ++e.place, ++e.index; }));
  expect_found(Law::kPerm1, before(legal, nth<Response>(legal, -2), {legal.steps[used]}));
}

TEST(Perm2, ALeafGrantsWhatItsRangeGrants) {
  Narrator n = one_range(kProtRead);
  n.load(1, kHere);
  const Scene legal = n.scene();
  expect_legal(legal);
  const auto loaded_by = [](std::uint64_t more, std::uint64_t less) {
    Narrator faulting = one_range(kProtRead);
    faulting.load_by(1, kHere, ((bits_of(kProtRead) & ~kBitDirty) | more) & ~less);
    return faulting.scene();
  };
  expect_legal(loaded_by(0, 0));
  expect_found(Law::kPerm2, loaded_by(kBitWritable, 0));
  expect_found(Law::kPerm2, loaded_by(0, kBitNoExecute));
}

TEST(Perm2, ProtectTakesRightsAtOnce) {
  for (const Prot prot : {kProtRead, kProtNone}) {
    Narrator n = one_page();
    n.protect(1, kHere, 4, prot);
    const Scene legal = n.scene();
    expect_legal(legal);
    Scene kept = legal;
    kept.steps.erase(kept.steps.begin() + static_cast<std::ptrdiff_t>(nth(legal, kStored)), kept.steps.end() - 1);
    expect_found(Law::kPerm2, kept);
  }
}

TEST(Perm2, NoOtherLeafIsWidened) {
  Narrator n = one_page();
  n.protect(1, kHere, 4, kProtRead);
  n.map(1, kThere, 1);
  const Scene legal = n.scene();
  const std::uint64_t leaf = n.leaf(1, kHere / kPage);
  Event widened = event_of(kStored, n.leaf_table(1, kHere));
  widened.before = leaf;
  widened.after = leaf | kBitWritable;
  expect_found(Law::kPerm2, before(legal, nth<Response>(legal), {widened}));
}

// ---- ISO ----
TEST(Iso1, AReachableFrameIsJustifiedByARangeOfTheSpace) {
  Narrator n = one_page();
  n.store(1, kHere + kPage, 8);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t leaf = nth(legal, kStored);
  expect_found(Law::kIso1, altered(legal, leaf, [](Event& e) { e.index = 5; }));
  expect_found(Law::kIso1, altered(legal, leaf, [](Event& e) { e.index = 2; }));
  expect_found(Law::kIso1, altered(legal, leaf, to_entry_for(n.frame_at(1, kHere))));
  expect_found(Law::kIso1, altered(legal, leaf, to_entry_for(n.kernel_root())));
  expect_found(Law::kIso1, altered(legal, leaf, to_entry_for(40)));
  expect_found(Law::kIso1, altered(legal, leaf, to_entry_for(64)));
}

TEST(Iso1, NothingStaysMappedWhereNothingIs) {
  Narrator n = one_page();
  n.unmap(1, kHere, 1);
  const Scene legal = n.scene();
  expect_legal(legal);
  Scene kept = legal;
  kept.steps.erase(kept.steps.begin() + static_cast<std::ptrdiff_t>(nth(legal, kStored)), kept.steps.end() - 1);
  expect_found(Law::kIso1, kept);
}

TEST(Iso1, NoPageOfAFileIsMapped) {
  Narrator n(machine_of("tiny"));
  n.create(1);
  n.map(1, kHere, 4);
  n.map(1, kThere, 1);
  n.load(1, kHere);
  Scene legal = n.scene();
  const auto& anon = std::get<RangeMapAnon>(std::get<Operation>(legal.steps[nth<Operation>(legal, 1)]));
  Model model;
  const RangeMapFile file{anon.cpu, anon.space, anon.at, anon.length, anon.prot, anon.flags, FileId(1), ByteCount(),
                          anon.result};
  legal.steps[nth<Operation>(legal, 1)] = Operation(file);
  const std::size_t cut = nth<Operation>(legal);
  model.start(legal.machine, legal.claims);
  for (std::size_t i = 0; i < cut; ++i) perform(model, legal.steps[i]);
  ASSERT_FALSE(model.finding());
  EXPECT_EQ(model.inapplicable(std::get<Operation>(legal.steps[cut])), Skip::kFilePage);
  model.begin(MemoryLoad{CpuId(0), SpaceHandle(1), place(kThere), Width(1)});
  model.on_event(event_of(EventKind::kFaulted, 0, kThere / kPage));
  ASSERT_FALSE(model.finding());
  for (std::size_t i = nth(legal, EventKind::kFaulted) + 1; i < legal.steps.size() && !model.finding(); ++i)
    perform(model, legal.steps[i]);
  ASSERT_TRUE(model.finding());
  EXPECT_EQ(model.finding()->law, Law::kIso1);
}

TEST(Iso2, AFrameIsZeroedBeforeItIsReachable) {
  const Scene legal = one_page().scene();
  expect_legal(legal);
  expect_found(Law::kIso2, without(legal, nth(legal, kZeroed)));
  expect_found(Law::kIso2, without(legal, nth(legal, kZeroed, -2)));
  expect_found(Law::kIso2, swapped(legal, nth(legal, kZeroed), nth(legal, kStored)));
}

TEST(Iso2, ACopyIsOfThePageThatWasMapped) {
  Narrator n = shared_page();
  n.store(1, kHere, 8);
  const Scene legal = n.scene();
  expect_legal(legal);
  const std::size_t copied = nth(legal, EventKind::kFrameCopied);
  const auto taken = std::get<Event>(legal.steps[copied]).frame.raw();
  expect_found(Law::kIso2, without(legal, copied));
  expect_found(Law::kIso2, altered(legal, copied, to_frame(40)));
  expect_found(Law::kIso2, altered(legal, copied, [&](Event& e) { e.place = n.zero_page(); }));
  Scene zeroed = legal;
  zeroed.steps[copied] = event_of(kZeroed, taken);
  expect_found(Law::kContent1, zeroed);
}

TEST(Iso2, AZeroedBlockIsZeroedWhole) {
  for (const bool exact : {false, true}) {
    Writer w(machine_of("tiny"));
    w.boot();
    w.begin(exact ? Operation(alloc_exact(1, 3, kGfpWait | kGfpZero)) : alloc(1, 2, kGfpWait | kGfpZero));
    w.request(Role::kBlock, 2);
    w.taken(8, 2);
    for (std::uint64_t i = 0; i < (exact ? 3 : 4); ++i) w.event(kZeroed, 8 + i);
    if (exact) w.put(11);
    w.end(Refusal::kNone, 8);
    const Scene legal = w.scene();
    expect_legal(legal);
    expect_found(Law::kIso2, without(legal, nth(legal, kZeroed)));
    expect_found(Law::kIso2, altered(legal, nth(legal, kZeroed), to_frame(8)));
    expect_found(Law::kIso2, altered(legal, nth(legal, kZeroed), to_frame(w.zero_page())));
    expect_found(Law::kFrame1, altered(legal, nth(legal, kZeroed), to_frame(40)));
  }
}

// ---- COW ----
TEST(Cow1, APageMappedMoreThanOnceIsWritableNowhere) {
  const Scene legal = shared_page().scene();
  expect_legal(legal);
  expect_found(Law::kCow1, altered(legal, nth(legal, kStored), with_bits(kBitWritable)));
  const std::size_t parent = nth(legal, EventKind::kTlbDropped) - 1;
  Scene kept = legal;  // the parent's leaf, and the four slots that cached it and its tables
  const auto first = kept.steps.begin() + static_cast<std::ptrdiff_t>(parent);
  kept.steps.erase(first, first + 5);
  expect_found(Law::kCow1, kept);
}

TEST(Cow1, AStoreToASharedPageCopies) {
  Narrator n = shared_page();
  n.begin(n.store_operation(1, kHere, 8));
  const std::uint64_t page = kHere / kPage, leaf = n.leaf(1, page);
  n.walk(1, page, Access::kStore);
  n.set_leaf(1, page, leaf | kBitWritable);
  n.use(1, page, Access::kStore);
  n.end();
  expect_found(Law::kCow1, n.scene());
}

TEST(Cow1, TheZeroPageIsWritableNowhere) {
  Narrator n = one_range();
  n.begin(n.store_operation(1, kHere, 8));
  n.load_space(1);
  n.walk(1, kHere / kPage, Access::kStore);
  n.set_leaf(1, kHere / kPage, entry_of(n.zero_page(), (bits_of(kReadWrite) & ~kBitDirty) | kBitSpecial));
  n.use(1, kHere / kPage, Access::kStore);
  n.end();
  expect_found(Law::kCow1, n.scene());
  Narrator load = one_range();
  load.load_by(1, kHere, bits_of(kReadWrite) & ~kBitDirty);
  expect_found(Law::kCow1, load.scene());
}

TEST(Cow2, AStoreToAPageMappedOnceReusesIt) {
  Narrator n = shared_page();
  n.exit(2);
  Narrator copying = n;
  n.store(1, kHere, 8);
  expect_legal(n.scene());
  const std::uint64_t page = kHere / kPage, old = copying.frame_at(1, kHere);
  copying.begin(copying.store_operation(1, kHere, 8));
  copying.walk(1, page, Access::kStore);
  const std::uint64_t copy = copying.take(Role::kAnon);
  copying.event(EventKind::kFrameCopied, copy, old);
  copying.break_leaf(1, page);
  copying.set_leaf(1, page, entry_of(copy, bits_of(kReadWrite)));
  copying.put(old);
  copying.use(1, page, Access::kStore);
  copying.end();
  expect_found(Law::kCow2, copying.scene());
}

}  // namespace
}  // namespace mmtwin::model
