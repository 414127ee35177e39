#include "impl/space/range_tree.h"

#include <algorithm>
#include <cinttypes>

namespace mmtwin::impl {

// What a node knows of its subtree, from its children. False: it knew that already.
bool RangeTree::pull(Ref<Range> range) {
  const Range& r = at(range);
  const unsigned tall = 1 + std::max(height(r.left), height(r.right));
  std::uint64_t lowest = r.start, highest = r.end, gap = 0;
  if (!r.left.is_none()) {
    const Range& left = at(r.left);
    lowest = left.lowest;
    gap = std::max(left.widest_gap, r.start - left.highest);
  }
  if (!r.right.is_none()) {
    const Range& right = at(r.right);
    highest = right.highest;
    gap = std::max({gap, right.widest_gap, right.lowest - r.end});
  }
  if (r.height == tall && r.lowest == lowest && r.highest == highest && r.widest_gap == gap) return false;
  Range& e = ram_.edit(range);
  e.height = static_cast<std::uint8_t>(tall);
  e.lowest = lowest;
  e.highest = highest;
  e.widest_gap = gap;
  return true;
}

void RangeTree::replace_child(Ref<Range> parent, Ref<Range> old_child, Ref<Range> new_child) {
  if (parent.is_none())
    ram_.edit(index_).root = new_child;
  else if (at(parent).left == old_child)
    ram_.edit(parent).left = new_child;
  else
    ram_.edit(parent).right = new_child;
  if (!new_child.is_none()) ram_.edit(new_child).parent = parent;
}

Ref<Range> RangeTree::rotate_left(Ref<Range> top) {
  const Ref<Range> up = at(top).right;
  replace_child(at(top).parent, top, up);
  const Ref<Range> moved = at(up).left;
  ram_.edit(top).right = moved;
  if (!moved.is_none()) ram_.edit(moved).parent = top;
  ram_.edit(up).left = top;
  ram_.edit(top).parent = up;
  pull(top);
  pull(up);
  return up;
}

Ref<Range> RangeTree::rotate_right(Ref<Range> top) {
  const Ref<Range> up = at(top).left;
  replace_child(at(top).parent, top, up);
  const Ref<Range> moved = at(up).right;
  ram_.edit(top).left = moved;
  if (!moved.is_none()) ram_.edit(moved).parent = top;
  ram_.edit(up).right = top;
  ram_.edit(top).parent = up;
  pull(top);
  pull(up);
  return up;
}

// Returns the root of the subtree, which may be another node now; none if nothing is left to be done above it.
Ref<Range> RangeTree::rebalance(Ref<Range> top) {
  const bool changed = pull(top);
  const Ref<Range> left = at(top).left, right = at(top).right;
  if (height(left) > height(right) + 1) {
    if (height(at(left).left) < height(at(left).right)) rotate_left(left);
    return rotate_right(top);
  }
  if (height(right) > height(left) + 1) {
    if (height(at(right).right) < height(at(right).left)) rotate_right(right);
    return rotate_left(top);
  }
  return changed ? top : Ref<Range>{};
}

// Nodes above know of a subtree only what pull() stores: if that stays, so does all above.
void RangeTree::retrace(Ref<Range> from) {
  for (Ref<Range> node = from; !node.is_none(); node = at(node).parent) {
    node = rebalance(node);
    if (node.is_none()) return;
  }
}

void RangeTree::insert(Ref<Range> range) {
  Range& r = ram_.edit(range);
  r.left = r.right = r.parent = {};
  r.height = 0;
  Ref<Range> parent;
  for (Ref<Range> node = root(); !node.is_none(); node = r.start < at(node).start ? at(node).left : at(node).right) {
    parent = node;
  }
  r.parent = parent;
  if (parent.is_none())
    ram_.edit(index_).root = range;
  else if (r.start < at(parent).start)
    ram_.edit(parent).left = range;
  else
    ram_.edit(parent).right = range;
  retrace(range);
}

void RangeTree::remove(Ref<Range> range) {
  if (ram_.at(index_).last_hit == range) ram_.edit(index_).last_hit = {};
  const Range r = at(range);
  if (r.left.is_none() || r.right.is_none()) {
    replace_child(r.parent, range, r.left.is_none() ? r.right : r.left);
    retrace(r.parent);
    return;
  }
  // Its successor takes its place in the tree.
  Ref<Range> heir = r.right;
  while (!at(heir).left.is_none()) heir = at(heir).left;
  const Ref<Range> above = at(heir).parent;
  if (above != range) {
    replace_child(above, heir, at(heir).right);
    ram_.edit(heir).right = r.right;
    ram_.edit(r.right).parent = heir;
  }
  replace_child(r.parent, range, heir);
  ram_.edit(heir).left = r.left;
  ram_.edit(r.left).parent = heir;
  retrace(above != range ? above : heir);
}

Ref<Range> RangeTree::first_ending_after(std::uint64_t address) const {
  Ref<Range> found;
  for (Ref<Range> node = root(); !node.is_none();) {
    const Range& r = at(node);
    if (r.end > address) {
      found = node;
      if (r.start <= address) break;
      node = r.left;
    } else {
      node = r.right;
    }
  }
  return found;
}

Ref<Range> RangeTree::find(std::uint64_t address) {
  const Ref<Range> last = ram_.at(index_).last_hit;
  if (!last.is_none() && at(last).start <= address && address < at(last).end) return last;
  const Ref<Range> found = first_ending_after(address);
  if (!found.is_none() && at(found).start <= address) ram_.edit(index_).last_hit = found;
  return found;
}

Ref<Range> RangeTree::last_starting_before(std::uint64_t address) const {
  Ref<Range> found;
  for (Ref<Range> node = root(); !node.is_none();) {
    const Range& r = at(node);
    if (r.start < address) {
      found = node;
      node = r.right;
    } else {
      node = r.left;
    }
  }
  return found;
}

Ref<Range> RangeTree::first() const {
  Ref<Range> node = root();
  while (!node.is_none() && !at(node).left.is_none()) node = at(node).left;
  return node;
}

Ref<Range> RangeTree::next(Ref<Range> range) const {
  if (!at(range).right.is_none()) {
    Ref<Range> node = at(range).right;
    while (!at(node).left.is_none()) node = at(node).left;
    return node;
  }
  Ref<Range> node = range, parent = at(range).parent;
  while (!parent.is_none() && at(parent).right == node) {
    node = parent;
    parent = at(node).parent;
  }
  return parent;
}

Ref<Range> RangeTree::prev(Ref<Range> range) const {
  if (!at(range).left.is_none()) {
    Ref<Range> node = at(range).left;
    while (!at(node).right.is_none()) node = at(node).right;
    return node;
  }
  Ref<Range> node = range, parent = at(range).parent;
  while (!parent.is_none() && at(parent).left == node) {
    node = parent;
    parent = at(node).parent;
  }
  return parent;
}

void RangeTree::dump(std::FILE* to) const {
  for (Ref<Range> node = first(); !node.is_none(); node = next(node)) {
    const Range& r = at(node);
    std::fprintf(to, "  0x%09" PRIx64 "-0x%09" PRIx64 " %c%c%c flags 0x%x accounted %u file %u offset 0x%" PRIx64
                 " family 0x%" PRIx64 " links %u\n", r.start, r.end, r.prot.has(kProtRead) ? 'r' : '-',
                 r.prot.has(kProtWrite) ? 'w' : '-', r.prot.has(kProtExec) ? 'x' : '-', r.flags.bits(), r.accounted,
                 r.file, r.offset, r.family.offset, r.links);
  }
}

std::uint32_t RangeTree::audit_below(Audit& audit, Ref<Range> top, Ref<Range> parent) const {
  if (top.is_none()) return 0;
  const Range& r = at(top);
  if (!audit.claim(r.parent == parent, "VMA-1: a range knows its place in the tree")) return 0;
  audit.claim(r.start < r.end && r.start % kPageBytes == 0 && r.end % kPageBytes == 0, "VMA-1: a range is whole pages");
  const std::uint32_t count = audit_below(audit, r.left, top) + 1 + audit_below(audit, r.right, top);
  if (!audit.is_clean()) return count;
  const unsigned left = height(r.left), right = height(r.right);
  audit.claim(left <= right + 1 && right <= left + 1 && r.height == 1 + std::max(left, right),
              "VMA-1: the tree is balanced");
  audit.claim(r.lowest == (r.left.is_none() ? r.start : at(r.left).lowest), "VMA-1: a subtree knows where it starts");
  audit.claim(r.highest == (r.right.is_none() ? r.end : at(r.right).highest), "VMA-1: a subtree knows where it ends");
  std::uint64_t gap = 0;
  if (!r.left.is_none()) {
    audit.claim(at(r.left).highest <= r.start, "VMA-1: ranges are sorted and disjoint");
    gap = std::max(at(r.left).widest_gap, r.start - at(r.left).highest);
  }
  if (!r.right.is_none()) {
    audit.claim(r.end <= at(r.right).lowest, "VMA-1: ranges are sorted and disjoint");
    gap = std::max({gap, at(r.right).widest_gap, at(r.right).lowest - r.end});
  }
  audit.claim(r.widest_gap == gap, "VMA-3: a subtree knows its widest gap");
  return count;
}

std::uint32_t RangeTree::audit(Audit& audit) const {
  const std::uint32_t count = audit_below(audit, root(), {});
  const Ref<Range> last = ram_.at(index_).last_hit;
  bool holds_last = last.is_none() || !audit.is_clean();
  for (Ref<Range> node = first(); !node.is_none() && !holds_last; node = next(node)) holds_last = node == last;
  audit.claim(holds_last, "VMA-1: the remembered range is one of the tree");
  return count;
}

}  // namespace mmtwin::impl
