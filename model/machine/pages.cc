#include "model/machine/pages.h"

namespace mmtwin::model {

std::uint32_t Pages::make(std::uint64_t frame) {
  std::uint32_t page = 0;
  if (!spare_.empty()) {
    page = spare_.back();
    spare_.pop_back();
  } else {
    page = ++used_;
    if (page == pages_.size()) pages_.emplace_back();
  }
  Page& fresh = pages_[page];
  fresh.frame = frame;
  fresh.mappings = 0;
  fresh.shared_until = 0;
  fresh.exclusive = Exclusive::kNo;
  fresh.is_zero = true;
  ++live_;
  return page;
}

std::uint32_t Pages::copy(std::uint32_t from, std::uint64_t frame) {
  const std::uint32_t page = make(frame);
  if (from != 0 && !pages_[from].is_zero) {
    Page& to = pages_[page];
    if (!to.bytes) to.bytes = std::make_unique<PageBytes>();
    *to.bytes = *pages_[from].bytes;
    to.is_zero = false;
  }
  return page;
}

void Pages::drop(std::uint32_t page) {
  spare_.push_back(page);
  --live_;
}

void Pages::store(std::uint32_t page, std::uint64_t offset, std::uint8_t byte) {
  Page& to = pages_[page];
  if (to.is_zero) {
    if (!to.bytes) to.bytes = std::make_unique<PageBytes>();
    to.bytes->fill(0);
    to.is_zero = false;
  }
  (*to.bytes)[offset] = byte;
}

std::uint8_t Pages::load(std::uint32_t page, std::uint64_t offset) const {
  return pages_[page].is_zero ? std::uint8_t{0} : (*pages_[page].bytes)[offset];
}

void Pages::clear() {
  spare_.clear();
  used_ = 0;
  live_ = 0;
}

}  // namespace mmtwin::model
