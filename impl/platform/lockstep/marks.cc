#include "version/marks.h"

#include <algorithm>
#include <cstring>

#include "impl/base/check.h"

namespace mmtwin::impl {
namespace {

// How much of the machine one audit of a reset compares.
constexpr std::uint64_t kAuditedResets = 1000;
constexpr std::uint64_t kAuditedFrames = 8192;

std::uint64_t frames_of(const FrameDescriptor& head) { return std::uint64_t{1} << order_of(head.tag); }

bool is_used(const FrameDescriptor& descriptor) { return state_of(descriptor.tag) == BlockState::kUsedHead; }

template <class Saved>
const Saved* find_frame(const std::vector<Saved>& sorted, Pfn frame) {
  const auto at = std::lower_bound(sorted.begin(), sorted.end(), frame,
                                   [](const Saved& saved, Pfn wanted) { return saved.frame < wanted; });
  return at != sorted.end() && at->frame == frame ? &*at : nullptr;
}

}  // namespace

Marks::Marks(FrameDescriptor* descriptors, std::byte* ram, std::uint64_t frames, BootMemory& boot_memory)
    : descriptors_(descriptors),
      ram_(ram),
      frames_(frames),
      boot_memory_(boot_memory),
      content_bits_(frames),
      contents_(reinterpret_cast<std::uint8_t*>(content_bits_.data())) {}

void Marks::track(TrackedMemory& memory) {
  memory.attach(clock_);
  tracked_.push_back(&memory);
}

// ---- marking ----

void Marks::first_touch(Pfn frame, FrameDescriptor& descriptor) {
  if (descriptor.stamp < clock_.program_start) program_.push_back(frame);
  if (descriptor.stamp < clock_.snapshot_start) snapshot_.heads.push_back({frame, descriptor});
}

void Marks::first_content_touch(Pfn frame, Content how) {
  std::uint8_t& bits = contents_[frame.raw()];
  if ((bits & kFilled) == 0) fill_with_junk(bytes_of(frame), frame, kPageBytes);
  bits |= kFilled;
  if (clock_.snapshot_start != 0 && (bits & kSaved) == 0) {
    save_content(frame, snapshot_);
    bits |= kSaved;
  }
  bits |= how | kTouched;
}

void Marks::taken(Pfn head, Order order, bool contents_matter) {
  const std::uint64_t count = pages_in(order).raw();
  unpoison(bytes_of(head), count * kPageBytes);
  if (!contents_matter) {
    contents_[head.raw()] |= kUnread;
    return;
  }
  contents_[head.raw()] &= static_cast<std::uint8_t>(~kUnread);
  for (std::uint64_t i = head.raw(); i < head.raw() + count; ++i) {
    if ((contents_[i] & kAnyWritten) != 0) {
      make_junk(Pfn(i));
    } else if ((contents_[i] & kFilled) == 0) {
      fill_with_junk(bytes_of(Pfn(i)), Pfn(i), kPageBytes);
      contents_[i] |= kFilled;
    }
  }
}

void Marks::fill_what_was_written(Pfn frame) {
  std::uint8_t& bits = contents_[frame.raw()];
  fill_with_junk(bytes_of(frame), frame, (bits & kWritten) != 0 ? kPageBytes : kHeadBytes);
  bits &= static_cast<std::uint8_t>(~kAnyWritten);
}

void Marks::make_junk(Pfn frame) {
  (contents_[frame.raw()] & kWritten) != 0 ? touch_content(frame) : touch_bytes(frame, kHeadBytes);
  fill_what_was_written(frame);
}

// Junk first: a snapshot that saves a frame now is to find it as its user left it, not poisoned.
void Marks::returned(Pfn head, Order order) {
  junk_what_was_written(head, pages_in(order).raw());
  poison(bytes_of(head), pages_in(order).raw() * kPageBytes);
}

void Marks::junk_what_was_written(Pfn head, std::uint64_t count) {
  if ((contents_[head.raw()] & kUnread) != 0) {
    contents_[head.raw()] &= static_cast<std::uint8_t>(~kUnread);
    return;
  }
  constexpr std::uint64_t kEightWritten = 0x0101010101010101 * kAnyWritten;
  if (count < 8) {
    for (std::uint64_t i = head.raw(); i < head.raw() + count; ++i) {
      if ((contents_[i] & kAnyWritten) != 0) make_junk(Pfn(i));
    }
  } else {
    for (std::uint64_t i = head.raw(); i < head.raw() + count; i += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, contents_ + i, 8);
      if ((eight & kEightWritten) == 0) continue;
      for (std::uint64_t j = i; j < i + 8; ++j) {
        if ((contents_[j] & kAnyWritten) != 0) make_junk(Pfn(j));
      }
    }
  }
}

