#include "impl/phys/buddy.h"

#include <bit>

#include "impl/phys/buddy_rules.h"

namespace mmtwin::impl {

Buddy::Buddy(Hardware& hardware, unsigned index, FrameSpan span)
    : hardware_(hardware), zone_(*hardware.boot_memory().place<Zone>()), top_(hardware, span) {
  zone_.index = index;
  zone_.span = span;
  for (std::uint32_t& head : zone_.heads) head = kNoFrame;
  // From hole to hole. Holes may come in any order, so the next one is searched for each time.
  std::uint64_t at = span.first.raw();
  while (at < span.end().raw()) {
    std::uint64_t end = span.end().raw();
    std::uint64_t next = end;
    for (const FrameSpan& hole : hardware.machine().hole) {
      if (hole.count.raw() == 0 || hole.end().raw() <= at || hole.first.raw() >= end) continue;
      end = hole.first.raw() > at ? hole.first.raw() : at;
      next = hole.end().raw();
    }
    if (end > at) boot_range(at, end);
    at = next;
  }
  zone_.managed = zone_.free;
}

void Buddy::boot_range(std::uint64_t first, std::uint64_t end) {
  constexpr std::uint64_t kTopPages = std::uint64_t{1} << kMaxOrder;
  while (first < end) {
    if (is_aligned<std::uint64_t>(first, kMaxOrder) && end - first >= kTopPages) {
      const std::uint64_t blocks = (end - first) >> kMaxOrder;
      top_.insert_run(first >> kMaxOrder, blocks);
      count(kMaxOrder, static_cast<std::uint32_t>(blocks));
      first += blocks << kMaxOrder;
      continue;
    }
    unsigned order = 0;
    while (is_aligned<std::uint64_t>(first, order + 1) && end - first >= std::uint64_t{2} << order) ++order;
    insert(static_cast<std::uint32_t>(first), order);
    first += std::uint64_t{1} << order;
  }
}

// `by` blocks more, or fewer if it is negative as a two's complement.
void Buddy::count(unsigned order, std::uint32_t by) {
  zone_.blocks[order] += by;
  const auto pages = static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(by)) << order);
  store_relaxed(zone_.free, zone_.free + pages);
  const std::uint32_t bit = std::uint32_t{1} << order;
  zone_.nonempty = zone_.blocks[order] != 0 ? zone_.nonempty | bit : zone_.nonempty & ~bit;
}

void Buddy::insert(std::uint32_t head, unsigned order) {
  if (order == kMaxOrder) {
    set_tag(hardware_.edit(Pfn(head)), kInsideTag);
    top_.insert(head >> kMaxOrder);
  } else {
    FrameDescriptor& d = hardware_.edit(Pfn(head));
    std::uint32_t& first = zone_.heads[order];
    set_tag(d, free_head_tag(order, zone_.index));
    d.next = first;
    d.prev = kNoFrame;
    if (first != kNoFrame) hardware_.edit(Pfn(first)).prev = head;
    first = head;
  }
  count(order, 1);
}

// A block of a list, wherever it stands in it. Its tag is left to the caller.
void Buddy::remove(std::uint32_t head, unsigned order) {
  const FrameDescriptor& d = hardware_.frame(Pfn(head));
  if (zone_.heads[order] == head) {
    zone_.heads[order] = d.next;
  } else {
    check(hardware_.frame(Pfn(d.prev)).next == head, "BUDDY-3: the links of a free list agree with each other");
    hardware_.edit(Pfn(d.prev)).next = d.next;
    if (d.next != kNoFrame) hardware_.edit(Pfn(d.next)).prev = d.prev;
  }
  count(order, ~std::uint32_t{0});
}

std::uint32_t Buddy::take_first(unsigned order) {
  if (order == kMaxOrder) {
    const std::uint64_t block = top_.lowest();
    top_.remove(block);
    count(order, ~std::uint32_t{0});
    return static_cast<std::uint32_t>(block << kMaxOrder);
  }
  const std::uint32_t head = zone_.heads[order];
  check(head != kNoFrame, "BUDDY-3: a zone that counts a free block has one");
  check(tag_of(hardware_.frame(Pfn(head))) == free_head_tag(order, zone_.index),
        "BUDDY-3: a block on a free list is marked as free there");
  remove(head, order);
  return head;
}

std::uint32_t Buddy::take(unsigned order) {
  check(zone_.lock.is_held(), "a zone's blocks change under its lock");
  const std::uint32_t usable = zone_.nonempty >> order;
  if (usable == 0) return kNoFrame;
  unsigned from = order + static_cast<unsigned>(std::countr_zero(usable));
  const std::uint32_t head = take_first(from);
  // Under the lock: a buddy that is freed meanwhile must not take this block for a free one.
  if (from != kMaxOrder) set_tag(hardware_.edit(Pfn(head)), kInsideTag);
  for (; from > order; --from) insert(upper_half(head, from), from - 1);
  return head;
}

void Buddy::give(std::uint32_t head, unsigned order) {
  check(zone_.lock.is_held(), "a zone's blocks change under its lock");
  check(is_aligned(head, order), "BUDDY-1: a free block starts at a multiple of its size");
  const std::uint32_t given = head;
  for (; order < kMaxOrder; ++order) {
    const std::uint32_t buddy = buddy_of(head, order);
    if (tag_of(hardware_.frame(Pfn(buddy))) != free_head_tag(order, zone_.index)) break;
    remove(buddy, order);
    set_tag(hardware_.edit(Pfn(buddy)), kInsideTag);
    head = parent_of(head, order);
  }
  if (head != given) set_tag(hardware_.edit(Pfn(given)), kInsideTag);
  insert(head, order);
}

}  // namespace mmtwin::impl
