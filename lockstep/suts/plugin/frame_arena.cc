#include "lockstep/suts/plugin/frame_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace mmtwin::lockstep {
namespace {

constexpr std::uint64_t kBytes = 4096;
constexpr std::uint64_t kMargin = std::uint64_t{16} << 20;  // on both sides, where nothing is
constexpr std::uint64_t kOffsets[] = {0, 8, 16, 2048, 4088};  // of the marks in a page

// Neither zero nor an address.
std::uint64_t mark_at(std::uint64_t frame, std::uint64_t owner, std::uint64_t offset) {
  return (frame * 0x9e3779b97f4a7c15 ^ owner * 0xbf58476d1ce4e5b9 ^ offset) | 0x8000000000000001;
}

// True: `stop` was.
template <class Stop>
bool for_each_marked(std::uint64_t frame, std::uint64_t pages, const Stop& stop) {
  if (stop(frame)) return true;
  for (std::uint64_t page = 1; page < pages; page *= 2)
    if (stop(frame + page)) return true;
  return pages > 2 && stop(frame + pages - 1);
}

}  // namespace

FrameArena::~FrameArena() { unmap(); }

void FrameArena::unmap() {
  if (base_ != nullptr) ::munmap(base_ - kMargin, frames_ * kBytes + 2 * kMargin);
  base_ = nullptr;
  frames_ = 0;
}

bool FrameArena::reset(std::uint64_t frames) {
  if (frames == frames_) return ::madvise(base_, frames * kBytes, MADV_REMOVE) == 0;
  unmap();
  void* const memory = ::mmap(nullptr, frames * kBytes + 2 * kMargin, PROT_NONE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  base_ = static_cast<std::uint8_t*>(memory) + kMargin;
  frames_ = frames;
  return ::mprotect(base_, frames * kBytes, PROT_READ | PROT_WRITE) == 0;
}

void FrameArena::mark(std::uint64_t frame, std::uint64_t pages, std::uint64_t owner) {
  for_each_marked(frame, pages, [&](std::uint64_t at) {
    for (const std::uint64_t offset : kOffsets) {
      const std::uint64_t mark = mark_at(at, owner, offset);
      std::memcpy(bytes(at) + offset, &mark, sizeof mark);
    }
    return false;
  });
}

std::optional<std::uint64_t> FrameArena::find_changed(std::uint64_t frame, std::uint64_t pages,
                                                      std::uint64_t owner) const {
  std::optional<std::uint64_t> found;
  for_each_marked(frame, pages, [&](std::uint64_t at) {
    const bool is_kept = std::all_of(std::begin(kOffsets), std::end(kOffsets), [&](std::uint64_t offset) {
      const std::uint64_t mark = mark_at(at, owner, offset);
      return std::memcmp(bytes(at) + offset, &mark, sizeof mark) == 0;
    });
    if (!is_kept) found = at;
    return !is_kept;
  });
  return found;
}

std::optional<std::uint64_t> FrameArena::find_nonzero(std::uint64_t frame, std::uint64_t pages) const {
  std::optional<std::uint64_t> found;
  for_each_marked(frame, pages, [&](std::uint64_t at) {
    const bool is_zero = std::all_of(bytes(at), bytes(at) + kBytes, [](std::uint8_t byte) { return byte == 0; });
    if (!is_zero) found = at;
    return !is_zero;
  });
  return found;
}

}  // namespace mmtwin::lockstep
