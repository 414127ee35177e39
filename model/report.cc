#include "model/report.h"

#include <cstdlib>
#include <utility>

namespace mmtwin::model {

void Report::start() {
  finding_.reset();
  changes_.clear();
  batch_ = 0;
  gave_up_ = false;
}

void Report::begin_batch() {
  if (++batch_ == 0) std::abort();  // stamps would repeat
  changes_.clear();
}

void Report::violated(Law law, std::string_view field, std::string expected, std::string actual) {
  if (!finding_) finding_ = Finding{law, field, std::move(expected), std::move(actual)};
}
void Report::violated(Law law, std::string_view field, std::uint64_t expected, std::uint64_t actual) {
  if (!finding_) finding_ = Finding{law, field, std::to_string(expected), std::to_string(actual)};
}

void Report::changed(FrameRecord& record, std::uint64_t frame) {
  if (record.changed_in == batch_) return;
  record.changed_in = batch_;
  changes_.frames.push_back(Pfn(frame));
}

// The kernel's own space and one that is being made have no name that anybody could look at.
void Report::changed(Space& space) {
  if (space.changed_in == batch_ || !space.named) return;
  space.changed_in = batch_;
  changes_.spaces.push_back(space.handle);
}

}  // namespace mmtwin::model
