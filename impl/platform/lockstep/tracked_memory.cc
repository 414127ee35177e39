#include "version/tracked_memory.h"

#include <cstring>

namespace mmtwin::impl {
namespace {

// Operation 1, which is still the boot.
constexpr MarkClock kBootClock;

}  // namespace

TrackedMemory::TrackedMemory(std::uint64_t bytes)
    : memory_((bytes + kChunkBytes - 1) / kChunkBytes * kChunkBytes),
      clock_(&kBootClock),
      stamps_(memory_.bytes() / kChunkBytes, 0) {}

void TrackedMemory::touch(std::size_t chunk) {
  std::uint32_t& stamp = stamps_[chunk];
  if (stamp < clock_->program_start) program_.push_back(static_cast<std::uint32_t>(chunk));
  if (stamp < clock_->snapshot_start) {
    saved_.push_back(static_cast<std::uint32_t>(chunk));
    const std::byte* from = memory_.data() + chunk * kChunkBytes;
    saved_bytes_.insert(saved_bytes_.end(), from, from + kChunkBytes);
  }
  stamp = clock_->operation;
}

void TrackedMemory::finish_boot() {
  boot_.assign(memory_.data(), memory_.data() + memory_.bytes());
  for (std::uint32_t chunk : program_) stamps_[chunk] = 0;
  program_.clear();
}

void TrackedMemory::reset() {
  for (std::uint32_t chunk : program_) {
    std::memcpy(memory_.data() + chunk * kChunkBytes, boot_.data() + chunk * kChunkBytes, kChunkBytes);
    stamps_[chunk] = 0;
  }
  program_.clear();
}

void TrackedMemory::restore() {
  for (std::size_t i = 0; i < saved_.size(); ++i) {
    std::memcpy(memory_.data() + saved_[i] * kChunkBytes, saved_bytes_.data() + i * kChunkBytes, kChunkBytes);
    stamps_[saved_[i]] = clock_->program_start;
  }
  forget_snapshot();
}

void TrackedMemory::forget_snapshot() {
  saved_.clear();
  saved_bytes_.clear();
}

void TrackedMemory::renumber() {
  for (std::uint32_t chunk : program_) stamps_[chunk] = 1;
  for (std::uint32_t chunk : saved_) stamps_[chunk] = 2;
}

bool TrackedMemory::is_as_at_boot() const {
  return std::memcmp(memory_.data(), boot_.data(), memory_.bytes()) == 0;
}

}  // namespace mmtwin::impl