// ---- saved frames ----

void Marks::save_content(Pfn frame, SavedFrames& into) {
  const std::size_t page = into.pages.size() / kPageBytes;
  into.pages.resize(into.pages.size() + kPageBytes);
  copy_frame(into.pages.data() + page * kPageBytes, bytes_of(frame));
  into.contents.push_back({frame, contents_[frame.raw()], page, poison_map_of(bytes_of(frame))});
}

void Marks::restore_content(const SavedContent& saved, const SavedFrames& from) {
  copy_frame(bytes_of(saved.frame), from.pages.data() + saved.page * kPageBytes);
  apply_poison_map(bytes_of(saved.frame), saved.poison);
}

void Marks::poison_if_used(const FrameDescriptor& descriptor, Pfn frame) {
  if (kPoisons && is_used(descriptor)) poison(bytes_of(frame), frames_of(descriptor) * kPageBytes);
}

void Marks::unpoison_if_used(const FrameDescriptor& descriptor, Pfn frame) {
  if (kPoisons && is_used(descriptor)) unpoison(bytes_of(frame), frames_of(descriptor) * kPageBytes);
}

const Marks::SavedHead* Marks::boot_head(Pfn frame) const {
  return (contents_[frame.raw()] & kBootHead) != 0 ? find_frame(boot_.heads, frame) : nullptr;
}

const Marks::SavedContent* Marks::boot_content(Pfn frame) const {
  return (contents_[frame.raw()] & kBootContent) != 0 ? find_frame(boot_.contents, frame) : nullptr;
}

// ---- time ----

void Marks::finish_boot() {
  check(clock_.program_start == 1 && boot_.boot_memory.empty(), "a machine boots once");
  std::sort(program_.begin(), program_.end());
  for (Pfn frame : program_) {
    std::uint8_t& bits = contents_[frame.raw()];
    descriptors_[frame.raw()].stamp = 0;
    bits = static_cast<std::uint8_t>((bits & ~kTouched) | kBootHead);
    boot_.heads.push_back({frame, descriptors_[frame.raw()]});
    if ((bits & kAnyWritten) == 0) continue;
    bits |= kBootContent;
    save_content(frame, boot_);
  }
  program_.clear();
  changed_.clear();
  for (TrackedMemory* memory : tracked_) memory->finish_boot();
  boot_.boot_memory.assign(boot_memory_.data(), boot_memory_.data() + boot_memory_.used());
  clock_.program_start = epoch_ = ++clock_.operation;
}

void Marks::reset_frames() {
  for (Pfn frame : program_) {
    FrameDescriptor& descriptor = descriptors_[frame.raw()];
    poison_if_used(descriptor, frame);
    const SavedHead* head = boot_head(frame);
    descriptor = head != nullptr ? head->descriptor : FrameDescriptor{};
  }
  for (Pfn frame : program_) {
    unpoison_if_used(descriptors_[frame.raw()], frame);
    std::uint8_t& bits = contents_[frame.raw()];
    bits &= static_cast<std::uint8_t>(~kUnread);
    if ((bits & kTouched) == 0) continue;
    if (const SavedContent* content = boot_content(frame); content != nullptr) {
      restore_content(*content, boot_);
      bits |= kWritten;
    } else if ((bits & kAnyWritten) != 0) {
      fill_what_was_written(frame);
    }
    bits &= static_cast<std::uint8_t>(~kTouched);
  }
  program_.clear();
}

void Marks::reset() {
  forget_snapshot();
  reset_frames();
  for (TrackedMemory* memory : tracked_) memory->reset();
  std::memcpy(boot_memory_.data(), boot_.boot_memory.data(), boot_.boot_memory.size());
  changed_.clear();
  begin_operation();
  clock_.program_start = epoch_ = clock_.operation;
  if (++resets_ % kAuditedResets != 0) return;
  audit_reset(audited_, kAuditedFrames);
  audited_ = audited_.raw() + kAuditedFrames < frames_ ? audited_ + PageCount(kAuditedFrames) : Pfn(0);
}

