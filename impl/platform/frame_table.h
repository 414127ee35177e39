// FrameTable: the array of frame descriptors, as a handle that whoever works with many frames keeps by value.
//
// Laws: none. Context: descriptors say who may change them. Cost: a shift and an add; in lockstep builds a mark for
// every change. It deliberately gives no mutable reference but through edit().
#pragma once

#include <cstdint>

#include "impl/base/check.h"
#include "impl/platform/frame_descriptor.h"
#include "version/marks.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class FrameTable {
 public:
  FrameTable(FrameDescriptor* descriptors, std::uint64_t frames, Marks& marks)
      : descriptors_(descriptors), frames_(frames), marks_(&marks) {}

  // Frames [0, frames()) have a descriptor: the description's limit rounded up to a whole block of the top order.
  std::uint64_t frames() const { return frames_; }
  const FrameDescriptor& at(Pfn frame) const {
    check(frame.raw() < frames_, "FRAME-1: a frame number lies inside the machine");
    return descriptors_[frame.raw()];
  }
  // The one way to change a descriptor. In lockstep builds the reference is good until the next begin_operation().
  FrameDescriptor& edit(Pfn frame) const {
    check(frame.raw() < frames_, "FRAME-1: a frame number lies inside the machine");
    FrameDescriptor& descriptor = descriptors_[frame.raw()];
    marks_->touch(frame, descriptor);
    return descriptor;
  }

 private:
  FrameDescriptor* descriptors_;
  std::uint64_t frames_;
  Marks* marks_;
};

}  // namespace mmtwin::impl
