#include "impl/phys/buddy.h"

#include <bit>

#include "impl/phys/buddy_rules.h"

namespace mmtwin::impl {

Buddy::Buddy(Hardware& hardware, unsigned index, FrameSpan span)
    : frames_(hardware.table()), zone_(*hardware.boot_memory().place<Zone>()) {
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
      UntouchedRun* run = zone_.untouched;
      while (run->end != 0) ++run;
      *run = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(first + (blocks << kMaxOrder))};
      zone_.blocks[kMaxOrder] += static_cast<std::uint32_t>(blocks);
      zone_.nonempty |= std::uint32_t{1} << kMaxOrder;
      zone_.free += blocks << kMaxOrder;
      first += blocks << kMaxOrder;
      continue;
    }
    unsigned order = 0;
    while (is_aligned<std::uint64_t>(first, order + 1) && end - first >= std::uint64_t{2} << order) ++order;
    insert(static_cast<std::uint32_t>(first), order);
    zone_.free += std::uint64_t{1} << order;
    first += std::uint64_t{1} << order;
  }
}

void Buddy::count_one_more(unsigned order) {
  ++zone_.blocks[order];
  zone_.nonempty |= std::uint32_t{1} << order;
}

void Buddy::count_one_less(unsigned order) {
  if (--zone_.blocks[order] == 0) zone_.nonempty &= ~(std::uint32_t{1} << order);
}

void Buddy::insert(std::uint32_t head, unsigned order) {
  FrameDescriptor& d = frames_.edit(Pfn(head));
  std::uint32_t& first = zone_.heads[order];
  set_tag(d, free_head_tag(order, zone_.index));
  d.next = first;
  if (first != kNoFrame) frames_.edit(Pfn(first)).prev = head;
  first = head;
  count_one_more(order);
}

// A block of a list, wherever it stands in it. Its tag is left to the caller.
void Buddy::remove(std::uint32_t head, unsigned order) {
  const FrameDescriptor& d = frames_.at(Pfn(head));
  if (zone_.heads[order] == head) {
    zone_.heads[order] = d.next;
  } else {
    check(frames_.at(Pfn(d.prev)).next == head, "BUDDY-3: the links of a free list agree with each other");
    frames_.edit(Pfn(d.prev)).next = d.next;
    if (d.next != kNoFrame) frames_.edit(Pfn(d.next)).prev = d.prev;
  }
  count_one_less(order);
}

std::uint32_t Buddy::take_first(unsigned order) {
  const std::uint32_t head = zone_.heads[order];
  if (head == kNoFrame) return take_untouched(order);
  check(tag_of(frames_.at(Pfn(head))) == free_head_tag(order, zone_.index),
        "BUDDY-3: a block on a free list is marked as free there");
  remove(head, order);
  return head;
}

std::uint32_t Buddy::take_untouched([[maybe_unused]] unsigned order) {
  UntouchedRun* run = zone_.untouched;
  while (run != zone_.untouched + kMaxHoles && run->next == run->end) ++run;
  check(order == kMaxOrder && run->next < run->end, "BUDDY-3: a zone that counts a free block has one");
  const std::uint32_t head = run->next;
  run->next += std::uint32_t{1} << kMaxOrder;
  count_one_less(kMaxOrder);
  return head;
}

std::uint32_t Buddy::take(unsigned order) {
  if constexpr (kChecked) check(zone_.lock.is_held(), "a zone's blocks change under its lock");
  const std::uint32_t usable = zone_.nonempty >> order;
  if (usable == 0) return kNoFrame;
  unsigned from = order + static_cast<unsigned>(std::countr_zero(usable));
  const std::uint32_t head = take_first(from);
  set_free(zone_.free - (std::uint64_t{1} << order));
  // Under the lock: a buddy that is freed meanwhile must not take this block for a free one.
  set_tag(frames_.edit(Pfn(head)), kInsideTag);
  for (; from > order; --from) insert(upper_half(head, from), from - 1);
  return head;
}

void Buddy::give(std::uint32_t head, unsigned order) {
  if constexpr (kChecked) check(zone_.lock.is_held(), "a zone's blocks change under its lock");
  check(is_aligned(head, order), "BUDDY-1: a free block starts at a multiple of its size");
  const std::uint32_t given = head;
  set_free(zone_.free + (std::uint64_t{1} << order));
  for (; order < kMaxOrder; ++order) {
    const std::uint32_t buddy = buddy_of(head, order);
    if (tag_of(frames_.at(Pfn(buddy))) != free_head_tag(order, zone_.index)) break;
    remove(buddy, order);
    set_tag(frames_.edit(Pfn(buddy)), kInsideTag);
    head = parent_of(head, order);
  }
  if (head != given) set_tag(frames_.edit(Pfn(given)), kInsideTag);
  insert(head, order);
}

}  // namespace mmtwin::impl