void Marks::forget_snapshot() {
  for (const SavedContent& saved : snapshot_.contents) {
    contents_[saved.frame.raw()] &= static_cast<std::uint8_t>(~kSaved);
  }
  snapshot_.heads.clear();
  snapshot_.contents.clear();
  snapshot_.pages.clear();
  for (TrackedMemory* memory : tracked_) memory->forget_snapshot();
  clock_.snapshot_start = 0;
  epoch_ = clock_.program_start;
  content_ready_ &= static_cast<std::uint8_t>(~kSaved);
}

void Marks::snapshot() {
  forget_snapshot();
  begin_operation();
  clock_.snapshot_start = epoch_ = clock_.operation;
  content_ready_ |= kSaved;
  snapshot_.boot_memory.assign(boot_memory_.data(), boot_memory_.data() + boot_memory_.used());
}

void Marks::restore() {
  check(clock_.snapshot_start != 0, "only what was saved is restored");
  for (const SavedHead& saved : snapshot_.heads) {
    FrameDescriptor& descriptor = descriptors_[saved.frame.raw()];
    poison_if_used(descriptor, saved.frame);
    descriptor = saved.descriptor;
    // Still one of those that reset() has to visit.
    descriptor.stamp = clock_.program_start;
  }
  for (const SavedHead& saved : snapshot_.heads) unpoison_if_used(saved.descriptor, saved.frame);
  for (const SavedContent& saved : snapshot_.contents) {
    restore_content(saved, snapshot_);
    // Touched stays: the frame may have been written in this program before the snapshot, or stands in program_ anyway.
    contents_[saved.frame.raw()] = static_cast<std::uint8_t>(saved.bits | kTouched);
  }
  for (TrackedMemory* memory : tracked_) memory->restore();
  std::memcpy(boot_memory_.data(), snapshot_.boot_memory.data(), snapshot_.boot_memory.size());
  snapshot_.heads.clear();
  snapshot_.contents.clear();
  snapshot_.pages.clear();
  begin_operation();
  clock_.snapshot_start = epoch_ = clock_.operation;
}

// Numbers start again: 1 touched in the program, 2 saved by the snapshot, 3 now. All other stamps are 0 already.
void Marks::renumber() {
  for (Pfn frame : program_) descriptors_[frame.raw()].stamp = 1;
  for (const SavedHead& saved : snapshot_.heads) descriptors_[saved.frame.raw()].stamp = 2;
  for (TrackedMemory* memory : tracked_) memory->renumber();
  clock_ = {.operation = 3, .program_start = 1, .snapshot_start = clock_.snapshot_start != 0 ? 2u : 0u};
  epoch_ = clock_.snapshot_start != 0 ? clock_.snapshot_start : clock_.program_start;
}

void Marks::audit_reset(Pfn first, std::uint64_t count) const {
  const FrameDescriptor untouched{};
  const std::uint64_t end = std::min(frames_, first.raw() + count);
  for (std::uint64_t i = first.raw(); i < end; ++i) {
    const Pfn frame(i);
    const SavedHead* head = boot_head(frame);
    const FrameDescriptor& expected = head != nullptr ? head->descriptor : untouched;
    check(std::memcmp(&descriptors_[i], &expected, sizeof expected) == 0, "every write of a descriptor is marked");
    if (const SavedContent* content = boot_content(frame); content != nullptr) {
      check(frames_equal(bytes_of(frame), boot_.pages.data() + content->page * kPageBytes),
            "every write of a boot frame is marked");
    } else if ((contents_[i] & kFilled) != 0) {
      check(holds_junk(bytes_of(frame), frame), "every write of a frame is marked");
    }
  }
  for (const TrackedMemory* memory : tracked_) {
    check(memory->is_as_at_boot(), "every write of a tracked array is marked");
  }
  check(std::memcmp(boot_memory_.data(), boot_.boot_memory.data(), boot_.boot_memory.size()) == 0,
        "boot structures are as at boot");
}

}  // namespace mmtwin::impl
