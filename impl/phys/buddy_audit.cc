#include "impl/phys/buddy.h"
#include "impl/phys/buddy_rules.h"

namespace mmtwin::impl {

void Buddy::dump(std::FILE* to) const {
  std::fprintf(to, "zone %u frames %llu..%llu managed %llu free %llu\n", zone_.index,
               static_cast<unsigned long long>(zone_.span.first.raw()),
               static_cast<unsigned long long>(zone_.span.end().raw()), static_cast<unsigned long long>(zone_.managed),
               static_cast<unsigned long long>(zone_.free));
  for (unsigned order = 0; order <= kMaxOrder; ++order) {
    std::fprintf(to, "zone %u order %u blocks %u:", zone_.index, order, zone_.blocks[order]);
    for (std::uint32_t at = zone_.heads[order]; at != kNoFrame; at = frames_.at(Pfn(at)).next) {
      std::fprintf(to, " %u", at);
    }
    std::fprintf(to, "\n");
  }
  for (const UntouchedRun& run : zone_.untouched) {
    if (run.next != run.end) std::fprintf(to, "zone %u untouched %u..%u\n", zone_.index, run.next, run.end);
  }
}

// Frames in the blocks of one list.
std::uint64_t Buddy::audit_list(Audit& audit, unsigned order) const {
  std::uint64_t blocks = 0;
  std::uint32_t before = kNoFrame;
  for (std::uint32_t at = zone_.heads[order]; at != kNoFrame && audit.is_clean(); at = frames_.at(Pfn(at)).next) {
    const FrameDescriptor& d = frames_.at(Pfn(at));
    audit.claim(d.tag == free_head_tag(order, zone_.index), "BUDDY-3: a block on a free list is marked as free there");
    audit.claim(before == kNoFrame || d.prev == before, "BUDDY-3: the links of a free list agree with each other");
    audit.claim(is_aligned(at, order), "BUDDY-1: a free block starts at a multiple of its size");
    audit.claim(zone_.span.contains(Pfn(at)) && zone_.span.contains(Pfn(at + (1u << order) - 1)),
          "BUDDY-1: a free block lies inside its zone");
    audit.claim(order == zone_.top_order || frames_.at(Pfn(buddy_of(at, order))).tag != d.tag,
          "BUDDY-2: two free buddies are one block");
    before = at;
    ++blocks;
    audit.claim(blocks <= zone_.blocks[order], "BUDDY-3: a list holds as many blocks as its zone counts");
  }
  if (order == zone_.top_order) {
    for (const UntouchedRun& run : zone_.untouched) blocks += (run.end - run.next) >> order;
  }
  audit.claim(blocks == zone_.blocks[order], "BUDDY-3: a list holds as many blocks as its zone counts");
  return blocks << order;
}

void Buddy::audit_buddy(Audit& audit) const {
  std::uint64_t on_lists = 0;
  for (unsigned order = 0; order <= kMaxOrder && audit.is_clean(); ++order) {
    on_lists += audit_list(audit, order);
    audit.claim((zone_.blocks[order] != 0) == ((zone_.nonempty >> order & 1) != 0),
                "BUDDY-3: the mask names the full lists");
  }
  // Every frame of the span in order: from head to head, free blocks counted again from the descriptors.
  std::uint64_t free = 0;
  std::uint64_t present = 0;
  for (std::uint64_t at = zone_.span.first.raw(); at < zone_.span.end().raw() && audit.is_clean();) {
    const std::uint32_t tag = frames_.at(Pfn(at)).tag;
    std::uint64_t pages = 1;
    if (zone_.is_untouched(at)) {
      audit.claim(state_of(tag) == BlockState::kInside, "FRAME-1: an untouched block heads nothing else");
      pages = std::uint64_t{1} << zone_.top_order;
      free += pages;
    } else if (state_of(tag) != BlockState::kInside) {
      audit.claim(zone_of(tag) == zone_.index, "BUDDY-1: a block names the zone it lies in");
      pages = std::uint64_t{1} << order_of(tag);
      if (state_of(tag) == BlockState::kFreeHead) free += pages;
    } else {
      --present;  // absent: counted below like a frame, so taken off here
    }
    for (std::uint64_t inner = at + 1; inner < at + pages; ++inner) {
      audit.claim(state_of(frames_.at(Pfn(inner)).tag) == BlockState::kInside,
                  "FRAME-1: no block heads lie in another");
    }
    present += pages;
    at += pages;
  }
  audit.claim(free == zone_.free && on_lists == free, "ACCT-1: a zone counts the free frames it has");
  audit.claim(present == zone_.managed, "FRAME-1: every frame lies in one block");
}

}  // namespace mmtwin::impl
