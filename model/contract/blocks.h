// Blocks: page frames as answers. Which ones a program was given, and which it may be given next.
//
// Laws: FRAME-1, BUDDY-1, ZONE-1, as far as answers show them. Context: one thread. Cost: a bit a frame, in pieces made
// on demand; a choice of a place looks at the zone's frames. Here alone the contract speaks of frame numbers: blocks
// are disjoint, aligned to their size, in one zone that the request may have, and made of frames that exist and are not
// reserved.
// Source: Linux Documentation/core-api/mm-api.rst, "The Page Allocator" and Documentation/mm/physical_memory.rst.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/contract/zones.h"
#include "vocab/refusals.h"

namespace mmtwin::model {

struct Block {
  std::uint64_t frame = 0;
  std::uint64_t pages = 0;  // 0: there is none
  unsigned order = 0;
  bool exact = false;  // of pages_alloc_exact: `pages` frames of order 0 in a row
  bool given_back = false;
  friend bool operator==(const Block&, const Block&) = default;
};

class Blocks {
 public:
  void start(const MachineDescription& machine);

  // What a request for 2^order frames prefers and may have.
  Wish wish(Gfp gfp, unsigned order, NodeId node, CpuId cpu) const;
  // May the request be answered with the block that begins at `frame`, of which the first `pages` are kept?
  bool may_be(const Wish& wish, std::uint64_t pages, std::uint64_t frame) const;
  // Why not, in words: "reaches beyond the end of its zone"; of one that may be: nothing.
  std::string objection(const Wish& wish, std::uint64_t pages, std::uint64_t frame) const;
  // The lowest one in the first zone of the list that has one.
  std::optional<std::uint64_t> plainest(const Wish& wish, std::uint64_t pages) const;
  // Were a single frame to be refused to this request: is so much asked for, `others` pages for other ends included,
  // that memory may be short? Of 1024 frames of a zone a system may need `overhead` for itself.
  bool may_be_short(const Wish& wish, std::uint64_t others, std::uint64_t overhead) const;

  bool holds(unsigned handle) const { return handle < by_handle_.size() && by_handle_[handle].pages != 0; }
  const Block& at(unsigned handle) const { return by_handle_[handle]; }
  // The handle, 1 or higher, which is empty or becomes so, holds the block; of no pages: it is empty.
  void put(unsigned handle, const Block& block);
  // The handle's block is nobody's any more, but the handle is not empty yet.
  void give_back(unsigned handle);

 private:
  // A span of frames that no block may have, if any, in [from, to): its end.
  std::optional<std::uint64_t> obstacle(std::uint64_t from, std::uint64_t to) const;
  FrameSpan zone(unsigned number) const {
    return machine_.node[number / kZoneKinds].zones[number % kZoneKinds];
  }
  std::uint64_t given_in(const FrameSpan& zone) const;

  static constexpr std::uint64_t kPieceFrames = 4096;
  using Piece = std::array<std::uint64_t, kPieceFrames / 64>;  // bit f: frame f is given
  void set_given(const Block& block, bool is_given);
  std::uint64_t given_word(std::uint64_t frame) const {
    const Piece* const piece = frame / kPieceFrames < pieces_.size() ? pieces_[frame / kPieceFrames].get() : nullptr;
    return piece != nullptr ? (*piece)[frame % kPieceFrames / 64] : 0;
  }
  // Of [from, to) the first frame that is given, `to`: none.
  std::uint64_t first_given(std::uint64_t from, std::uint64_t to) const;
  std::uint64_t end_of_given(std::uint64_t frame) const;

  MachineDescription machine_;
  NodeOrders nearest_{};
  std::vector<Block> by_handle_;
  std::vector<std::unique_ptr<Piece>> pieces_;
};

}  // namespace mmtwin::model
