// The bytes of a machine's frames, as a plug-in and the owners of its blocks see them.
//
// Laws: none. Context: one a process, since a C function without context answers for it. Cost: address space for all
// frames, memory for those that were touched; beyond them nothing is mapped. Owners mark some pages of a block, those
// where an allocator's own marks would stand: the first, each at a power of two, the last. It deliberately lives
// outside of what limits the plug-in's own memory.
#pragma once

#include <cstdint>
#include <optional>

namespace mmtwin::lockstep {

class FrameArena {
 public:
  FrameArena() = default;
  ~FrameArena();
  FrameArena(const FrameArena&) = delete;
  FrameArena& operator=(const FrameArena&) = delete;

  // All frames are zero from now on. False: there is no address space for so many.
  bool reset(std::uint64_t frames);
  std::uint64_t frames() const { return frames_; }
  std::uint8_t* bytes(std::uint64_t frame) const { return base_ + frame * 4096; }

  // An owner leaves its marks in the block. `owner` differs from block to block.
  void mark(std::uint64_t frame, std::uint64_t pages, std::uint64_t owner);
  // A marked frame whose marks are not those of the owner; nullopt: none.
  std::optional<std::uint64_t> find_changed(std::uint64_t frame, std::uint64_t pages, std::uint64_t owner) const;
  // A frame of those that would be marked that is not zero.
  std::optional<std::uint64_t> find_nonzero(std::uint64_t frame, std::uint64_t pages) const;

 private:
  void unmap();

  std::uint8_t* base_ = nullptr;
  std::uint64_t frames_ = 0;
};

}  // namespace mmtwin::lockstep
