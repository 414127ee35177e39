#include "impl/phys/buddy.h"

#include <bit>

#include "impl/phys/buddy_rules.h"

namespace mmtwin::impl {

Buddy::Buddy(Hardware& hardware, unsigned index, FrameSpan span)
    : frames_(hardware.table()), zone_(*hardware.boot_memory().place<Zone>()) {
  zone_.index = index;
  zone_.span = span;
  zone_.top_order = hardware.machine().top_order;
  for (std::uint32_t& head : zone_.heads) head = kNoFrame;
  // From gap to gap. They may come in any order, so the next one is searched for each time.
  std::uint64_t at = span.first.raw();
  while (at < span.end().raw()) {
    std::uint64_t end = span.end().raw();
    std::uint64_t next = end;
    const auto stop_before = [&](const FrameSpan& gap) {
      if (gap.count.raw() == 0 || gap.end().raw() <= at || gap.first.raw() >= end) return;
      end = gap.first.raw() > at ? gap.first.raw() : at;
      next = gap.end().raw();
    };
    for (const FrameSpan& hole : hardware.machine().hole) stop_before(hole);
    for (const FrameSpan& reserved : hardware.machine().reserved) stop_before(reserved);
    if (end > at) boot_range(at, end);
    at = next;
  }
  zone_.managed = zone_.free;
}

void Buddy::boot_range(std::uint64_t first, std::uint64_t end) {
  const unsigned top = zone_.top_order;
  while (first < end) {
    if (is_aligned<std::uint64_t>(first, top) && end - first >= std::uint64_t{1} << top) {
      const std::uint64_t blocks = (end - first) >> top;
      UntouchedRun* run = zone_.untouched;
      while (run->end != 0) ++run;
      *run = {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(first + (blocks << top))};
      zone_.blocks[top] += static_cast<std::uint32_t>(blocks);
      zone_.nonempty |= std::uint32_t{1} << top;
      zone_.free += blocks << top;
      first += blocks << top;
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
  while (run != zone_.untouched + (kMaxRuns - 1) && run->next == run->end) ++run;
  check(order == zone_.top_order && run->next < run->end, "BUDDY-3: a zone that counts a free block has one");
  const std::uint32_t head = run->next;
  run->next += std::uint32_t{1} << zone_.top_order;
  count_one_less(zone_.top_order);
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
  for (const unsigned top = zone_.top_order; order < top; ++order) {
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
