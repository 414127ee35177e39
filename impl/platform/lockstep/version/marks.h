// Marks: who was changed, since the operation, the program and the snapshot began; what it takes to undo it.
//
// Laws: none; comparison after an operation, reset after a program and re-execution from a snapshot are exact only
// because every write passes here. Context: one operation at a time. Cost: a compare of the frame's stamp, about 2
// ns; a push on a list at the first touch. Reset costs what was touched. It deliberately does not forgive a write
// that went past it: every 1000th reset compares a window of the machine byte for byte with its boot image.
//
// A frame's stamp is the number of the operation that last changed it; numbers only grow, so "touched in this program"
// is stamp >= the program's first number. Contents have one more byte a frame:
//   filled: holds junk or data, not the host's zeroes    written: data, to be junked when the frame is returned
//   touched: written or junked in this program           saved: the snapshot has a copy
//   head written: data, but only in the first bytes      boot head, boot content: the boot image has it
//   unread: heads a block whose contents nobody looks at; it stays written when returned, and is junked when retaken
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "impl/platform/boot_memory.h"
#include "impl/platform/frame_descriptor.h"
#include "impl/platform/host_memory.h"
#include "version/hostile.h"
#include "version/tracked_memory.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class Marks {
 public:
  static constexpr bool kMarks = true;

  Marks(FrameDescriptor* descriptors, std::byte* ram, std::uint64_t frames, BootMemory& boot_memory);

  // ---- marking ----
  void touch(Pfn frame, FrameDescriptor& descriptor) {
    if (descriptor.stamp == clock_.operation) return;
    if (descriptor.stamp < epoch_) first_touch(frame, descriptor);
    descriptor.stamp = clock_.operation;
    changed_.push_back(frame);
  }
  // Before the contents of a frame are written.
  void touch_content(Pfn frame) {
    touch(frame, descriptors_[frame.raw()]);
    const unsigned ready = content_ready_ | kWritten;
    if ((contents_[frame.raw()] & ready) != ready) first_content_touch(frame, kWritten);
  }
  // Before bytes [0, end) of a frame are written.
  void touch_bytes(Pfn frame, std::uint64_t end) {
    if (end > kHeadBytes) return touch_content(frame);
    touch(frame, descriptors_[frame.raw()]);
    const unsigned ready = content_ready_ | kHeadWritten;
    if ((contents_[frame.raw()] & ready) != ready) first_content_touch(frame, kHeadWritten);
  }
  // A block leaves the allocator. Only frames whose contents somebody will look at need their junk.
  void taken(Pfn head, Order order, bool contents_matter);
  // A block is the allocator's again: what was written is junk now.
  void returned(Pfn head, Order order);
  void track(TrackedMemory& memory);

  // ---- time ----
  void begin_operation() {
    changed_.clear();
    if (++clock_.operation == ~std::uint32_t{0}) renumber();
  }
  std::span<const Pfn> changed_frames() const { return changed_; }
  void finish_boot();
  void reset();
  void snapshot();
  void restore();

  // Compares frames [first, first + count) and all boot structures with the boot image; only right after a reset.
  void audit_reset(Pfn first, std::uint64_t count) const;

 private:
  static constexpr std::uint64_t kHeadBytes = 128;  // a table of the small geometry
  enum Content : std::uint8_t {
    kFilled = 1,
    kWritten = 2,
    kTouched = 4,
    kSaved = 8,
    kBootHead = 16,
    kBootContent = 32,
    kHeadWritten = 64,
    kUnread = 128,
    kAnyWritten = kWritten | kHeadWritten,
  };
  struct SavedHead {
    Pfn frame;
    FrameDescriptor descriptor;
  };
  struct SavedContent {
    Pfn frame;
    std::uint8_t bits;
    std::size_t page;  // index into pages_
    PoisonMap poison;
  };
  struct SavedFrames {
    std::vector<SavedHead> heads;
    std::vector<SavedContent> contents;
    std::vector<std::byte> pages;
    std::vector<std::byte> boot_memory;
  };

  std::byte* bytes_of(Pfn frame) { return ram_ + frame.raw() * kPageBytes; }
  const std::byte* bytes_of(Pfn frame) const { return ram_ + frame.raw() * kPageBytes; }
  void first_touch(Pfn frame, FrameDescriptor& descriptor);
  void first_content_touch(Pfn frame, Content how);
  void make_junk(Pfn frame);
  void junk_what_was_written(Pfn head, std::uint64_t count);
  void fill_what_was_written(Pfn frame);
  void save_content(Pfn frame, SavedFrames& into);
  void restore_content(const SavedContent& saved, const SavedFrames& from);
  void poison_if_used(const FrameDescriptor& descriptor, Pfn frame);
  void unpoison_if_used(const FrameDescriptor& descriptor, Pfn frame);
  void reset_frames();
  void forget_snapshot();
  void renumber();
  const SavedHead* boot_head(Pfn frame) const;
  const SavedContent* boot_content(Pfn frame) const;

  FrameDescriptor* descriptors_;
  std::byte* ram_;
  std::uint64_t frames_;
  BootMemory& boot_memory_;
  HostMemory content_bits_;
  std::uint8_t* contents_;
  MarkClock clock_;
  std::uint32_t epoch_ = 1;  // the later of the program's and the snapshot's first operation
  std::uint8_t content_ready_ = kFilled | kTouched;
  std::vector<Pfn> changed_;
  std::vector<Pfn> program_;  // frames touched since boot or reset
  std::vector<TrackedMemory*> tracked_;
  SavedFrames boot_;
  SavedFrames snapshot_;
  std::uint64_t resets_ = 0;
  Pfn audited_;
};

}  // namespace mmtwin::impl
