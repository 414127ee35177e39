// Fork and copy on write, in both directions.
#include <gtest/gtest.h>

#include "tests/impl/test_mm_world.h"

namespace mmtwin::impl {
namespace {

template <class Geometry>
class Cow : public testing::Test {
 protected:
  std::size_t copies() const { return world.seen.count(EventKind::kFrameCopied); }
  WorldOf<Geometry> world;
  SpaceId parent = world.create();
};
using Geometries = testing::Types<SmallGeometry, X86Geometry>;
TYPED_TEST_SUITE(Cow, Geometries);

TYPED_TEST(Cow, TheParentsStoresStayTheParents) {
  auto& w = this->world;
  w.map(this->parent, 0, 4);
  w.store(this->parent, 0, 1);
  const SpaceId child = w.mm.space_fork(kCpu0, this->parent).value();
  w.store(this->parent, 0, 2);
  EXPECT_EQ(this->copies(), 1u);
  EXPECT_EQ(w.load(child, 0, kCpu1), 1u);
  EXPECT_EQ(w.load(this->parent, 0), 2u);
  w.store(child, 0, 3, kCpu1);
  EXPECT_EQ(this->copies(), 1u) << "the child's page is mapped once now";
  EXPECT_EQ(w.load(this->parent, 0), 2u);
  w.audit({this->parent, child});
}

TYPED_TEST(Cow, TheChildsStoresStayTheChilds) {
  auto& w = this->world;
  w.map(this->parent, 0, 4);
  w.store(this->parent, 0, 1);
  const SpaceId child = w.mm.space_fork(kCpu0, this->parent).value();
  w.store(child, 0, 2);
  w.store(child, 1, 5);
  EXPECT_EQ(w.load(this->parent, 0), 1u);
  EXPECT_EQ(w.load(this->parent, 1), 0u);
  w.mm.space_exit(kCpu0, child);
  w.store(this->parent, 0, 9);
  EXPECT_EQ(this->copies(), 1u) << "the sharer is gone, the page is reused";
  w.audit({this->parent});
}

TYPED_TEST(Cow, PagesMerelyReadAreNotCopiedWithoutAFamily) {
  auto& w = this->world;
  w.map(this->parent, 0, 4);
  w.load(this->parent, 0);
  const SpaceId child = w.mm.space_fork(kCpu0, this->parent).value();
  EXPECT_EQ(w.space(child).tables.tables, 1u) << "nothing but the root";
  w.store(this->parent, 1, 1);
  const SpaceId second = w.mm.space_fork(kCpu0, this->parent).value();
  EXPECT_EQ(w.space(second).tables.tables, 4u);
  EXPECT_EQ(w.space(second).tables.resident, 1u);
  EXPECT_EQ(w.load(second, 0), 0u);
  w.audit({this->parent, child, second});
}

TYPED_TEST(Cow, AGrandchildReusesTheFamilyThatNobodyUses) {
  auto& w = this->world;
  w.map(this->parent, 0, 1);
  w.store(this->parent, 0, 1);
  const SpaceId child = w.mm.space_fork(kCpu0, this->parent).value();
  const Ref<Family> abandoned = w.range_at(child, 0).family;
  const SpaceId grandchild = w.mm.space_fork(kCpu0, child).value();
  EXPECT_EQ(w.range_at(grandchild, 0).links, 3);
  w.mm.space_exit(kCpu0, child);
  const SpaceId last = w.mm.space_fork(kCpu0, grandchild).value();
  EXPECT_EQ(w.range_at(last, 0).family, abandoned) << "fewer than two children, no range of its own";
  EXPECT_EQ(w.range_at(last, 0).links, 3);
  w.audit({this->parent, grandchild, last});
}

TYPED_TEST(Cow, ChildrenOfEqualNeighboursStayApart) {
  auto& w = this->world;
  w.map(this->parent, 0, 2);
  w.map(this->parent, 3, 2);
  w.store(this->parent, 0, 1);
  w.store(this->parent, 3, 1);
  w.map(this->parent, 2, 1);
  EXPECT_EQ(w.drawing(this->parent), "AAABB....");
  const SpaceId child = w.mm.space_fork(kCpu0, this->parent).value();
  EXPECT_EQ(w.drawing(child), "AAABB....");
}

TYPED_TEST(Cow, ANeighboursFamilyIsSharedAtTheFirstStore) {
  auto& w = this->world;
  w.map(this->parent, 0, 2);
  w.store(this->parent, 0, 1);
  w.map(this->parent, 2, 2, kProtRead);
  w.protect(this->parent, 2, 2, kRw);
  EXPECT_EQ(w.drawing(this->parent), "AAAA.....");
  w.map(this->parent, 4, 2, kRw | kProtExec);
  w.store(this->parent, 4, 1);
  EXPECT_EQ(w.drawing(this->parent), "AAAABB...");
  EXPECT_EQ(w.range_at(this->parent, 4).family, w.range_at(this->parent, 0).family);
}

TYPED_TEST(Cow, ProtectionsComeAndGo) {
  auto& w = this->world;
  w.map(this->parent, 0, 4);
  w.store(this->parent, 0, 7);
  w.load(this->parent, 1);
  w.protect(this->parent, 0, 4, kProtNone);
  EXPECT_EQ(w.load(this->parent, 0), 10000 + static_cast<std::uint64_t>(Refusal::kSegvAccErr));
  w.protect(this->parent, 0, 4, kProtRead);
  EXPECT_EQ(w.load(this->parent, 0), 7u);
  EXPECT_EQ(w.load(this->parent, 1), 0u);
  EXPECT_EQ(w.store(this->parent, 0, 1), Refusal::kSegvAccErr);
  const SpaceId child = w.mm.space_fork(kCpu0, this->parent).value();
  w.protect(child, 0, 4, kRw);
  w.store(child, 0, 8);
  w.store(child, 1, 9);
  EXPECT_EQ(w.load(this->parent, 0), 7u);
  w.protect(this->parent, 0, 4, kProtExec);
  EXPECT_EQ(w.mm.memory_fetch(kCpu0, this->parent, w.page(0), 1).value(), 7u);
  w.audit({this->parent, child});
}

}  // namespace
}  // namespace mmtwin::impl
