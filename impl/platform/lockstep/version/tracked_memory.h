// TrackedMemory: metadata besides frames and descriptors, marked in chunks of 512 bytes.
//
// Laws: none. Context: one operation at a time. Cost: a compare a write; reset and snapshot copy touched chunks only.
// It deliberately reports no frames: what a chunk means is not comparable state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "impl/platform/host_memory.h"

namespace mmtwin::impl {

// The numbers that stamps are compared with.
struct MarkClock {
  std::uint32_t operation = 1;
  std::uint32_t program_start = 1;
  std::uint32_t snapshot_start = 0;  // 0: no snapshot
};

class TrackedMemory {
 public:
  static constexpr unsigned kChunkShift = 9;
  static constexpr std::size_t kChunkBytes = std::size_t{1} << kChunkShift;

  explicit TrackedMemory(std::uint64_t bytes);

  const std::byte* data() const { return memory_.data(); }
  std::byte* edit(std::uint64_t offset) {
    const std::size_t chunk = offset >> kChunkShift;
    if (stamps_[chunk] != clock_->operation) touch(chunk);
    return memory_.data() + offset;
  }

  // ---- for Marks ----
  void attach(const MarkClock& clock) { clock_ = &clock; }
  void finish_boot();
  void reset();
  void restore();
  void forget_snapshot();
  void renumber();  // stamps become 1 (touched in the program) or 2 (saved by the snapshot)
  bool is_as_at_boot() const;

 private:
  void touch(std::size_t chunk);

  HostMemory memory_;
  const MarkClock* clock_;
  std::vector<std::uint32_t> stamps_;
  std::vector<std::uint32_t> program_;  // chunks
  std::vector<std::uint32_t> saved_;    // chunks, their bytes in the same order below
  std::vector<std::byte> saved_bytes_;
  std::vector<std::byte> boot_;
};

}  // namespace mmtwin::impl
